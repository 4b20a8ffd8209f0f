"""Accuracy, size and speed on English homographs in sentences (Wikipedia Homograph Data).

    python benchmarks/homographs.py homographs_train.tsv homographs_eval.tsv

Compared: the CMU dictionary's first reading (what a dictionary alone does), the reading most frequent in the training
lines, and the classifier.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch
from report import environment, write_result

from glmtts.text.data import data_file
from glmtts.text.english import dictionary
from glmtts.text.homographs import WEIGHTS, WORDS, homograph_model

sys.path.append(str(Path(__file__).parents[1] / "recipes/text"))
from train_homographs import Occurrence, read_occurrences

Chooser = Callable[[str, int, int], str]


def most_frequent(lines: list[Occurrence]) -> Chooser:
    """Each word's label with the most training lines."""
    counts: dict[str, Counter[str]] = {}
    for text, start, end, label in lines:
        counts.setdefault(text[start:end].lower(), Counter())[label] += 1
    return lambda text, start, end: counts[text[start:end].lower()].most_common(1)[0][0]


def first_reading() -> Chooser:
    """The label whose phones the CMU dictionary lists first, or none."""
    words = homograph_model().words

    def choose(text: str, start: int, end: int) -> str:
        word = text[start:end].lower()
        phones = tuple(dictionary().get(word, ()))
        return next((label for label, known in words[word].items() if known == phones), "")

    return choose


def measure(choose: Chooser, lines: list[Occurrence], size: int) -> dict[str, float]:
    """Accuracy over all lines, mean accuracy over words, homographs a CPU second."""
    choose(*lines[0][:3])
    started = time.process_time()
    right = [choose(text, start, end) == label for text, start, end, label in lines]
    taken = time.process_time() - started
    words: dict[str, list[bool]] = {}
    for (text, start, end, _), good in zip(lines, right, strict=True):
        words.setdefault(text[start:end].lower(), []).append(good)
    return {
        "accuracy_percent": round(100 * sum(right) / len(right), 2),
        "mean_over_words_percent": round(100 * sum(sum(good) / len(good) for good in words.values()) / len(words), 2),
        "megabytes": round(size / 1e6, 2),
        "homographs_per_cpu_second": round(len(lines) / max(taken, 1e-6)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path, help="homographs_train.tsv, for the most frequent readings")
    parser.add_argument("lines", type=Path, help="homographs_eval.tsv")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    lines = read_occurrences(arguments.lines)
    cmu = data_file("cmudict.xz").stat().st_size
    ours = data_file(WEIGHTS).stat().st_size + data_file(WORDS).stat().st_size
    systems = {
        "CMU dictionary, first reading": measure(first_reading(), lines, cmu),
        "most frequent reading": measure(most_frequent(read_occurrences(arguments.train)), lines, cmu),
        "ours": measure(homograph_model().label, lines, cmu + ours),
    }
    write_result("homographs", environment() | {"lines": len(lines), "systems": systems})


if __name__ == "__main__":
    main()
