"""Make more speakers of the ones at hand: play recordings faster or slower, so that pitch and formants move together.

    python recipes/mini/warp.py --corpus corpus/zh_daily corpus/en corpus/speechocean762 --hours 3 --out corpus/warped

A factor of 0.82 to 1.22 (none within 5 % of 1) gives a voice that a speaker model hears as another one (Yamamoto et
al., "Speaker augmentation and bandwidth extension for deep speaker embedding", 2019). The flow trains on them; the
language model does not, as their tempo is not a speaker's own. Resumable; writes FLAC and an `index.jsonl`.
"""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

from corpora import SAMPLE_RATE, add_recording, read_corpus, read_index
from tqdm import tqdm

from glmtts.audio.io import load_audio
from glmtts.audio.resample import resample
from glmtts.data import Utterance

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


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpus", type=Path, nargs="+", required=True)
    parser.add_argument("--hours", type=float, default=3.0, help="of recordings, in all")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=13)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    index = options.out / "index.jsonl"
    done = {record["id"] for record in read_index(index)}
    for utterance in tqdm(chosen(options.corpus, options.hours, options.seed), desc="warp", unit="utt"):
        name = f"{utterance.speaker.partition('/')[0]}_{utterance.id}"
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
    main()
