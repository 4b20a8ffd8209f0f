"""Training of the vocoder: reconstruction, then hinge GAN with feature matching and discriminator augmentation."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import mean
from typing import Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from glmtts.audio.mel import LogMel, MelConfig
from glmtts.config import StrictConfig
from glmtts.data import Dataset, UtteranceRef
from glmtts.data.section import BatchSource, DataSection, draws
from glmtts.training.listening import Sound
from glmtts.training.task import Metrics, Task
from glmtts.training.weights import fill, start_weights
from glmtts.vocoder.augmentation import Augmentation
from glmtts.vocoder.discriminators import MultiResolutionDiscriminator
from glmtts.vocoder.losses import ReconstructionLoss, discriminator_loss, feature_loss, generator_loss
from glmtts.vocoder.vocos2d import Vocos2D, Vocos2DConfig

SAMPLES = 2  # held-out recordings that are rendered for the log
QUIETEST, LOUDEST = 0.4, 1.2  # gain of a segment: recordings are levelled, what a flow gives is not


class VocoderData(DataSection):
    """A micro-batch is `batch_utterances` random pieces of `segment_frames` mel frames each."""

    segment_frames: int = Field(default=32, ge=1)
    batch_seconds: float | None = None
    batch_utterances: int | None = 8
    max_seconds: float = 60.0
    evaluated: int = 20

    @model_validator(mode="after")
    def _sized_by_count(self) -> Self:
        if self.batch_seconds is not None or self.batch_utterances is None:
            raise ValueError("pieces have one length: give batch_utterances, not batch_seconds")
        return self


class VocoderLoss(StrictConfig):
    """The discriminator joins at step `gan_start`; None trains on reconstruction alone."""

    gan_start: int | None = Field(default=8000, ge=0)
    reconstruction_weight: float = 15.0
    feature_weight: float = 2.0
    discriminator_channels: int = Field(default=16, ge=1)


@dataclass(frozen=True)
class WaveBatches:
    """Makes micro-batches (B, `size`) of random pieces at random gain, as the loader's processes do."""

    dataset: Dataset
    size: int
    seed: int

    def __call__(self, number: int, refs: Sequence[UtteranceRef]) -> Tensor:
        """The batch, samples from −1 to 1."""
        rng = draws(self.seed, number)
        waves = (self.dataset.load(ref).features["wave"] for ref in refs)
        return torch.from_numpy(np.stack([_piece(wave, self.size, rng) for wave in waves]))


