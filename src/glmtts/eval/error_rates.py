"""Error rates to the letter of Seed-TTS-eval's and CV3-Eval's scripts, and beside them what those leave out.

The scripts take zhon's and ASCII punctuation out but the apostrophe, fold double blanks once, part Mandarin (CV3-Eval:
also Japanese and Korean) into characters, put other languages in lower case, give both to jiwer, and average the rates
of the utterances, each weighing the same. An utterance without a file is skipped there: "as published". "All counted"
takes a missing output, or one in which nothing is heard, as an error of 1. The corpus rate is edits over words.
"""

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

from glmtts.errors import EvaluationError
from glmtts.text.script import simplified as to_simplified

BY_CHARACTER = ("zh", "ja", "ko")
INSTALL = "Install it: pip install 'glm-tts[eval]'."
Units = Callable[[str], list[str]]


@dataclass(frozen=True)
class Errors:
    """Edits between what was heard and what was wanted, and words wanted (characters in Mandarin)."""

    substitutions: int
    deletions: int
    insertions: int
    words: int

    @property
    def edits(self) -> int:
        """All edits."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Edits over words; over nothing wanted, jiwer's number of insertions."""
        return self.edits / self.words if self.words else float(self.insertions)


def normalised(text: str, language: str) -> str:
    """`text` as the scripts give it to jiwer."""
    for mark in _marks():
        text = text.replace(mark, "")
    # once, and not until none is left, to the letter of the scripts
    text = text.replace("  ", " ")
    return " ".join(text) if language in BY_CHARACTER else text.lower()


def simplified(text: str) -> str:
    """A transcript of Mandarin in simplified characters: by OpenCC, or by zhconv, as the scripts do, where installed.

    zhconv is under the GPL, so that this package neither needs nor installs it. It also exchanges words of other
    regions; Paraformer writes simplified characters anyway.
    """
    if simplifier() == "zhconv":
        return str(_module("zhconv").convert(text, "zh-cn"))
    return to_simplified(text)


def simplifier() -> str:
    """What makes characters simple here: zhconv or opencc."""
    return "zhconv" if find_spec("zhconv") else "opencc"


def errors(hypothesis: str, reference: str, language: str) -> Errors:
    """The edits that jiwer finds between one transcript and its text, both normalised.

    Raises:
        EvaluationError: the extra [eval] is not installed.
    """
    return errors_of(normalised(hypothesis, language), normalised(reference, language))


def errors_of(heard: str, wanted: str) -> Errors:
    """The edits that jiwer finds between words parted by blanks."""
    found = _module("jiwer").process_words(wanted, heard)
    return Errors(found.substitutions, found.deletions, found.insertions, sum(map(len, found.references)))


def aligned(hypothesis: str, reference: str, language: str) -> list[tuple[str, str, str]]:
    """jiwer's alignment of one transcript: (equal, substitute, delete or insert; words wanted; words heard)."""
    found = _module("jiwer").process_words(normalised(reference, language), normalised(hypothesis, language))
    wanted, heard = found.references[0], found.hypotheses[0]
    return [
        (
            chunk.type,
            " ".join(wanted[chunk.ref_start_idx : chunk.ref_end_idx]),
            " ".join(heard[chunk.hyp_start_idx : chunk.hyp_end_idx]),
        )
        for chunk in found.alignments[0]
    ]


@dataclass(frozen=True)
class Rate:
    """An error rate of a list, as shares: the scripts' mean, the mean with what they skip, and by words."""

    as_published: float | None
    all_counted: float
    corpus: float | None
    above_half: int
    utterances: int
    skipped: int


def rate_of(counted: Sequence[Errors | None], heard_nothing: Sequence[bool] | None = None) -> Rate:
    """The rates of a list; None stands for an utterance without a file.

    `heard_nothing` marks outputs whose transcript is empty: their rate is 1 by jiwer already. The scripts count an
    utterance above a half apart, as a failure of the system rather than a slip; `above_half` is that number.
    """
    there = [one for one in counted if one is not None]
    silent = heard_nothing or [False] * len(counted)
    all_rates = [1.0 if one is None or quiet else one.rate for one, quiet in zip(counted, silent, strict=True)]
    words = sum(one.words for one in there)
    return Rate(
        as_published=sum(one.rate for one in there) / len(there) if there else None,
        all_counted=sum(all_rates) / len(all_rates),
        corpus=sum(one.edits for one in there) / words if words else None,
        above_half=sum(one.rate > 0.5 for one in there),
        utterances=len(counted),
        skipped=len(counted) - len(there),
    )


@cache
def _marks() -> str:
    return "".join(mark for mark in _module("zhon.hanzi").punctuation + string.punctuation if mark != "'")


@cache
def _module(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        raise EvaluationError(f"Error rates need the package '{name.partition('.')[0]}'. {INSTALL}") from None
