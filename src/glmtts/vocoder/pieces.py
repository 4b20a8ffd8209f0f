"""What a vocoder trains on: random pieces of recordings, each with the mel that it is to be made from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from glmtts.audio.mel import LogMel
from glmtts.data import Dataset, Item, UtteranceRef
from glmtts.data.finite import Finite
from glmtts.data.section import BatchSource, DataSection, draws

QUIETEST, LOUDEST = 0.4, 1.2  # gain of a piece: recordings are levelled, what a flow gives is not
LOG_FLOOR = math.log(1e-5)  # of the mel: what is quieter is written so


@dataclass(frozen=True)
class Pieces:
    """Samples (B, T), their log-mels (B, M, T // hop), of the samples themselves or by a flow, and F0 in Hz if wanted.

    F0 (B, T // hop) is that of the samples, 0 where unvoiced.
    """

    real_BT: Tensor
    mel_BMT: Tensor
    f0_BT: Tensor | None = None


class VocoderData(DataSection):
    """A micro-batch is `batch_utterances` random pieces of `segment_frames` mel frames each.

    For the share `flow_mel_share` of them the mel is what a flow made of the recording's own speech tokens, the feature
    `flow_mel` (recipes/mini/flow_mel.py): it is smoother, and a vocoder that has seen it puts back what is missing.
    """

    segment_frames: int = Field(default=32, ge=1)
    flow_mel_share: float = Field(default=0.0, ge=0, le=1)
    batch_seconds: float | None = None
    batch_utterances: int | None = Field(default=8, ge=1)
    max_seconds: float = Field(default=60.0, gt=0)
    evaluated: int = Field(default=20, ge=0)

    @model_validator(mode="after")
    def _sized_by_count(self) -> Self:
        if self.batch_seconds is not None or self.batch_utterances is None:
            raise ValueError("pieces have one length: give batch_utterances, not batch_seconds")
        return self

    def dataset(self, *features: str) -> Dataset:
        """The recordings with further features, and with mels by the flow where some are wanted."""
        return self.open("wave", *features, *(("flow_mel",) if self.flow_mel_share else ()))

    def pieces(self, dataset: Dataset, mel: LogMel, seed: int) -> BatchSource:
        """Micro-batches of `Pieces`."""
        return self.batches(dataset, seed, PieceBatches(dataset, mel, self.segment_frames, self.flow_mel_share, seed))


@dataclass(frozen=True)
class PieceBatches:
    """Makes micro-batches of `Pieces`, as the loader's processes do."""

    dataset: Dataset
    mel: LogMel
    frames: int
    flow_mel_share: float
    seed: int
    finite: Finite = field(default_factory=Finite)

    def __call__(self, number: int, refs: Sequence[UtteranceRef]) -> Pieces | None:
        """A random piece of each recording; None where the features of none are numbers."""
        rng = draws(self.seed, number)
        items = [item for ref in refs if self.finite(item := self.dataset.load(ref))]
        cut = [random_piece(item, self.mel, self.frames, self.flow_mel_share, rng) for item in items]
        return Pieces(*(torch.stack(parts) for parts in zip(*cut, strict=True))) if cut else None


def random_piece(
    item: Item, mel: LogMel, frames: int, flow_mel_share: float, rng: np.random.Generator
) -> tuple[Tensor, ...]:
    """Samples (T,), log-mel (M, T // hop) and F0 (T // hop,) if there is one, of a random piece at a random gain.

    A short recording ends in silence.
    """
    hop, wave, gain = mel.config.hop_length, item.features["wave"], float(rng.uniform(QUIETEST, LOUDEST))
    # in whole hops, since F0 and the flow's mel are known by frames
    start = int(rng.integers(max(1, len(wave) // hop - frames + 1)))
    real = gain * floats(wave[start * hop : (start + frames) * hop])
    real = torch.nn.functional.pad(real, (0, frames * hop - len(real)))
    f0 = (fitted(f0_of(item)[start : start + frames], frames),) if "f0" in item.features else ()
    if rng.random() >= flow_mel_share:
        return real, mel(real[None])[0], *f0
    # a gain is a sum in a log-mel
    made = (mel_by_flow(item)[:, start : start + frames] + math.log(gain)).clamp(min=LOG_FLOOR)
    return real, fitted(made, frames, LOG_FLOOR), *f0


def fitted(values: Tensor, frames: int, value: float = 0.0) -> Tensor:
    """Values (…, T) with `value` behind them up to so many frames."""
    return torch.nn.functional.pad(values, (0, frames - values.shape[-1]), value=value)


def f0_of(item: Item) -> Tensor:
    """F0 (T,) in Hz of an utterance's mel frames, 0 where unvoiced."""
    return torch.from_numpy(item.features["f0"].astype(np.float32))


def mel_by_flow(item: Item) -> Tensor:
    """The log-mel (M, T) that a flow made of an utterance's own speech tokens."""
    return torch.from_numpy(item.features["flow_mel"].astype(np.float32)).T


def floats(wave_T: np.ndarray) -> Tensor:
    """Samples (T,) from −1 to 1 of 16-bit ones."""
    return torch.from_numpy(wave_T.astype(np.float32) / 32768)
