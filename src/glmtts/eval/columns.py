"""Columns of a table: error rates, and means of scores; each cell with its 95 % interval over utterances."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import Any

from glmtts.eval.error_rates import Errors, rate_of
from glmtts.eval.items import Item
from glmtts.eval.statistics import bootstrap_mean, bootstrap_ratio, finite
from glmtts.eval.utterance import Utterance

Cell = dict[str, Any]


def transcript(utterance: Utterance) -> str | None:
    """What the run's recogniser heard; None where none listened."""
    return utterance.hypothesis


@dataclass(frozen=True)
class ErrorColumn:
    """An error rate: `count` finds the edits in what was heard, `applies` tells which lines it is for.

    `heard` is the text that they are found in, None where nobody listened: lines of which no one knows what they say
    have no rate.
    """

    key: str
    title: str
    count: Callable[[Utterance], Errors]
    applies: Callable[[Item], bool]
    better: str = "lower"
    heard: Callable[[Utterance], str | None] = transcript

    def within(self, languages: Collection[str]) -> "ErrorColumn":
        """The column for a run whose recognisers hear these languages; one that does without them stays as it is."""
        if self.heard is not transcript:
            return self
        return replace(self, applies=lambda item: item.language in languages and self.applies(item))

    def of(self, utterance: Utterance) -> Errors | None:
        """The edits in one utterance, None where there is no output."""
        return None if utterance.error is not None else self.count(utterance)

    def value(self, utterance: Utterance) -> float | None:
        """The rate of one utterance with everything counted; None where the column does not apply."""
        if not self._counts(utterance):
            return None
        found = self.of(utterance)
        return 1.0 if found is None or self._silent(utterance) else found.rate

    def cell(self, utterances: Sequence[Utterance]) -> Cell | None:
        """Rates of a list, three ways, with intervals; None where no line applies."""
        lines = [one for one in utterances if self._counts(one)]
        if not lines:
            return None
        counted = [self.of(one) for one in lines]
        rate = rate_of(counted, [self._silent(one) for one in lines])
        there = [one for one in counted if one is not None]
        everything = [self.value(one) or 0.0 for one in lines]
        return asdict(rate) | {
            "as_published_interval": bootstrap_mean([one.rate for one in there]),
            "all_counted_interval": bootstrap_mean(everything),
            "corpus_interval": bootstrap_ratio([one.edits for one in there], [one.words for one in there]),
        }

    def _counts(self, utterance: Utterance) -> bool:
        """A missing output always does."""
        return self.applies(utterance.item) and (utterance.error is not None or self.heard(utterance) is not None)

    def _silent(self, utterance: Utterance) -> bool:
        """Whether nothing was heard in an output."""
        heard = self.heard(utterance)
        return heard is not None and not heard.strip()


@dataclass(frozen=True)
class ValueColumn:
    """The mean of a value a line; `better` is "higher", "lower", or empty where it only describes."""

    key: str
    title: str
    get: Callable[[Utterance], float | None]
    better: str = ""

    def value(self, utterance: Utterance) -> float | None:
        """The value of one utterance."""
        return None if utterance.error is not None else self.get(utterance)

    def cell(self, utterances: Sequence[Utterance]) -> Cell | None:
        """Mean and interval of a list; None where no line has a value."""
        values = [value for one in utterances if finite(value := self.value(one))]
        if not values:
            return None
        missing = len(utterances) - len(values)
        return {"mean": fmean(values), "interval": bootstrap_mean(values), "values": len(values), "missing": missing}


Column = ErrorColumn | ValueColumn


def score_column(key: str, better: str, title: str | None = None) -> ValueColumn:
    """A scorer's column."""
    return ValueColumn(key, title or key, lambda utterance: utterance.scores.get(key), better)


def of_language(*languages: str) -> Callable[[Item], bool]:
    """Whether a line is in one of these languages."""
    return lambda item: item.language in languages
