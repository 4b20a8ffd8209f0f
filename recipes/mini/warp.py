"""Make more speakers of the ones at hand: play recordings faster or slower, so that pitch and formants move together.

    python recipes/mini/warp.py --corpus corpus/zh_daily corpus/en corpus/speechocean762 --hours 3 --out corpus/warped

A factor of 0.82 to 1.22 (none within 5 % of 1) gives a voice that a speaker model hears as another one (Yamamoto et
al., "Speaker augmentation and bandwidth extension for deep speaker embedding", 2019). The flow trains on them; the
language model does not, as their tempo is not a speaker's own. Resumable; writes FLAC and an `index.jsonl`.
"""

import random
from collections.abc import Sequence
from pathlib import Path

from corpora import SAMPLE_RATE, add_recording, read_corpus
from tqdm import tqdm

from glmtts.audio.io import load_audio
from glmtts.audio.resample import resample
from glmtts.data import Utterance
from glmtts.programs import (
    a_folder,
    check_names,
    folder_to_fill,
    number_from,
    parser_of,
    read_rows,
    run_program,
    whole_from,
)

SLOWER, FASTER = (0.82, 0.95), (1.05, 1.22)
PARTS = 16  # a speaker's recordings become so many new speakers


def chosen(folders: list[Path], hours: float, seed: int) -> list[Utterance]:
    """Utterances of all corpora, an equal share of time from each as far as it reaches, in random order."""
    rng = random.Random(seed)
    picked: list[Utterance] = []
    for folder in folders:
        utterances = read_corpus(folder)
        rng.shuffle(utterances)
        seconds = 0.0
        for utterance in utterances:
            if seconds >= hours * 3600 / len(folders):
                break
            picked.append(utterance)
            seconds += utterance.seconds
    rng.shuffle(picked)
    return picked


def name_of(utterance: Utterance) -> str:
    """What its warped recording is called: by corpus and id."""
    return f"{utterance.speaker.partition('/')[0]}_{utterance.id}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--corpus", type=a_folder, nargs="+", required=True)
    parser.add_argument("--hours", type=number_from(above=True), default=3.0, help="of recordings, in all")
    parser.add_argument("--out", type=folder_to_fill, required=True)
    parser.add_argument("--seed", type=whole_from(0), default=13)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    index = options.out / "index.jsonl"
    done = {record["id"] for record in read_rows(index)}
    picked = {name_of(one): one for one in chosen(options.corpus, options.hours, options.seed)}
    check_names(picked)
    for name, utterance in tqdm(picked.items(), desc="warp", unit="utt"):
        if name in done:
            continue
        part = sum(utterance.id.encode()) % PARTS
        rng = random.Random(f"{options.seed}/{utterance.speaker}/{part}")
        factor = round(rng.uniform(*rng.choice((SLOWER, FASTER))), 3)
        samples = resample(load_audio(utterance.extra["path"], SAMPLE_RATE), round(SAMPLE_RATE * factor), SAMPLE_RATE)
        record = {
            "id": name,
            "file": f"{name}.flac",
            "lang": utterance.language,
            "text": utterance.text,
            "speaker": f"{utterance.speaker}*{factor}",
        }
        add_recording(index, record, samples.numpy())


if __name__ == "__main__":
    run_program(main)
