"""Do the scorers rank recordings above the same recordings with noise? And what does each cost?

    python benchmarks/scorers.py --corpus CORPUS --scorer dnsmos --scorer nisqa:weights=nisqa.safetensors

30 recordings a language are scored clean, and with white noise at 10 and at 0 dB. Prompts are other recordings of the
same speaker, references the clean recordings. For each column: the means, the paired differences with their 95 %
intervals, and whether the order is as it must be. Times are of the CPU, on one thread, for a second of audio.
Results go to benchmarks/results/scorers.json; what was measured before and is not named is kept. At the end, all
results are shown as a table; without a scorer, only that.
"""

import json
import time
from argparse import ArgumentTypeError
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from report import RESULTS, environment, write_result
from tqdm import tqdm

from glmtts.audio.io import load_audio
from glmtts.eval import scorers
from glmtts.eval.scorers import Clip
from glmtts.eval.statistics import bootstrap_mean, paired
from glmtts.programs import a_folder, parser_of, read_index, recording, run_program, whole_from

RATE = 24000
LANGUAGES = {"en": ("ljspeech", None), "zh": ("aishell", "S0252")}
LEVELS: dict[str, float | None] = {"recordings": None, "10 dB": 10.0, "0 dB": 0.0}
SECONDS = (1.5, 8.0)


def recordings(corpus: Path, language: str, count: int) -> list[Clip]:
    """Clips of one speaker, each with another as its prompt and itself as its reference."""
    folder, speaker = LANGUAGES[language]
    records = read_index(corpus / folder)
    chosen = [r for r in records if SECONDS[0] <= r["seconds"] <= SECONDS[1] and speaker in (None, r["speaker"])][
        : count + 1
    ]
    waves = [load_audio(recording(corpus / folder, record), RATE).numpy() for record in chosen]
    clips = [
        Clip(record["id"], wave, RATE, record["text"], language) for record, wave in zip(chosen, waves, strict=True)
    ]
    return [
        Clip(one.id, one.wave, RATE, one.text, language, prompt=other, reference=one) for one, other in pairwise(clips)
    ]


def with_noise(clip: Clip, decibels: float | None, seed: int) -> Clip:
    """The clip with white noise at this ratio to the whole recording's power."""
    if decibels is None:
        return clip
    level = np.sqrt(np.mean(clip.wave**2)) * 10 ** (-decibels / 20)
    noise = level * np.random.default_rng(seed).standard_normal(len(clip.wave))
    wave = (clip.wave + noise).clip(-1, 1).astype(np.float32)
    return Clip(clip.id, wave, RATE, clip.text, clip.language, prompt=clip.prompt, reference=clip.reference)


def measured(scorer: scorers.Scorer, clips: list[Clip], label: str) -> dict[str, Any]:
    """Values of the ranked columns by level, their comparison, and the time."""
    values: dict[str, dict[str, list[float | None]]] = {column: {} for column in scorer.higher_is_better}
    taken = 0.0
    for level, decibels in LEVELS.items():
        for seed, clip in enumerate(tqdm(clips, desc=f"{label} {level}")):
            started = time.process_time()
            score = scorer.score([with_noise(clip, decibels, seed)])[0]
            taken += time.process_time() - started
            for column, by_level in values.items():
                by_level.setdefault(level, []).append(score[column])
    spoken = len(LEVELS) * sum(clip.seconds for clip in clips)
    columns = {
        column: compared(found, scorer.higher_is_better[column])
        for column, found in values.items()
        if any(value is not None for value in found["recordings"])
    }
    return {"columns": columns, "seconds_a_second": round(taken / spoken, 4)}


def compared(found: dict[str, list[float | None]], higher: bool) -> dict[str, Any]:
    """Means with intervals, and neighbouring levels compared clip by clip."""
    rows = [row for row in zip(*found.values(), strict=True) if None not in row]
    by_level = dict(zip(found, np.array(rows, float).T, strict=True))
    means = {level: round(float(values.mean()), 4) for level, values in by_level.items()}
    steps = {}
    levels = list(by_level)
    for better, worse in pairwise(levels):
        test = paired(by_level[worse].tolist(), by_level[better].tolist())
        low, high = test.interval or (0.0, 0.0)
        steps[f"{better} − {worse}"] = {
            "difference": round(test.difference, 4),
            "interval": [round(low, 4), round(high, 4)],
            "as_it_must_be": low > 0 if higher else high < 0,
        }
    intervals = {
        level: [round(end, 4) for end in bootstrap_mean(values.tolist()) or ()] for level, values in by_level.items()
    }
    return {"clips": len(rows), "means": means, "intervals": intervals, "steps": steps}


def table(result: dict[str, Any]) -> str:
    """The results as a table in Markdown, a column of a scorer and a language a row."""
    lines = [
        "| column | language | clips | recordings | 10 dB | 0 dB | in order | CPU s a second |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for scorer in result.values():
        for language in LANGUAGES if isinstance(scorer, dict) and "en" in scorer else ():
            for column, found in scorer[language]["columns"].items():
                values = " | ".join(
                    f"{mean:.3g} ({low:.3g} to {high:.3g})"
                    for mean, (low, high) in zip(found["means"].values(), found["intervals"].values(), strict=True)
                )
                order = ["yes" if step["as_it_must_be"] else "no" for step in found["steps"].values()]
                seconds = scorer[language]["seconds_a_second"]
                lines.append(
                    f"| `{column}` | {language} | {found['clips']} | {values} | {', '.join(order)} | {seconds:.3f} |"
                )
    return "\n".join(lines)


def parsed(text: str) -> tuple[str, dict[str, str]]:
    """`name` or `name:option=value,option=value`."""
    name, _, rest = text.partition(":")
    if wrong := [part for part in rest.split(",") if part and "=" not in part]:
        raise ArgumentTypeError(f"'{wrong[0]}' gives an option no value. Write NAME:OPTION=VALUE,OPTION=VALUE")
    return name, dict(part.split("=", 1) for part in rest.split(",") if part)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--corpus", type=a_folder, required=True)
    parser.add_argument(
        "--scorer", type=parsed, action="append", default=[], help="NAME or NAME:OPTION=VALUE,…; repeatable"
    )
    parser.add_argument("--clips", type=whole_from(2), default=30, help="recordings a language")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name, options in given.scorer:
        scorer = scorers.load(name, **options)
        by_language = {
            language: measured(scorer, recordings(given.corpus, language, given.clips), f"{name} {language}")
            for language in LANGUAGES
        }
        path = RESULTS / "scorers.json"
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        found = {
            "options": {key: Path(value).name for key, value in options.items()},
            "stand_in_for": scorer.stand_in_for,
            **by_language,
        }
        write_result("scorers", kept | environment() | {name: found})
    print(table(json.loads((RESULTS / "scorers.json").read_text(encoding="utf-8"))))


if __name__ == "__main__":
    run_program(main)
