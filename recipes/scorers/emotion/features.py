"""Hidden states of Whisper's encoder for a folder of RAVDESS, with augmented copies; resumable.

    python recipes/scorers/emotion/features.py RAVDESS --whisper model.bin --out FEATURES --copies 6

RAVDESS holds index.jsonl (id, speaker, emotion) and ID.opus. One file an actor: ACTOR.safetensors.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from glmtts.audio.io import load_audio
from glmtts.audio.resample import resample
from glmtts.errors import DataError
from glmtts.eval.scorers.networks.emotion import LABELS
from glmtts.eval.scorers.networks.whisper_states import SAMPLE_RATE, WhisperStates, WhisperStatesConfig
from glmtts.programs import (
    Record,
    a_file,
    a_folder,
    check_names,
    folder_to_fill,
    parser_of,
    read_index,
    recording,
    run_program,
    whole_from,
    write_whole,
)
from glmtts.speech_tokenizer.whisper import encoder_weights

SPEEDS = (0.88, 1.14)  # of pitch and tempo together: voices that the sixteen actors do not have
NOISE_DB = (10.0, 40.0)  # signal to noise
TILT_DB = 6.0  # of a first-order filter: microphones


def augmented(samples_T: Tensor, random: np.random.Generator) -> Tensor:
    """A copy at another speed and pitch, coloured, with noise, cut at the ends by up to a tenth."""
    speed = random.uniform(*SPEEDS)
    copy = resample(samples_T, int(SAMPLE_RATE * speed), SAMPLE_RATE)
    tilt = 1 - 10 ** (-random.uniform(0, TILT_DB) / 20)
    previous = torch.cat([copy[:1], copy[:-1]])
    copy = copy + (tilt if random.random() < 0.5 else -0.7 * tilt) * previous
    start, stop = (int(len(copy) * random.uniform(0, 0.1)) for _ in range(2))
    copy = copy[start : len(copy) - stop]
    level = copy.square().mean().sqrt() * 10 ** (-random.uniform(*NOISE_DB) / 20)
    return copy + level * torch.from_numpy(random.standard_normal(len(copy)).astype(np.float32))


def encoder_from(path: Path) -> WhisperStates:
    """Whisper's encoder from a CTranslate2 model.bin or the Hub's model.safetensors."""
    weights = encoder_weights(path)
    layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("layers."))
    width = weights["conv1.bias"].shape[0]
    sizes = {"width": width, "heads": width // 64, "ffn": 4 * width, "layers": layers}
    encoder = WhisperStates(WhisperStatesConfig(**sizes))
    encoder.load_state_dict(weights, strict=False)
    return encoder.eval()


def check(records: Sequence[Record], actor: str | None) -> None:
    """See before the first clip is read that all of them can be used.

    Raises:
        DataError: an id is not RAVDESS's, an emotion is not known, a name is none of a file, or the actor is not there.
    """
    for record in records:
        if not record["id"].replace("-", "").isdecimal() or record["emotion"] not in LABELS:
            raise DataError(
                f"The line of {record['id']} has no id in figures, or none of the emotions {', '.join(LABELS)}."
            )
    actors = sorted({record["speaker"] for record in records})
    check_names(actors)
    if actor is not None and actor not in actors:
        raise DataError(f"There is no actor '{actor}'. Known are: {', '.join(actors)}.")


@torch.inference_mode()
def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("ravdess", type=a_folder)
    parser.add_argument("--whisper", type=a_file, required=True, help="model.bin of CTranslate2 or model.safetensors")
    parser.add_argument("--out", type=folder_to_fill, required=True)
    parser.add_argument("--copies", type=whole_from(0), default=6, help="augmented copies of each clip")
    parser.add_argument("--actor", help="only this one, such as ravdess01; all by default")
    given = parser.parse_args()
    records = read_index(given.ravdess, ("id", "speaker", "emotion"))
    check(records, given.actor)
    encoder = encoder_from(given.whisper)
    given.out.mkdir(parents=True, exist_ok=True)
    actors = [given.actor] if given.actor else sorted({record["speaker"] for record in records})
    for actor in actors:
        path = given.out / f"{actor}.safetensors"
        if path.exists():
            continue
        found = {}
        for record in tqdm([r for r in records if r["speaker"] == actor], desc=actor):
            samples = load_audio(recording(given.ravdess, record), SAMPLE_RATE)
            random = np.random.default_rng(int(record["id"].replace("-", "")))
            for copy in range(given.copies + 1):
                wave = augmented(samples, random) if copy else samples
                found[f"{record['emotion']}/{record['id']}/{copy}"] = encoder(wave).half().contiguous()
        write_whole(path, lambda part, found=found: save_file(found, part))


if __name__ == "__main__":
    run_program(main)
