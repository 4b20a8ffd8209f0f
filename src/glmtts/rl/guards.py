"""Guards: what a policy must not lose while it gains reward. Each warns, or stops the run.

A reward is a wish put into a number, and a policy finds what the number forgot: it grows loud, or silent, or flat of
pitch, or says the prompt again. Guards watch what no reward pays for. Most have a floor of their own; the others are
compared with the policy that the run began with: figures of a rollout with those of the first rollouts, figures of an
evaluation with those of one before the first step.
"""

import json
import logging
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from glmtts import durable
from glmtts.config import StrictConfig
from glmtts.errors import RlError

logger = logging.getLogger(__name__)


class Band(StrictConfig):
    """Bounds of one figure: `low` and `high` as they are, `fall` and `rise` as shares of its first value.

    The first value is the mean of the first `GuardConfig.settle` figures. `margin` is the least change that `fall` and
    `rise` come to; None is the usual one of the figure (`MARGINS`). `then` says what a breach does.
    """

    low: float | None = None
    high: float | None = None
    fall: float | None = Field(default=None, ge=0)
    rise: float | None = Field(default=None, ge=0)
    margin: float | None = Field(default=None, ge=0)
    then: Literal["warn", "stop"] = "warn"

    @model_validator(mode="after")
    def _all_is_read(self) -> Self:
        if self.then == "stop" and not self.bounded:
            raise ValueError('a band without a bound is switched off, so then = "stop" stops nothing; give its bounds')
        if self.margin is not None and self.fall is None and self.rise is None:
            raise ValueError("margin is the least change of fall and rise, and neither is given")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low is {self.low:g} and high {self.high:g}: every value is outside; exchange them")
        return self

    @property
    def bounded(self) -> bool:
        """Whether it has any bound; a band without one switches off the usual one."""
        return any(bound is not None for bound in (self.low, self.high, self.fall, self.rise))

    def limits(self, first: float | None) -> tuple[float, float]:
        """The least and the greatest value that are allowed, after a first value."""
        low = -float("inf") if self.low is None else self.low
        high = float("inf") if self.high is None else self.high
        if first is not None and self.fall is not None:
            low = max(low, first - self._change(self.fall, first))
        if first is not None and self.rise is not None:
            high = min(high, first + self._change(self.rise, first))
        return low, high

    def _change(self, share: float, first: float) -> float:
        # abs: loudness in dB is negative, where a share of it would move the bound the wrong way
        return max(share * abs(first), self.margin or 0.0)


# Choices, wide of what healthy runs of `mini` had: 2.3 to 4.3 tokens a phoneme, silence 0.15 to 0.31, none truncated,
# 0.01 to 0.03 copied, −28 to −24 dB, an F0 that moves by 2.8 to 3.6 semitones, a similarity of 0.83 to 0.87. What a
# voice may have of its own, loudness and pitch, warns alone.
DEFAULTS = {
    "tokens_per_phoneme": Band(low=1.0, high=6.0, fall=0.25, rise=0.35, then="stop"),
    "entropy": Band(fall=0.75, then="stop"),
    "truncated": Band(high=0.5, then="stop"),
    "silence": Band(high=0.5, rise=1.0, then="stop"),
    "prompt_copied": Band(high=0.1, then="stop"),
    "loudness_db": Band(low=-45.0, high=-8.0),
    "f0_deviation": Band(low=0.8, fall=0.4),
    "similarity": Band(fall=0.08, then="stop"),
    "dnsmos": Band(low=2.0, fall=0.15),
    "second_asr_error": Band(high=1.0, rise=0.5, then="stop"),
}
# Figures that may begin at 0, or near it: a share of that is nothing, and the first later error would stop a healthy
# run. One word of eight short texts (evaluation.HEARD) is some 0.02 of their characters; the others are choices of that
# size. Where a figure begins higher, the shares alone bind.
MARGINS = {
    "truncated": 0.05,
    "silence": 0.1,
    "prompt_copied": 0.05,
    "similarity": 0.03,
    "second_asr_error": 0.05,
    "phoneme_error": 0.05,
}
# The least and the greatest value that a figure can have: a bound that lies there is never breached
RANGES = {
    "tokens_per_phoneme": (0.0, inf),
    "entropy": (0.0, inf),
    "truncated": (0.0, 1.0),
    "silence": (0.0, 1.0),
    "prompt_copied": (0.0, 1.0),
    "loudness_db": (-90.0, inf),  # the floor of `figures.frame_levels`
    "f0_deviation": (0.0, inf),
    "similarity": (0.0, 1.0),
    "dnsmos": (1.0, 5.0),
    "second_asr_error": (0.0, inf),
    "phoneme_error": (0.0, inf),
}
EVALUATED = ("similarity", "dnsmos", "second_asr_error", "phoneme_error")  # of evaluations alone, never of a rollout
HISTORY = 256  # changes of a figure's breaches that are kept: a run is hardly set back by more
FIGURES = tuple(RANGES)  # the last one has no usual band: it is what most rewards pay for


