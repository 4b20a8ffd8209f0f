"""Guards: what a policy must not lose while it gains reward. Each warns, or stops the run.

A reward is a wish put into a number, and a policy finds what the number forgot: it grows loud, or silent, or flat of
pitch, or says the prompt again. Guards watch what no reward pays for. Most have a floor of their own; the others are
compared with the policy that the run began with: figures of a rollout with those of the first rollouts, figures of an
evaluation with those of one before the first step.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from glmtts import durable
from glmtts.config import StrictConfig
from glmtts.errors import RlError

logger = logging.getLogger(__name__)


class Band(StrictConfig):
    """Bounds of one figure: `low` and `high` as they are, `fall` and `rise` as shares of its first value.

    The first value is the mean of the first `GuardConfig.settle` figures. `then` says what a breach does.
    """

    low: float | None = Field(default=None, allow_inf_nan=False)
    high: float | None = Field(default=None, allow_inf_nan=False)
    fall: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    rise: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    then: Literal["warn", "stop"] = "warn"

    @property
    def bounded(self) -> bool:
        """Whether it has any bound; a band without one switches off the usual one."""
        return any(bound is not None for bound in (self.low, self.high, self.fall, self.rise))

    def limits(self, first: float | None) -> tuple[float, float]:
        """The least and the greatest value that are allowed, after a first value."""
        low = -float("inf") if self.low is None else self.low
        high = float("inf") if self.high is None else self.high
        if first is not None and self.fall is not None:
            low = max(low, first - self.fall * abs(first))
        if first is not None and self.rise is not None:
            high = min(high, first + self.rise * abs(first))
        return low, high


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
FIGURES = (*DEFAULTS, "phoneme_error")  # the last one has no usual band: it is what most rewards pay for


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
        return self

    @property
    def hears_dnsmos(self) -> bool:
        """Whether evaluations are scored by DNSMOS."""
        band = self.bands.get("dnsmos")
        return self.dnsmos or (band is not None and band.bounded)

    def band(self, figure: str) -> Band | None:
        """The bounds of a figure; None where it has none."""
        return self.bands.get(figure, DEFAULTS.get(figure))


class Guards:
    """The guards of one run; `path` keeps what they compare with, so that a resumed run does not begin anew."""

    def __init__(self, config: GuardConfig, path: Path | None = None) -> None:
        self.config, self.path = config, path
        self._first: dict[str, list[float]] = {}
        self._breaches: dict[str, int] = {}
        if path is not None and path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            self._first, self._breaches = kept["first"], kept["breaches"]

    def watch(self, step: int, figures: Mapping[str, float]) -> list[str]:
        """Compare the figures of a step with their bounds; gives a sentence for each that is breached.

        Raises:
            RlError: a figure whose band says "stop" has been out of it for `patience` figures in a row, or what it is
            compared with cannot be written.
        """
        before = self._state()
        found = {name: sentence for name, value in figures.items() if (sentence := self._watch(name, value))}
        if self._state() != before:
            self._keep()
        for sentence in found.values():
            logger.warning("Step %d: %s", step, sentence)
        stops = [sentence for name, sentence in found.items() if self._stops(name)]
        if stops:
            raise RlError(
                f"The run is stopped at step {step}: {' '.join(stops)} The policy may exploit its rewards: listen to "
                "its samples, and go on from an earlier checkpoint with other weights, or with a wider band."
            )
        return list(found.values())

    def _watch(self, name: str, value: float) -> str | None:
        band = self.config.band(name)
        if band is None or value != value:  # NaN: not measured this time
            return None
        first = self._first.setdefault(name, [])
        known = len(first) >= self.config.settle
        # until the first values are settled, `low` and `high` alone bind
        low, high = band.limits(sum(first) / len(first) if known else None)
        if not known:
            first.append(value)
        if low <= value <= high:
            self._breaches[name] = 0
            return None
        self._breaches[name] = self._breaches.get(name, 0) + 1
        if self._breaches[name] < self.config.patience:
            return None
        return f"{name} is {value:.3g}, outside of {low:.3g} to {high:.3g}."

    def _stops(self, name: str) -> bool:
        band = self.config.band(name)
        return band is not None and band.then == "stop"

    def _state(self) -> str:
        return json.dumps({"first": self._first, "breaches": self._breaches})

    def _keep(self) -> None:
        if self.path is None:
            return
        temporary = self.path.with_suffix(".part")
        with durable.writable(self.path, RlError, "Free some space; the same command goes on."):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(self._state(), encoding="utf-8")
            durable.replace(temporary, self.path)
