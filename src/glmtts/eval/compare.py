"""Two systems on the same lines: paired differences, a permutation test, and the effect the sample could have seen."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glmtts.errors import EvaluationError
from glmtts.eval.results import Results
from glmtts.eval.statistics import Paired, finite, paired
from glmtts.places import anything_at


@dataclass(frozen=True)
class Comparison:
    """One column of one list (None: all lists together); `better` is the column's better end.

    `others` are lines of the two under one id that are not the same: another text, or another speaker to clone.
    """

    list: str | None
    column: str
    better: str
    found: Paired
    others: int = 0

    @property
    def verdict(self) -> str:
        """In words: which is better, or that none was seen, and what could have been."""
        seen = self.found.p < 0.05
        if not seen:
            limit = f"; a difference of {self.found.detectable:.3g} would have shown" if self.found.detectable else ""
            return f"no difference seen{limit}"
        if not self.better:
            return "they differ"
        # the difference is B − A
        return "B is better" if (self.found.difference > 0) == (self.better == "higher") else "A is better"


def chosen(text: str) -> tuple[Results, str]:
    """Results and system of `FOLDER[:SYSTEM]`; of a folder with one system, its name may be left out.

    Raises:
        EvaluationError: there are no results, or no such system.
    """
    # a folder and a system may together be longer than a name can be
    folder, name = (text, None) if anything_at(Path(text)) else _parted(text)
    results = Results.load(Path(folder))
    labels = list(dict.fromkeys(one["system"] for one in results.utterances))
    if name is None and len(labels) == 1:
        return results, labels[0]
    if name is None or name not in labels:
        raise EvaluationError(f"{folder} has the systems {', '.join(labels)}. Write {folder}:SYSTEM.")
    return results, name


def compare(a: tuple[Results, str], b: tuple[Results, str], seed: int = 0) -> list[Comparison]:
    """Every column that both have, a list at a time and, where there are several, all together.

    An error rate is compared with everything counted: a missing output is an error of 1. For other values, lines of
    which one has none, or one that is not finite, are left out. So are lines that a list has changed since the other
    run, or that another corpus has under the same id: their number is told beside that of those compared.

    Raises:
        EvaluationError: they have no lines or no columns in common.
    """
    ours, theirs = _lines(*a), _lines(*b)
    columns = [column for column in a[0].columns if column["key"] in {other["key"] for other in b[0].columns}]
    # sorted: what a seed draws depends on the order, and that of a set of strings changes between processes
    shared = sorted(ours.keys() & theirs.keys())
    same = [key for key in shared if _said(ours[key]) == _said(theirs[key])]
    if shared and not same:
        raise EvaluationError(
            f"The two say other texts, or clone other speakers, in all {len(shared)} lines that they have in common. "
            "Run both on the same lists, and with the same --corpus."
        )
    if not same or not columns:
        raise EvaluationError("The two have no lines or no columns in common. Run both on the same lists.")
    lists = list(dict.fromkeys(name for name, _ in shared))
    groups: list[str | None] = [*lists, None] if len(lists) > 1 else [*lists]
    found = []
    for group in groups:
        keys = [key for key in same if group in (None, key[0])]
        others = sum(group in (None, name) for name, _ in shared) - len(keys)
        for column in columns:
            pairs = _pairs(column["key"], keys, ours, theirs)
            if pairs:
                one, other = zip(*pairs, strict=True)
                found.append(Comparison(group, column["title"], column["better"], paired(one, other, seed), others))
    return found


def measured_otherwise(a: Results, b: Results) -> list[str]:
    """Sentences that name what listened to or judged two runs in other ways: their figures differ by that too."""
    ours, theirs = (_judges(one) for one in (a, b))
    return [
        f"A and B were not measured alike, {stage} of A: {_said_of(ours[stage])}; of B: {_said_of(theirs[stage])}. "
        "What differs below may be that."
        for stage in ours
        if stage in theirs and ours[stage] != theirs[stage]
    ]


def comparison_table(found: Sequence[Comparison]) -> tuple[list[str], list[list[str]]]:
    """Heads and rows."""
    heads = ["list", "column", "lines", "A", "B", "B − A [95 %]", "p", "smallest that would show", "verdict"]
    return heads, [
        [
            one.list or "all",
            one.column,
            str(one.found.pairs) + (f" ({one.others} of other texts left out)" if one.others else ""),
            f"{one.found.a:.4f}",
            f"{one.found.b:.4f}",
            f"{one.found.difference:+.4f}" + _within(one.found),
            f"{one.found.p:.4f}",
            "–" if one.found.detectable is None else f"{one.found.detectable:.4f}",
            one.verdict,
        ]
        for one in found
    ]


def _within(found: Paired) -> str:
    return f" [{found.interval[0]:+.4f}, {found.interval[1]:+.4f}]" if found.interval else ""


def _judges(results: Results) -> dict[str, Any]:
    """What each stage says of itself; of the recognisers, whose folders are named by them, under one name."""
    stages = results.about.get("stages", {})
    return {"recognisers" if name.startswith("asr-") else name: about for name, about in stages.items()}


def _said_of(about: Any) -> str:
    return json.dumps(about, ensure_ascii=False, sort_keys=True)


def _parted(text: str) -> tuple[str, str | None]:
    folder, colon, name = text.rpartition(":")
    return (folder, name) if colon else (text, None)


Lines = dict[tuple[str, str], dict[str, Any]]


def _lines(results: Results, system: str) -> Lines:
    return {(one["list"], one["id"]): one for one in results.utterances if one["system"] == system}


def _said(one: dict[str, Any]) -> tuple[str, str | None]:
    """What makes two lines the same: `mini-clone` has the texts of every corpus under the same ids."""
    return one["text"], one["labels"].get("speaker")


def _pairs(key: str, keys: Sequence[tuple[str, str]], a: Lines, b: Lines) -> list[tuple[float, float]]:
    both = [(a[place]["values"].get(key), b[place]["values"].get(key)) for place in keys]
    return [(one, other) for one, other in both if finite(one) and finite(other)]