class GuardConfig(StrictConfig):
    """`bands` change or add to the usual ones (`DEFAULTS`), by the figure's name.

    A breach counts once it holds for `patience` figures in a row, since groups are small. `second_asr`, a recogniser
    that gives no reward, listens in the evaluations, and so does DNSMOS with `dnsmos` or a band of that name.
    """

    bands: Mapping[str, Band] = {}
    settle: int = Field(default=5, ge=1)
    patience: int = Field(default=3, ge=1)
    second_asr: str | None = None
    dnsmos: bool = False

    @model_validator(mode="after")
    def _watched(self) -> Self:
        unknown = [name for name in self.bands if name not in FIGURES]
        if unknown:
            raise ValueError(f"bands names {', '.join(unknown)}, and the figures are {', '.join(FIGURES)}")
        if self.second_asr is None and (band := self.bands.get("second_asr_error")) is not None and band.bounded:
            raise ValueError("bands.second_asr_error needs second_asr, a recogniser that gives no reward")
        for name, band in self.bands.items():
            _check_reach(name, band)
        return self

    @property
    def of_evaluations(self) -> list[str]:
        """What this configuration asks for that evaluations alone can watch."""
        bands = [f"bands.{name}" for name in EVALUATED if name in self.bands and self.bands[name].bounded]
        return [*bands, *(["second_asr"] if self.second_asr else []), *(["dnsmos"] if self.dnsmos else [])]

    @property
    def hears_dnsmos(self) -> bool:
        """Whether evaluations are scored by DNSMOS."""
        band = self.bands.get("dnsmos")
        return self.dnsmos or (band is not None and band.bounded)

    def band(self, figure: str) -> Band | None:
        """The bounds of a figure; None where it has none."""
        band = self.bands.get(figure, DEFAULTS.get(figure))
        if band is None or band.margin is not None:
            return band
        return band.model_copy(update={"margin": MARGINS.get(figure, 0.0)})


def _check_reach(name: str, band: Band) -> None:
    """Refuse a bound that no value of the figure can lie beyond.

    Raises:
        ValueError: there is one.
    """
    least, most = RANGES[name]
    if band.low is not None and band.low <= least:
        raise ValueError(f"bands.{name}.low is {band.low:g}, and no {name} lies below {least:g}; raise it")
    if band.high is not None and band.high >= most:
        raise ValueError(f"bands.{name}.high is {band.high:g}, and no {name} lies above {most:g}; lower it")
    # a share of the first value: where values are positive, less than nothing is left
    if band.fall is not None and band.fall >= 1 and least >= 0:
        raise ValueError(f"bands.{name}.fall is {band.fall:g}, a share of its first value; give one below 1")


