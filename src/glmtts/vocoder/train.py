"""Training of a vocoder: reconstruction, then hinge GAN with feature matching and discriminator augmentation."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from statistics import mean
from typing import Any, ClassVar, Self

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from glmtts.audio.mel import LogMel
from glmtts.audio.pitch import SEMITONES, octaves_of
from glmtts.config import StrictConfig
from glmtts.data import Dataset
from glmtts.data.finite import Finite
from glmtts.data.section import BatchSource, check_feature
from glmtts.errors import ConfigError
from glmtts.training.checkpoint import latest, read_group
from glmtts.training.listening import Sound
from glmtts.training.loader import to_device
from glmtts.training.task import Metrics, Task
from glmtts.training.weights import fill, start_weights
from glmtts.vocoder.augmentation import Augmentation
from glmtts.vocoder.band import within_band
from glmtts.vocoder.discriminators import RESOLUTIONS, Discriminators
from glmtts.vocoder.geometry import MelGeometry
from glmtts.vocoder.harmonic import HarmonicVocos, HarmonicVocosConfig
from glmtts.vocoder.losses import RECONSTRUCTION, ReconstructionLoss, discriminator_loss, feature_loss, generator_loss
from glmtts.vocoder.pieces import Pieces, VocoderData, f0_of, fitted, floats, mel_by_flow
from glmtts.vocoder.pitch import pitch_loss
from glmtts.vocoder.vocos import Vocos, VocosConfig
from glmtts.vocoder.vocos2d import Vocos2D, Vocos2DConfig

SAMPLES = 2  # held-out recordings that are rendered for the log


class VocoderLoss(StrictConfig):
    """The discriminators join at step `gan_start`; None trains on reconstruction alone.

    There is one a resolution, and one a period of `periods` (Vocos: 2, 3, 5, 7, 11; the report's vocoder has none).
    They are new, or those of the run `critic_init`: new ones tell nothing for hundreds of steps. Reconstruction is
    measured at `resolutions` (window and hop in samples, mel bins). Without discriminators their channels and
    `periods`, `feature_weight` and `augmentation` are not read; without periods `period_channels` is not.
    """

    gan_start: int | None = Field(default=8000, ge=0)
    reconstruction_weight: float = Field(default=15.0, ge=0)
    resolutions: tuple[tuple[PositiveInt, PositiveInt, PositiveInt], ...] = Field(default=RECONSTRUCTION, min_length=1)
    feature_weight: float = Field(default=2.0, ge=0)
    discriminator_channels: int = Field(default=16, ge=1)
    periods: tuple[PositiveInt, ...] = ()
    period_channels: int = Field(default=16, ge=1)
    augmentation: bool = True
    critic_init: Path | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if any(hop > window or (window - hop) % 2 for window, hop, _ in self.resolutions):
            raise ValueError("in resolutions a hop must be at most its window, and both even or both odd")
        if self.critic_init is not None and self.gan_start is None:
            raise ValueError("critic_init gives discriminators, but without gan_start there are none")
        return self


class VocoderTask(Task):
    """A vocoder's training: needs the feature `wave` (T,), int16 at the model's sample rate."""

    sections: ClassVar = {"model": MelGeometry, "data": VocoderData, "loss": VocoderLoss}
    network: ClassVar[type[Vocos] | type[Vocos2D] | type[HarmonicVocos]]
    features: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.critic_from = self.section(VocoderLoss).gan_start
        self.geometry = self.section(MelGeometry)
        self._check_pieces()
        self.reconstruction = ReconstructionLoss(self.geometry.sample_rate, self.section(VocoderLoss).resolutions)

    def _check_pieces(self) -> None:
        """Refuse pieces that the discriminators, which join late, cannot hear, or a resolution of the loss cannot.

        Raises:
            ConfigError: names the least number of frames, or the resolution.
        """
        loss, hop = self.section(VocoderLoss), self.geometry.hop_length
        for window, step, _ in loss.resolutions:
            # a held-out recording may have a single frame of the mel; LogMel pads what is shorter than its reflection
            if step > max(hop, (window - step) // 2 + 1):
                raise ConfigError(
                    f"In loss.resolutions the hop {step} of the window {window} is longer than a mel frame of {hop} "
                    "samples, which would be no frame at all. Give a quarter of the window."
                )
        # an STFT reflects half a window, which takes one sample more than that; a period needs a whole row
        needed = max(1 + max(window for window, _ in RESOLUTIONS) // 2, *loss.periods, 0)
        # the shift of the augmentation takes less than a hop away
        least = -(-(needed + (hop - 1 if loss.augmentation else 0)) // hop)
        if self.critic_from is not None and self.section(VocoderData).segment_frames < least:
            raise ConfigError(
                f"Pieces of data.segment_frames={self.section(VocoderData).segment_frames} are too short for the "
                f"discriminators. Set {least} or more, or loss.gan_start to null."
            )

    def build(self) -> nn.Module:
        """The generator."""
        return self.network(self.geometry)  # type: ignore[arg-type]  # each task pairs a network with its section

    def build_critic(self) -> Discriminators:
        """The discriminators."""
        loss = self.section(VocoderLoss)
        return Discriminators(loss.discriminator_channels, loss.periods, loss.period_channels)

    def start_critic(self, critic: nn.Module) -> None:
        """Take the discriminators of `loss.critic_init`."""
        if (where := self.section(VocoderLoss).critic_init) is not None:
            fill(critic, read_group(latest(where), "critic"), str(where))

    def start(self, model: nn.Module) -> None:
        """Take the generator of `run.init_from`."""
        if (where := self.config.run.init_from) is not None:
            fill(model, start_weights(where, "vocoder"), where)

    def units(self, model: nn.Module) -> list[nn.Module]:
        """The ConvNeXt blocks."""
        assert isinstance(model, Vocos | Vocos2D | HarmonicVocos)
        return list(model.blocks)

    @cached_property
    def _dataset(self) -> Dataset:
        dataset = self.section(VocoderData).dataset(*self.features)
        rate = self.geometry.sample_rate
        check_feature(dataset, "wave", rate, ())
        for name, shape in (("f0", ()), ("flow_mel", (self.geometry.n_mels,))):
            if name in dataset.features:
                check_feature(dataset, name, rate / self.geometry.hop_length, shape)
        return dataset

    def source(self) -> BatchSource:
        """Micro-batches of `Pieces`."""
        return self.section(VocoderData).pieces(self._dataset, LogMel(self.geometry.mel), self.config.run.seed)

    def loss(self, model: nn.Module, batch: Any, step: int, critic: nn.Module | None = None) -> tuple[Tensor, Metrics]:
        """Reconstruction, and against a critic the hinge and the distance of its features."""
        config, device = self.section(VocoderLoss), batch.real_BT.device
        augment = self._augmentation(batch.real_BT)  # as `critic_loss` drew it
        fake_BT = self.fake(model, batch)
        with torch.autocast(device.type, enabled=False):
            reconstruction = self.reconstruction.to(device)(batch.real_BT, fake_BT)
            loss, metrics = config.reconstruction_weight * reconstruction, {"reconstruction": reconstruction.detach()}
            if critic is None:
                return loss, metrics
            heard, real = augment(fake_BT), augment(batch.real_BT)
        scores, features = critic(heard)
        # what is real tells the generator nothing to change
        with torch.no_grad():
            _, real_features = critic(real)
        matching = feature_loss(real_features, features)
        return loss + generator_loss(scores) + config.feature_weight * matching, {
            **metrics,
            "matching": matching.detach(),
        }

    def fake(self, model: nn.Module, batch: Any) -> Tensor:
        """Samples (B, T) from the mels, in the band that the real ones have."""
        return within_band(model(batch.mel_BMT).float(), batch.real_BT, self.geometry.sample_rate)

    def critic_loss(self, critic: nn.Module, batch: Any, fake: Any) -> tuple[Tensor, Metrics]:
        """Hinge; both hear the same augmentation."""
        real, half = batch.real_BT, self.config.run.precision == "bf16"
        augment = self._augmentation(real)
        with torch.autocast(real.device.type, torch.bfloat16, enabled=half):
            loss = discriminator_loss(critic(augment(real))[0], critic(augment(fake))[0])
        return loss, {"discriminator": loss.detach()}

    def _augmentation(self, batch: Tensor) -> Callable[[Tensor], Tensor]:
        if not self.section(VocoderLoss).augmentation:
            return lambda samples_BT: samples_BT
        return Augmentation.draw(len(batch), self.geometry.hop_length, batch)

    @cached_property
    def _held_out(self) -> list[Pieces]:
        """Whole held-out recordings, cut to mel frames; with mels by the flow where training has them."""
        data, hop, mel, finite = (
            self.section(VocoderData),
            self.geometry.hop_length,
            LogMel(self.geometry.mel),
            Finite(),
        )
        whole = []
        for ref in data.held_out(self._dataset):
            item = self._dataset.load(ref)
            real = floats(item.features["wave"])[None]
            real = real[:, : real.shape[1] // hop * hop]
            if not real.shape[1] or not finite(item):
                continue
            made = mel_by_flow(item)[None] if data.flow_mel_share else mel(real)
            if not (frames := min(made.shape[2], real.shape[1] // hop)):
                continue
            f0 = fitted(f0_of(item)[:frames], frames)[None] if "f0" in item.features else None
            whole.append(Pieces(real[:, : frames * hop], made[..., :frames], f0))
        return whole

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Reconstruction loss on whole unseen recordings."""
        losses = []
        for one in self._held_out:
            one = to_device(one, device)
            losses.append(float(self.reconstruction.to(device)(one.real_BT, self.fake(model, one))))
        return {"held_out_reconstruction": mean(losses)} if losses else {}

    def samples(self, model: nn.Module, device: torch.device) -> dict[str, Sound]:
        """Held-out recordings through mel and vocoder."""
        rate, found = self.geometry.sample_rate, enumerate(self._held_out[:SAMPLES])
        waves = {f"held_out_{n}": self.fake(model, to_device(one, device))[0] for n, one in found}
        return {name: Sound(wave.clamp(-1, 1).cpu().numpy(), rate) for name, wave in waves.items()}

    def example_batch(self) -> Pieces:
        """Silence."""
        data, geometry = self.section(VocoderData), self.geometry
        rows, frames = data.batch_utterances or 1, data.segment_frames
        return Pieces(torch.zeros(rows, frames * geometry.hop_length), torch.zeros(rows, geometry.n_mels, frames))

    def batch_size(self) -> dict[str, float]:
        """Speech."""
        rows, samples = self.example_batch().real_BT.shape
        return {"seconds of speech": rows * samples / self.geometry.sample_rate}


class Vocos2DTask(VocoderTask):
    """`task = "vocoder"`: the report's vocoder on maps (section 2.7)."""

    sections: ClassVar = {**VocoderTask.sections, "model": Vocos2DConfig}
    network = Vocos2D


class VocosTask(VocoderTask):
    """`task = "vocos"`: the one-dimensional vocoder that the report compares its own with (Table 8)."""

    sections: ClassVar = {**VocoderTask.sections, "model": VocosConfig}
    network = Vocos


class HarmonicLoss(VocoderLoss):
    """With `reconstruction_weight` 0 and no discriminators, F0 alone is learnt; with `pitch_weight` 0 it stays."""

    pitch_weight: float = Field(default=1.0, ge=0)

    @model_validator(mode="after")
    def _teaches_something(self) -> Self:
        if not (self.pitch_weight or self.reconstruction_weight or self.gan_start is not None):
            raise ValueError("all weights are 0 and gan_start is null: nothing would be learnt")
        return self


class HarmonicVocosTask(VocoderTask):
    """`task = "vocos_harmonic"`: a vocoder with a source; needs the feature `f0` (50 Hz) besides."""

    sections: ClassVar = {**VocoderTask.sections, "model": HarmonicVocosConfig, "loss": HarmonicLoss}
    network = HarmonicVocos
    features = ("f0",)

    def build(self) -> HarmonicVocos:
        """The generator; what no loss reaches stays as it is, which processes that train together have to know."""
        model, config = HarmonicVocos(self.section(HarmonicVocosConfig)), self.section(HarmonicLoss)
        learns_filters = bool(config.reconstruction_weight) or self.critic_from is not None
        for name, part in model.named_children():
            part.requires_grad_(bool(config.pitch_weight) if name == "pitch" else learns_filters)
        return model

    def loss(self, model: nn.Module, batch: Any, step: int, critic: nn.Module | None = None) -> tuple[Tensor, Metrics]:
        """How F0 is read from the mel, and what the others learn."""
        assert isinstance(model, HarmonicVocos)
        config = self.section(HarmonicLoss)
        loss, metrics = torch.zeros((), device=batch.real_BT.device), Metrics()
        if config.reconstruction_weight or self.critic_from is not None:
            loss, metrics = super().loss(model, batch, step, critic)
        if config.pitch_weight:
            pitch = pitch_loss(model.pitch_logits(batch.mel_BMT), batch.f0_BT)
            loss, metrics = loss + config.pitch_weight * pitch, {**metrics, "pitch": pitch.detach()}
        return loss, metrics

    def example_batch(self) -> Pieces:
        """Silence, of which F0 is 0."""
        silence = super().example_batch()
        return replace(silence, f0_BT=torch.zeros_like(silence.mel_BMT[:, 0]))

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """The others' figure, and the median error of F0 in semitones over the voiced frames."""
        assert isinstance(model, HarmonicVocos)
        errors = []
        for one in self._held_out:
            one = to_device(one, device)
            true_BT = octaves_of(one.f0_BT, relative=False)
            errors.append((model.octaves(one.mel_BMT) - true_BT)[one.f0_BT > 0].abs())
        voiced = torch.cat(errors) if errors else torch.empty(0)
        pitch = {"held_out_semitones": SEMITONES * float(voiced.median())} if len(voiced) else {}
        return {**super().evaluate(model, device), **pitch}
