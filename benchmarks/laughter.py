"""How well the laughter scorer parts laughs from speech: area under the curve, with its interval.

    python benchmarks/laughter.py --weights resnet_without_augmentation.safetensors --laughs FOLDER --speech FOLDER

Every audio file below the folders is one clip, of which the first three seconds count. Of each speech folder, --clips
are taken, evenly spaced. Results go to benchmarks/results/laughter.json.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from report import environment, write_result
from tqdm import tqdm

from glmtts.audio.io import load_audio
from glmtts.errors import AudioError, EvaluationError
from glmtts.eval import scorers
from glmtts.eval.scorers import Clip
from glmtts.programs import a_file, a_folder, parser_of, run_program, whole_from

SUFFIXES = {".wav", ".mp3", ".ogg", ".opus", ".flac"}
LONGEST_SECONDS, RATE = 3.0, 8000
RESAMPLES = 2000


def clips_of(folder: Path, most: int | None) -> list[Clip]:
    """Clips of the audio files below a folder."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if most is not None and len(paths) > most:
        paths = [paths[int(place)] for place in np.linspace(0, len(paths) - 1, most)]
    found = []
    for path in paths:
        try:
            found.append(Clip(path.name, load_audio(path, RATE, LONGEST_SECONDS).numpy(), RATE, "", "en"))
        except AudioError as error:
            print(error)
    if not found:
        raise EvaluationError(f"{folder} has no audio that can be read. Give another folder.")
    return found


def area(positive: np.ndarray, negative: np.ndarray) -> float:
    """The probability that a laugh scores higher than speech (ties count half)."""
    greater = (positive[:, None] > negative[None]).mean()
    return float(greater + 0.5 * (positive[:, None] == negative[None]).mean())


def interval(positive: np.ndarray, negative: np.ndarray) -> list[float]:
    """Bootstrap interval of 95 %, laughs and speech drawn apart."""
    draw = np.random.default_rng(0)
    areas = [area(draw.choice(positive, len(positive)), draw.choice(negative, len(negative))) for _ in range(RESAMPLES)]
    return [round(float(q), 4) for q in np.quantile(areas, (0.025, 0.975))]


def summary(positive: Sequence[float], negative: Sequence[float]) -> dict[str, Any]:
    """Area, interval, and what the threshold of 0.5 finds."""
    laughs, speech = np.asarray(positive), np.asarray(negative)
    return {
        "laughs": len(laughs),
        "speech": len(speech),
        "auc": round(area(laughs, speech), 4),
        "auc_95": interval(laughs, speech),
        "laughs_found_at_0.5": round(float((laughs > 0.5).mean()), 3),
        "speech_taken_for_laughter_at_0.5": round(float((speech > 0.5).mean()), 3),
    }


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--weights", type=a_file, required=True)
    parser.add_argument("--laughs", type=a_folder, nargs="+", required=True)
    parser.add_argument("--speech", type=a_folder, nargs="+", required=True)
    parser.add_argument("--clips", type=whole_from(), default=20, help="speech clips a folder")
    given = parser.parse_args()
    torch.set_num_threads(1)
    scorer = scorers.load("laughter", weights=given.weights)

    def scored(folder: Path, most: int | None) -> list[float]:
        clips = clips_of(folder, most)
        return [float(scorer.score([clip])[0]["laughter"] or 0) for clip in tqdm(clips, desc=folder.name)]

    speech = {folder.name: scored(folder, given.clips) for folder in given.speech}
    laughs = {folder.name: scored(folder, None) for folder in given.laughs}
    every = ([value for found in group.values() for value in found] for group in (laughs, speech))
    all_laughs, all_speech = every
    write_result(
        "laughter",
        {
            **environment(),
            "all": summary(all_laughs, all_speech),
            "by_laughs": {name: summary(found, all_speech) for name, found in laughs.items()},
            "by_speech": {name: summary(all_laughs, found) for name, found in speech.items()},
        },
    )


if __name__ == "__main__":
    run_program(main)