class Guards:
    """The guards of one run; `path` keeps what they compare with, so that a resumed run does not begin anew.

    All is kept by steps, as (step, value): a run that was killed goes on from a checkpoint, which may be steps behind,
    and what these saw is seen again.
    """

    def __init__(self, config: GuardConfig, path: Path | None = None) -> None:
        """Read what is kept.

        Raises:
            RlError: the file is damaged or barred.
        """
        self.config, self.path, self._resumed = config, path, False
        self._first: dict[str, list[tuple[int, float]]] = {}
        # breaches in a row, where their number changed
        self._breaches: dict[str, list[tuple[int, int]]] = {}
        if path is not None and path.exists():
            self._first, self._breaches = _read(path)

    def watch(self, step: int, figures: Mapping[str, float]) -> list[str]:
        """Compare the figures of a step with their bounds; gives a sentence for each that is breached.

        Raises:
            RlError: a figure whose band says "stop" has been out of it for `patience` figures in a row, or what it is
            compared with cannot be written.
        """
        if not self._resumed:
            self._forget_from(step)
        before = self._state()
        found = {name: sentence for name, value in figures.items() if (sentence := self._watch(step, name, value))}
        # a figure within a settled band changes nothing, and most steps write no file
        if self._state() != before:
            self._keep()
        # all are told before the first of them ends the run
        for sentence in found.values():
            logger.warning("Step %d: %s", step, sentence)
        stops = [sentence for name, sentence in found.items() if self._stops(name)]
        if stops:
            raise RlError(
                f"The run is stopped at step {step}: {' '.join(stops)} The policy may exploit its rewards: listen to "
                "its samples, and begin a new run with other weights of its rewards, or with a wider band."
            )
        return list(found.values())

    def _forget_from(self, step: int) -> None:
        """A session begins with a step: of that one and later ones, only a session before it can have seen any."""
        self._resumed = True
        self._first = {name: [one for one in marks if one[0] < step] for name, marks in self._first.items()}
        self._breaches = {name: [one for one in marks if one[0] < step] for name, marks in self._breaches.items()}

    def _watch(self, step: int, name: str, value: float) -> str | None:
        band = self.config.band(name)
        if band is None or value != value:  # NaN: not measured this time
            return None
        first = self._first.setdefault(name, [])
        known = len(first) >= self.config.settle
        # until the first values are settled, `low` and `high` alone bind
        low, high = band.limits(sum(one for _, one in first) / len(first) if known else None)
        if not known:
            first.append((step, value))
        # in a row: one good figure forgives those before it
        good = low <= value <= high
        if self._count(step, name, good) < self.config.patience or good:
            return None
        return f"{name} is {value:.3g}, outside of {low:.3g} to {high:.3g}."

    def _count(self, step: int, name: str, good: bool) -> int:
        """Breaches in a row, this one included, `patience` at most."""
        marks = self._breaches.setdefault(name, [])
        before = marks[-1][1] if marks else 0
        # no further: a figure that stays outside would be one more mark at every step
        count = 0 if good else min(before + 1, self.config.patience)
        if count != before:
            marks.append((step, count))
            del marks[:-HISTORY]
        return count

    def _stops(self, name: str) -> bool:
        band = self.config.band(name)
        return band is not None and band.then == "stop"

    def _state(self) -> str:
        return json.dumps({"first": self._first, "breaches": self._breaches})

    def _keep(self) -> None:
        if self.path is None:
            return
        durable.write_text(self.path, self._state(), RlError, "Free some space; the same command goes on.")


def _read(path: Path) -> tuple[dict[str, list[tuple[int, float]]], dict[str, list[tuple[int, int]]]]:
    """First values and breaches as `Guards` keeps them."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        first, breaches = kept["first"].items(), kept["breaches"].items()
        return {name: _marks(values) for name, values in first}, {name: _marks(values) for name, values in breaches}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise RlError(f"{path} cannot be read. Remove it: guards then compare with the policy as it is now.") from None


def _marks(values: Any) -> list[tuple[int, Any]]:
    """(step, value); of a file without steps, as earlier versions wrote it, all is from before the first step."""
    plain = values if isinstance(values, list) else [values] if values else []
    return [(int(one[0]), one[1]) if isinstance(one, list) else (-1, one) for one in plain]
