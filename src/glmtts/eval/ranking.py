"""Do metrics rank systems as they must? Each column against an order of systems from best to worst."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

from glmtts.errors import EvaluationError
from glmtts.eval.report.cells import figure
from glmtts.eval.results import Results
from glmtts.eval.statistics import bootstrap_mean, finite, paired

SURE = 0.05  # the usual level of a test


def ranking_table(results: Results, order: Sequence[str], seed: int = 0) -> tuple[list[str], list[list[str]]]:
    """A row a column and list: means with intervals, and whether each system is worse than the one before.

    A column of several lists has a row for the lines of all of them as well. Only lines count that all the systems have
    a finite value for. A step is "yes" where the means fall and a paired permutation test says p < 0.05, "not seen"
    where the test does not tell, "no" where it says the opposite.

    Raises:
        EvaluationError: a system is not in the results.
    """
    labels = {one["system"] for one in results.utterances}
    if absent := [name for name in order if name not in labels]:
        raise EvaluationError(f"The run has no system '{absent[0]}'. It has: {', '.join(sorted(labels))}.")
    ranked, rows = [column for column in results.columns if column["better"]], []
    having: dict[str, list[str]] = {column["key"]: [] for column in ranked}
    for name in results.lists:
        for column in ranked:
            if (values := _values(results, [name], column["key"], order))[0]:
                rows.append(_row(f"{column['title']} ({name})", column["better"], values, seed))
                having[column["key"]].append(name)
    for column in ranked:
        if len(lists := having[column["key"]]) > 1:
            values = _values(results, lists, column["key"], order)
            rows.append(_row(f"{column['title']} (all)", column["better"], values, seed))
    steps = [f"{one} > {other}" for one, other in pairwise(order)]
    return ["column", "lines", *order, *steps], rows


def _values(results: Results, lists: Sequence[str], key: str, order: Sequence[str]) -> list[list[float]]:
    """Values by system, of the lines of these lists that all have."""
    found: list[dict[tuple[str, str], float]] = []
    for system in order:
        mine = (one for one in results.utterances if one["system"] == system and one["list"] in lists)
        found.append({(m["list"], m["id"]): value for m in mine if finite(value := m["values"].get(key))})
    common = sorted(set.intersection(*(set(one) for one in found)))
    return [[one[line] for line in common] for one in found]


def _row(title: str, better: str, values: Sequence[Sequence[float]], seed: int) -> list[str]:
    means = [figure(fmean(one), bootstrap_mean(one, seed)) for one in values]
    return [title, str(len(values[0])), *means, *(_step(one, other, better, seed) for one, other in pairwise(values))]


def _step(one: Sequence[float], other: Sequence[float], better: str, seed: int) -> str:
    found = paired(one, other, seed)
    if found.p >= SURE:
        return f"not seen (p {found.p:.2f})"
    falls = (found.difference < 0) == (better == "higher")
    return f"{'yes' if falls else 'no'} (p {found.p:.4f})"
