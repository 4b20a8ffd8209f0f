"""Written to spoken: share right of the table-driven test set, its failures, and sentences a second on one core.

Also the whole way from text to ids, with the vocabulary of the embedded model, for sentences without polyphones and
homographs, which need no model.

python benchmarks/normalisation.py
"""

import time
from collections.abc import Callable
from pathlib import Path

import torch
from report import environment, write_result

from glmtts.bundle import Bundle
from glmtts.text.english import WORD
from glmtts.text.homographs import homograph_model
from glmtts.text.normalise import normalise
from glmtts.text.polyphones import polyphone_model

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


def rate(work: Callable[[str], object], sentences: list[str]) -> int:
    """Sentences that `work` takes in a second of CPU time, over and over after one round to warm up."""
    for sentence in sentences:
        work(sentence)
    started, count = time.process_time(), 0
    while time.process_time() - started < TARGET_SECONDS:
        for sentence in sentences:
            work(sentence)
        count += len(sentences)
    return round(count / (time.process_time() - started))


def needs_no_model(text: str) -> bool:
    """Whether every reading comes from dictionaries: no polyphone for the network, no homograph for the classifier."""
    words = homograph_model().words
    return not any(character in polyphone_model().candidates for character in text) and not any(
        word.lower() in words for word in WORD.findall(text)
    )


def main() -> None:
    torch.set_num_threads(1)
    result = environment()
    frontend = Bundle.open().frontend()

    def to_ids(text: str) -> None:
        for piece in frontend.prepare(text):
            frontend.ids(piece.text)

    for language in ("zh", "en"):
        cases, wrong = failures(language)
        lines = (CASES / f"normalisation_{language}.tsv").read_text(encoding="utf-8").splitlines()
        written = [line.split("\t")[0] for line in lines]
        plain = [text for text in written if needs_no_model(" ".join(piece.text for piece in frontend.prepare(text)))]
        result[language] = {
            "cases": cases,
            "right_percent": round(100 * (1 - len(wrong) / cases), 2),
            "failures": wrong,
            "sentences_per_cpu_second": rate(lambda text, name=language: normalise(text, name), written),
            "text_to_ids_without_model": {"sentences": len(plain), "sentences_per_cpu_second": rate(to_ids, plain)},
        }
    write_result("normalisation", result)


if __name__ == "__main__":
    main()
