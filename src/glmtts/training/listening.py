"""Audio for the log: what a stage makes becomes sound through the other parts of a bundle.

A stage knows no other stage and no bundle; so what renders is given from above, as the reader of bundles is
(registry.py).
"""

import logging
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from glmtts.errors import BundleError, ConfigError
from glmtts.stages import Clock
from glmtts.training.registry import bundles

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sound:
    """Audio for the log: samples (T,) from −1 to 1 and their rate in Hz."""

    samples: np.ndarray
    rate: int


@dataclass(frozen=True)
class Speaker:
    """Who speaks: the speaker embedding (D,), and the median F0 in Hz, a scalar."""

    embedding_D: Tensor
    f0: Tensor


class Renderer(Protocol):
    """Flow and vocoder of a bundle."""

    @property
    def clock(self) -> Clock:
        """Rates and mel geometry."""
        ...

    @property
    def codes(self) -> int:
        """How many speech tokens there are."""
        ...

    @property
    def speaker(self) -> Speaker | None:
        """The bundle's own voice, where it has one."""
        ...

    def speech(self, tokens_S: Tensor, speaker: Speaker) -> Sound:
        """Speech tokens (S,), at least one, through flow and vocoder, without a prompt."""
        ...

    def waveform(self, mel_MT: Tensor) -> Sound:
        """A log-mel (M, T) through the vocoder."""
        ...


class Listening:
    """What the samples of one run are rendered by, `log.sample_bundle`; says once where there are none, and why."""

    def __init__(self, bundle: str | None) -> None:
        self.bundle = bundle
        self._opened: Renderer | None = None
        self._silent = False

    def through(self, device: torch.device, codes: int | None = None, n_mels: int | None = None) -> Renderer | None:
        """The renderer, if it takes so many codes and mel bins as are given here; else None."""
        if self._silent:
            return None
        try:
            renderer = self._renderer(device)
            has = (renderer.codes, renderer.clock.mel.n_mels)
        except (BundleError, ConfigError) as error:  # no such bundle, or nobody who can read one
            self.silent(str(error))
            return None
        named = zip((codes, n_mels), has, ("speech tokens", "mel bins"), strict=True)
        wrong = [f"{wanted} {name} and not {own}" for wanted, own, name in named if wanted not in (None, own)]
        if wrong:
            self.silent(f"this run has {', '.join(wrong)} as {self.bundle}. Name another log.sample_bundle.")
            return None
        return renderer

    def silent(self, reason: str) -> None:
        """Say why this run has no audio samples; the first reason is said, and no sample is tried after it."""
        if not self._silent:
            logger.warning("No audio samples are written: %s", reason)
        self._silent = True

    def _renderer(self, device: torch.device) -> Renderer:
        if self.bundle is None:
            raise BundleError("log.sample_bundle is null. Name a bundle to hear this run.")
        if self._opened is None:
            self._opened = bundles().renderer(self.bundle, device)
        return self._opened