class VocoderTask(Task):
    """`task = "vocoder"`: needs the feature `wave` (T,), int16 at the model's sample rate."""

    sections: ClassVar = {"model": Vocos2DConfig, "data": VocoderData, "loss": VocoderLoss}

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.critic_from = self.section(VocoderLoss).gan_start
        model = self.section(Vocos2DConfig)
        geometry = {name: getattr(model, name) for name in ("sample_rate", "n_fft", "hop_length", "n_mels")}
        self.mel, self.reconstruction = LogMel(MelConfig(**geometry)), ReconstructionLoss(model.sample_rate)

    def build(self) -> Vocos2D:
        """The generator."""
        return Vocos2D(self.section(Vocos2DConfig))

    def build_critic(self) -> MultiResolutionDiscriminator:
        """The discriminators on spectrograms."""
        return MultiResolutionDiscriminator(self.section(VocoderLoss).discriminator_channels)

    def start(self, model: nn.Module) -> None:
        """Take the generator of `run.init_from`; the discriminator is always new."""
        if (where := self.config.run.init_from) is not None:
            fill(model, start_weights(where, "vocoder"), where)

    def units(self, model: nn.Module) -> list[nn.Module]:
        """The ConvNeXt blocks."""
        assert isinstance(model, Vocos2D)
        return list(model.blocks)

    @cached_property
    def _dataset(self) -> Dataset:
        return self.section(VocoderData).open("wave")

    def source(self) -> BatchSource:
        """Batches (B, samples) of random pieces at random gain."""
        data, dataset, model = self.section(VocoderData), self._dataset, self.section(Vocos2DConfig)
        size, seed = data.segment_frames * model.hop_length, self.config.run.seed

        return data.batches(dataset, seed, WaveBatches(dataset, size, seed))

    def loss(self, model: nn.Module, batch: Any, step: int, critic: nn.Module | None = None) -> tuple[Tensor, Metrics]:
        """Reconstruction, and against a critic the hinge and the distance of its features."""
        config, device = self.section(VocoderLoss), batch.device
        augment = Augmentation.draw(len(batch), self.mel.config.hop_length, batch)  # as `critic_loss` drew it
        fake_BT = model(self.mel.to(device)(batch))
        with torch.autocast(device.type, enabled=False):
            reconstruction = self.reconstruction.to(device)(batch, fake_BT.float())
            loss, metrics = config.reconstruction_weight * reconstruction, {"reconstruction": reconstruction.detach()}
            if critic is None:
                return loss, metrics
            scores, features = critic(augment(fake_BT.float()))
            with torch.no_grad():
                _, real_features = critic(augment(batch))
            matching = feature_loss(real_features, features)
        return loss + generator_loss(scores) + config.feature_weight * matching, {
            **metrics,
            "matching": matching.detach(),
        }

    def fake(self, model: nn.Module, batch: Any) -> Tensor:
        """Samples (B, T) from the mel of real ones."""
        return model(self.mel.to(batch.device)(batch)).float()

    def critic_loss(self, critic: nn.Module, batch: Any, fake: Any) -> tuple[Tensor, Metrics]:
        """Hinge; both hear the same augmentation."""
        augment = Augmentation.draw(len(batch), self.mel.config.hop_length, batch)
        loss = discriminator_loss(critic(augment(batch))[0], critic(augment(fake))[0])
        return loss, {"discriminator": loss.detach()}

    @cached_property
    def _held_out(self) -> list[Tensor]:
        """Whole held-out recordings (1, T), cut to mel frames."""
        refs, hop = self._dataset.held_out_sample(self.section(VocoderData).evaluated), self.mel.config.hop_length
        waves = [self._dataset.load(ref).features["wave"] for ref in refs]
        return [torch.from_numpy(_floats(wave[: len(wave) // hop * hop]))[None] for wave in waves if len(wave) >= hop]

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Reconstruction loss on whole unseen recordings."""
        losses = []
        for real_BT in self._held_out:
            real = real_BT.to(device)
            losses.append(float(self.reconstruction.to(device)(real, self.fake(model, real))))
        return {"held_out_reconstruction": mean(losses)} if losses else {}

    def samples(self, model: nn.Module, device: torch.device) -> dict[str, Sound]:
        """Held-out recordings through mel and vocoder."""
        rate, found = self.mel.config.sample_rate, enumerate(self._held_out[:SAMPLES])
        waves = {f"held_out_{n}": self.fake(model, wave.to(device))[0].clamp(-1, 1).cpu().numpy() for n, wave in found}
        return {name: Sound(wave, rate) for name, wave in waves.items()}

    def example_batch(self) -> Tensor:
        """Silence."""
        data = self.section(VocoderData)
        return torch.zeros(data.batch_utterances or 1, data.segment_frames * self.mel.config.hop_length)

    def batch_size(self) -> dict[str, float]:
        """Speech."""
        rows, samples = self.example_batch().shape
        return {"seconds of speech": rows * samples / self.mel.config.sample_rate}


def _piece(wave: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random piece (size,) of int16 samples at a random gain, float32; a shorter recording ends in silence."""
    start = int(rng.integers(max(1, len(wave) - size)))
    piece = _floats(wave[start : start + size]) * np.float32(rng.uniform(QUIETEST, LOUDEST))
    return np.pad(piece, (0, size - len(piece)))


def _floats(wave: np.ndarray) -> np.ndarray:
    return wave.astype(np.float32) / 32768
