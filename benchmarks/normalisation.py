"""Written to spoken: share right of the table-driven test set, its failures, and sentences a second on one core.

python benchmarks/normalisation.py
"""

import time
from pathlib import Path

import torch
from report import environment, write_result

from glmtts.text.normalise import normalise

CASES = Path(__file__).parents[1] / "tests" / "text"
TARGET_SECONDS = 1.0


def failures(language: str) -> tuple[int, list[dict[str, str]]]:
    """Number of cases, and those that come out otherwise."""
    lines = (CASES / f"normalisation_{language}.tsv").read_text(encoding="utf-8").splitlines()
    wrong = []
    for line in lines:
        written, spoken = line.split("\t")
        if (got := normalise(written, language)) != spoken:
            wrong.append({"written": written, "right": spoken, "ours": got})
    return len(lines), wrong


def throughput(language: str) -> int:
    """Sentences a second: the cases of the test set over and over, all with something to normalise."""
    lines = (CASES / f"normalisation_{language}.tsv").read_text(encoding="utf-8").splitlines()
    sentences = [line.split("\t")[0] for line in lines]
    started, count = time.process_time(), 0
    while time.process_time() - started < TARGET_SECONDS:
        for sentence in sentences:
            normalise(sentence, language)
        count += len(sentences)
    return round(count / (time.process_time() - started))


def main() -> None:
    torch.set_num_threads(1)
    result = environment()
    for language in ("zh", "en"):
        cases, wrong = failures(language)
        result[language] = {
            "cases": cases,
            "right_percent": round(100 * (1 - len(wrong) / cases), 2),
            "failures": wrong,
            "sentences_per_cpu_second": throughput(language),
        }
    write_result("normalisation", result)


if __name__ == "__main__":
    main()
