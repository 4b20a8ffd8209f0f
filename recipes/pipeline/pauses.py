"""What the threshold of punctuation by pauses is, and what it gives, by unit and spread, on real speech.

    python recipes/pipeline/pauses.py CORPUS --lines 60

Lines of a corpus whose texts have punctuation inside are aligned; each rule says where a mark should be, and the marks
of the text are the truth: a reader pauses at most of them, and seldom elsewhere.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from tqdm import tqdm

from glmtts.audio.io import load_audio
from glmtts.data.pipeline.stages.punctuate import (
    PunctuateConfig,
    character_durations,
    is_pause,
    pause_threshold,
    silences,
)
from glmtts.data.pipeline.stages.token_reader import SAMPLE_RATE, TimedUnit, TokenReader
from glmtts.eval.hardware import environment
from glmtts.programs import read_index, recording, run_program, write_text
from glmtts.text.normalise import normalise

RESULT = Path(__file__).parents[2] / "benchmarks" / "results" / "pauses.json"
FOLDERS = {"zh": "zh_daily", "en": "ljspeech"}
SPREADS: dict[str, dict[str, Any]] = {
    "variance of seconds": {"frame_seconds": 1.0},
    "variance of 40 ms frames": {"frame_seconds": 0.04},
    "variance of 20 ms frames": {"frame_seconds": 0.02},
    "variance of 10 ms frames": {"frame_seconds": 0.01},
    "standard deviation": {"spread": "std"},
}
RULES = {
    name + (", with silence" if silence else ""): PunctuateConfig(min_silence=silence, **options)
    for name, options in SPREADS.items()
    for silence in (0.0, 0.1)
}
Line = tuple[list[TimedUnit], list[float]]  # units, and the silence between them


def aligned_lines(corpus: Path, language: str, lines: int, reader: TokenReader) -> list[Line]:
    """Lines with at least one mark before their end, aligned; every seventh, so that speakers and texts vary."""
    folder, found = corpus / FOLDERS[language], []
    rows = [
        row for row in read_index(folder, ("id", "text")) if any(mark in row["text"][:-1] for mark in ",，。！？!?;；")
    ]
    for row in tqdm(rows[:: max(1, len(rows) // lines)][:lines], desc=language):
        text = normalise(row["text"], language)
        wave = load_audio(recording(folder, row), SAMPLE_RATE).numpy()
        if timed := reader.aligned(reader.log_probs(wave), text):
            found.append((timed, silences(wave, timed)))
    return found


def judged(lines: list[Line], config: PunctuateConfig) -> dict[str, float | None]:
    """Median threshold in seconds, and precision and recall of the marks inside the lines."""
    thresholds, right, placed, written = [], 0, 0, 0
    for timed, quiet in lines:
        threshold = pause_threshold(character_durations(timed), config)
        thresholds.append(threshold)
        for (one, after), silence in zip(pairwise(timed), quiet, strict=True):
            pause, mark = is_pause(one, after, silence, threshold, config), bool(one.unit.mark)
            right, placed, written = right + (pause and mark), placed + pause, written + mark
    return {
        "threshold": round(float(np.median(thresholds)), 3),
        "precision": round(right / placed, 2) if placed else None,
        "recall": round(right / written, 2) if written else None,
        "marks": placed,
        "marks_in_texts": written,
    }


def main(
    corpus: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The folder of corpora.")],
    lines: Annotated[int, typer.Option(min=1, help="Lines a language.")] = 60,
) -> None:
    """Measure the rules, and write benchmarks/results/pauses.json."""
    reader, result = TokenReader(), dict[str, Any]()
    for language in FOLDERS:
        found = aligned_lines(corpus, language, lines, reader)
        durations = np.array([one for timed, _ in found for one in character_durations(timed)])
        result[language] = {
            "lines": len(found),
            "mean_duration": round(float(durations.mean()), 3),
            "std_duration": round(float(durations.std()), 3),
            "rules": {name: judged(found, config) for name, config in RULES.items()},
        }
    text = json.dumps({**environment(), **result}, indent=1, ensure_ascii=False)
    write_text(RESULT, text + "\n")
    print(text)


if __name__ == "__main__":
    run_program(lambda: typer.run(main))
