"""What listeners said: MOS or preference by system with intervals, without those who did not pay attention.

Intervals draw listeners and lines, both with replacement (the pigeonhole bootstrap, Owen 2007): ratings of one listener
and of one line are alike, so that drawing single ratings would give intervals that are too narrow.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np

from glmtts.errors import EvaluationError
from glmtts.eval.listening.files import Answers, Key, read_answers, read_key
from glmtts.eval.listening.strengths import connected, determined, smoothed, strengths
from glmtts.eval.listening.trials import CHECK
from glmtts.eval.statistics import LEVEL, RESAMPLES, Interval

HIGHEST_CHECK = 2  # a rating above this of a recording under heavy noise fails
ALLOWED = 0.25  # share of checks that a listener may fail
ONE_SIDED = (
    "Some systems won or lost all their comparisons with the others, so that their strengths have no bound: half an "
    "answer was added to both sides of every pair."
)


@dataclass(frozen=True)
class Rating:
    """One answer: who, which line, which system (pair), what."""

    rater: str
    line: str
    system: str
    value: float


@dataclass(frozen=True)
class Figure:
    """A system's MOS or strength, or the share of answers that prefer A of "A / B"; `ratings` it rests on."""

    system: str
    mean: float
    interval: Interval | None
    ratings: int


@dataclass(frozen=True)
class Analysis:
    """Figures, listeners that count, and those left out with the share of checks they failed.

    `order` has the strengths (strengths.py) of more than two systems that were compared by preference, the best first;
    `note` says why there are none, or what they rest on.
    """

    kind: str
    figures: list[Figure]
    raters: int
    left_out: dict[str, float]
    order: list[Figure] = field(default_factory=list)
    note: str = ""


def analyse(key_path: Path, answers: Sequence[Path], seed: int = 0) -> Analysis:
    """Read the key and the answers of listeners.

    Raises:
        EvaluationError: a file is damaged, no key or no answers, or of another test, or no listener is left.
    """
    key = read_key(key_path)
    ratings, left_out, raters = list[Rating](), dict[str, float](), set[str]()
    for path in answers:
        given = read_answers(path, key)
        if given.rater in raters | left_out.keys():
            raise EvaluationError(f"{path} repeats the listener {given.rater}. Give each file once.")
        own, failed = _ratings(key, given)
        if failed > ALLOWED:
            left_out[given.rater] = failed
        else:
            ratings += own
            raters.add(given.rater)
    if not ratings:
        raise EvaluationError("No listener's answers are left. Ask more people, or look at the checks of attention.")
    names = _names(key)
    figures = [_figure(name, [one for one in ratings if one.system == name], seed) for name in names]
    many = key.kind == "preference" and len(key.systems) > 2
    order, note = order_of(sorted(key.systems), ratings, seed) if many else ([], "")
    return Analysis(key.kind, [one for one in figures if one.ratings], len(raters), left_out, order, note)


def _ratings(key: Key, given: Answers) -> tuple[list[Rating], float]:
    """Ratings of one listener, and the share of checks that failed."""
    ratings, checks = [], []
    for name, value in given.values:
        trial = key.trials.get(name)
        if trial is None:
            raise EvaluationError(f"There is no trial '{name}' in the key. Give the key of this test.")
        systems = trial.systems
        if CHECK in systems:
            # of a pair the clip without noise is the right answer: 1, the second, where the noise came first
            checks.append(value > HIGHEST_CHECK if key.kind == "mos" else value != float(systems[0] == CHECK))
        elif key.kind == "mos":
            ratings.append(Rating(given.rater, trial.line, systems[0], value))
        else:  # 0 prefers the first clip: the value of a pair is how far A, the first by name order, is preferred
            a, b = sorted(systems)
            preferred = 1 - value if systems[0] == a else value
            ratings.append(Rating(given.rater, trial.line, _pair(a, b), preferred))
    return ratings, sum(checks) / len(checks) if checks else 0.0


def _names(key: Key) -> list[str]:
    if key.kind == "mos":
        return list(key.systems)
    return [_pair(*pair) for pair in combinations(sorted(key.systems), 2)]


def _pair(a: str, b: str) -> str:
    return f"{a} / {b}"


def _figure(name: str, ratings: Sequence[Rating], seed: int) -> Figure:
    if not ratings:
        return Figure(name, float("nan"), None, 0)
    values = np.array([one.value for one in ratings])
    return Figure(name, float(values.mean()), pigeonhole(ratings, seed), len(ratings))


def pigeonhole(ratings: Sequence[Rating], seed: int = 0) -> Interval | None:
    """95 % interval of the mean rating; None for one listener or one line."""
    values = np.array([one.value for one in ratings])
    # of listeners who heard only some lines a draw may take no rating: it has no mean
    means = [float(weights @ values / weights.sum()) for weights in _resamples(ratings, seed) if weights.sum()]
    return _interval(np.array(means)) if means else None


def order_of(names: Sequence[str], ratings: Sequence[Rating], seed: int = 0) -> tuple[list[Figure], str]:
    """Strengths of systems from their preferences, the best first, with 95 % intervals; and what to say of them.

    `names` are sorted, and a rating's system is a pair of them. A resample in which the systems fall apart is left out.
    """
    places = {_pair(names[a], names[b]): (a, b) for a, b in combinations(range(len(names)), 2)}
    a, b = np.array([places[one.system] for one in ratings]).T
    values = np.array([one.value for one in ratings])

    def table(weights: np.ndarray) -> np.ndarray:
        answers_SS = np.zeros((len(names), len(names)))
        np.add.at(answers_SS, (a, b), weights * values)
        np.add.at(answers_SS, (b, a), weights * (1 - values))
        return answers_SS

    seen_1SS = table(np.ones(len(ratings)))[None]
    if not connected(seen_1SS)[0]:
        return [], "There is no order: some systems were never compared, nor through others. Ask about more pairs."
    (found_S,) = strengths(smoothed(seen_1SS))
    drawn_RSS = np.array([table(weights) for weights in _resamples(ratings, seed)]).reshape(-1, len(names), len(names))
    drawn_RS = strengths(smoothed(drawn_RSS[connected(drawn_RSS)]))
    counts_S = (seen_1SS + seen_1SS.swapaxes(1, 2)).sum(axis=2)[0]
    figures = [
        Figure(name, float(found_S[n]), _interval(drawn_RS[:, n]) if len(drawn_RS) else None, int(counts_S[n]))
        for n, name in enumerate(names)
    ]
    return sorted(figures, key=lambda one: -one.mean), "" if determined(seen_1SS)[0] else ONE_SIDED


def _interval(values: np.ndarray) -> Interval:
    low, high = np.quantile(values, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)


def _resamples(ratings: Sequence[Rating], seed: int) -> Iterator[np.ndarray]:
    """How often each rating (N,) counts in a resample of listeners and lines; none for one listener or one line."""
    raters, rater = np.unique([one.rater for one in ratings], return_inverse=True)
    lines, line = np.unique([one.line for one in ratings], return_inverse=True)
    draw = np.random.default_rng(seed)
    for _ in range(RESAMPLES if min(len(raters), len(lines)) > 1 else 0):
        by_rater = np.bincount(draw.integers(len(raters), size=len(raters)), minlength=len(raters))
        by_line = np.bincount(draw.integers(len(lines), size=len(lines)), minlength=len(lines))
        # a rating counts as often as its listener and its line were drawn, both times over
        yield by_rater[rater] * by_line[line]
