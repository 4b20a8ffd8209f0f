"""Recordings with white noise: what a scorer must rank below the same recordings without it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glmtts.errors import EvaluationError
from glmtts.eval.items import Item
from glmtts.eval.systems.base import number_of
from glmtts.eval.systems.output import SystemOutput
from glmtts.eval.systems.recordings import Recordings


class Noisy:
    """`noisy:FOLDER?snr=10`: the recordings of a folder (or a list's references) with noise at so many decibels."""

    languages: frozenset[str] | None = None

    def __init__(self, argument: str | None, options: dict[str, str]) -> None:
        if set(options) != {"snr"}:
            raise EvaluationError("The system 'noisy' has one option, snr in decibels: noisy:FOLDER?snr=10.")
        self.recordings, self.snr = Recordings(argument, {}), number_of("snr", options["snr"])
        self.is_copy = self.recordings.is_copy

    def speak(self, items: Sequence[Item]) -> list[SystemOutput]:
        """Each recording with its own noise, the same at every call."""
        return [self._with_noise(one, item) for one, item in zip(self.recordings.speak(items), items, strict=True)]

    def sources(self, items: Sequence[Item]) -> list[Path | None]:
        """The file of each line, as `Recordings.sources`."""
        return self.recordings.sources(items)

    def about(self) -> dict[str, Any]:
        """The ratio, and the recordings."""
        return self.recordings.about() | {"snr_decibels": self.snr}

    def _with_noise(self, clean: SystemOutput, item: Item) -> SystemOutput:
        if clean.samples is None:
            return clean
        noise = np.random.default_rng(item.number).standard_normal(len(clean.samples)).astype(np.float32)
        level = np.sqrt(np.mean(clean.samples**2)) * 10 ** (-self.snr / 20)
        loud = clean.samples + level * noise
        # softer rather than cut off: clipping would be another damage than noise
        return SystemOutput(loud / max(1.0, float(abs(loud).max())), clean.rate)
