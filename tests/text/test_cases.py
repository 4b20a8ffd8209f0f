"""Written to spoken on tables of cases, kind by kind: those of strangers where they are there, and ours."""

from collections import Counter
from pathlib import Path

import pytest

from glmtts.eval.text.cases import Case, acceptable, read_cases
from glmtts.text.frontend import TextConfig, TextFrontend
from glmtts.text.normalise import normalise
from tests.tiny import tiny_tokenizer

OWN = Path(__file__).parent / "data"
STRANGERS = Path(__file__).parents[3] / "shared" / "cases" / "text.tsv"
# Letters by context are judged with the readings; the other kinds are those of this table.
REQUIRED = 0.95


def failures(cases: list[Case]) -> list[tuple[str, str, str]]:
    front = TextFrontend(TextConfig(), tiny_tokenizer())
    wrong = [
        case for case in cases if not acceptable(case, lambda text, lang=case.language: normalise(text, lang), front)
    ]
    return [(case.written, case.spoken, normalise(case.written, case.language)) for case in wrong]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_our_cases_are_spoken_acceptably(language: str) -> None:
    assert failures(read_cases(OWN / f"cases_{language}.tsv")) == []


def test_every_kind_of_the_strangers_has_as_many_cases_of_ours() -> None:
    if not STRANGERS.exists():
        pytest.skip(f"{STRANGERS} is not there: cases of other people are kept outside the repository")
    ours = Counter((case.language, case.kind) for path in OWN.glob("cases_*.tsv") for case in read_cases(path))
    theirs = Counter((case.language, case.kind) for case in read_cases(STRANGERS))
    unmatched = {kind: count for kind, count in theirs.items() if ours[kind] < count and kind[1] not in ("letters",)}
    assert unmatched == {}


def test_cases_of_strangers() -> None:
    if not STRANGERS.exists():
        pytest.skip(f"{STRANGERS} is not there: cases of other people are kept outside the repository")
    cases = read_cases(STRANGERS)
    wrong = failures(cases)
    assert len(wrong) <= (1 - REQUIRED) * len(cases), wrong


def test_a_wrong_value_is_seen() -> None:
    case = Case("en", "power", "10^9 stars", "ten to the ninth stars")
    assert not acceptable(case, lambda text: "one hundred nine stars", None)
    assert acceptable(case, lambda text: "Ten to the ninth stars.", None)
