"""What a system gives for a line, looked at before it is kept: systems come from other packages too."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any, Self

import numpy as np

from glmtts.audio.bounds import HIGHEST_RATE, LOWEST_RATE, all_finite
from glmtts.eval.foreign import check_json, numbers_of

# peaks of float recordings reach 2 or 3, and are cut off where they are written; beyond, the scale is not that of ±1
LOUDEST = 4.0


@dataclass(frozen=True)
class SystemOutput:
    """What a system gives for a line: samples (T,) in ±1, float32, at `rate` Hz, or why there are none.

    `details` are what a protocol measures while it is spoken, such as the seconds to a stream's first chunk. `taken`
    are the seconds of work, where what was measured beside is none of it.
    """

    samples: np.ndarray | None
    rate: int
    error: str | None = None
    details: Mapping[str, float | None] = field(default_factory=dict)
    taken: float | None = None

    def checked(self) -> Self:
        """The same as plain values, samples in float32; samples not finite or far beyond ±1 are a missing output.

        Raises:
            TypeError, ValueError: it holds something else than samples and their rate, a number of seconds, or details
                that are numbers.
        """
        details = numbers_of(self.details)
        check_json(details)
        # of another program's message anything may come, and a file holds UTF-8
        error = None if self.error is None else str(self.error).encode("utf-8", "backslashreplace").decode("utf-8")
        plain = replace(self, error=error, details=details, taken=None if self.taken is None else _seconds(self.taken))
        if self.samples is None:
            return plain
        samples, rate = np.asarray(self.samples), _rate(self.rate)
        if samples.ndim != 1 or samples.dtype.kind != "f":
            raise ValueError(f"samples {samples.shape} of {samples.dtype} at {rate} Hz are not (T,) of float32")
        if not all_finite(samples):
            return replace(plain, samples=None, error="the system gave values that are not numbers")
        if samples.size and (peak := float(abs(samples).max())) > LOUDEST:
            return replace(plain, samples=None, error=f"the system gave samples up to {peak:.3g}, not in ±1")
        return replace(plain, samples=samples.astype(np.float32, copy=False), rate=rate)


def _rate(given: Any) -> int:
    # NumPy's numbers are Real too; of what is no number not even a comparison is safe
    value = float(given) if isinstance(given, Real) else np.nan
    if not LOWEST_RATE <= value <= HIGHEST_RATE or not value.is_integer():
        raise ValueError(f"the rate {given!r} is no whole number of Hz from {LOWEST_RATE} to {HIGHEST_RATE}")
    return int(value)


def _seconds(given: Any) -> float:
    value = float(given) if isinstance(given, Real) else np.nan
    if not 0 <= value < np.inf:
        raise ValueError(f"the seconds of work are {given!r}, and no number from 0 on")
    return value
