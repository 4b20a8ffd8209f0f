"""Training of the vocoder: reconstruction, then hinge GAN with feature matching and discriminator augmentation."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor, nn
from tqdm import tqdm

from glmtts.audio.mel import LogMel, MelConfig
from glmtts.checkpoint import load_state, save_state
from glmtts.config import StrictConfig
from glmtts.training import append_csv, average_decay, learning_rate_at, out_of_time, plot_csv, process_seed
from glmtts.vocoder.augmentation import Augmentation
from glmtts.vocoder.discriminators import MultiResolutionDiscriminator
from glmtts.vocoder.losses import ReconstructionLoss, discriminator_loss, feature_loss, generator_loss
from glmtts.vocoder.vocos2d import Vocos2D, Vocos2DConfig


class VocoderTrainingConfig(StrictConfig):
    """How the vocoder trains."""

    steps: int
    batch: int = 8
    segment_frames: int = 32
    learning_rate: float = 1e-3
    final_learning_rate: float = 5e-5
    warmup_steps: int = 100
    ema_decay: float = 0.999
    precision: Literal["no", "bf16"] = "bf16"
    gan_start: int = 8000
    reconstruction_weight: float = 15.0
    feature_weight: float = 2.0
    discriminator_channels: int = 16
    save_every: int = 200
    log_every: int = 20
    seed: int = 0
    max_seconds: float | None = None


def segments(waves: Sequence[np.ndarray], batch: int, samples: int, seed: int) -> Iterator[Tensor]:
    """Endless batches (B, samples) of random pieces of int16 waves, at random gain."""
    rng = np.random.default_rng(seed)
    long_enough = [wave for wave in waves if len(wave) > samples]
    while True:
        rows = []
        for number in rng.integers(len(long_enough), size=batch):
            start = rng.integers(len(long_enough[number]) - samples)
            rows.append(long_enough[number][start : start + samples] / 32768 * rng.uniform(0.4, 1.2))
        yield torch.from_numpy(np.stack(rows)).float()


class VocoderTrainer:
    """Two networks, their optimisers and everything a restart needs, in the folder `out`."""

    def __init__(self, model: Vocos2DConfig, training: VocoderTrainingConfig, out: Path) -> None:
        self.training, self.out = training, Path(out)
        self.out.mkdir(parents=True, exist_ok=True)
        shared = DistributedDataParallelKwargs(broadcast_buffers=False)  # a network runs twice before its gradient
        self.accelerator = Accelerator(
            mixed_precision="no", cpu=not torch.cuda.is_available(), kwargs_handlers=[shared]
        )
        generator, discriminator = Vocos2D(model), MultiResolutionDiscriminator(training.discriminator_channels)
        betas = (0.8, 0.95)
        self.generator, self.discriminator, self.generator_optimizer, self.discriminator_optimizer = (
            self.accelerator.prepare(
                generator,
                discriminator,
                torch.optim.AdamW(generator.parameters(), training.learning_rate, betas),
                torch.optim.AdamW(discriminator.parameters(), 5e-4, betas),
            )
        )
        self.average = Vocos2D(model).to(self.device)
        self.average.requires_grad_(False).load_state_dict(self._plain(self.generator).state_dict())
        self.mel = LogMel(
            MelConfig(
                sample_rate=model.sample_rate,
                n_fft=model.n_fft,
                hop_length=model.hop_length,
                n_mels=model.n_mels,
            )
        ).to(self.device)
        self.reconstruction = ReconstructionLoss(model.sample_rate).to(self.device)
        self.step = 0
        self._resume()

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self.accelerator.device

    @property
    def seed(self) -> int:
        """Seed of the segments."""
        return self.training.seed + process_seed(self.accelerator, self.step)

    def _plain(self, part: Any) -> Any:
        """A network without the wrapper of distributed training; anything else as it is."""
        return self.accelerator.unwrap_model(part) if isinstance(part, nn.Module) else part

    def train_step(self, real_BT: Tensor) -> dict[str, float]:
        """One step of both networks; the discriminator joins at `gan_start`."""
        mel_BMT, bf16 = self.mel(real_BT), self.training.precision == "bf16"
        with torch.autocast(real_BT.device.type, torch.bfloat16, enabled=bf16):
            fake_BT = self.generator(mel_BMT)
        reconstruction = self.reconstruction(real_BT, fake_BT)
        loss = self.training.reconstruction_weight * reconstruction
        metrics = {"reconstruction": float(reconstruction.detach())}
        adversarial = self.step >= self.training.gan_start
        augment = Augmentation.draw(len(real_BT), self.mel.config.hop_length, real_BT)
        if adversarial:
            metrics["discriminator"] = self._discriminator_step(augment(real_BT), augment(fake_BT.detach()))
            scores, features = self.discriminator(augment(fake_BT))
            with torch.no_grad():
                _, real_features = self.discriminator(augment(real_BT))
            matching = feature_loss(real_features, features)
            loss = loss + generator_loss(scores) + self.training.feature_weight * matching
            metrics["matching"] = float(matching.detach())
        for group in self.generator_optimizer.param_groups:
            group["lr"] = learning_rate_at(self.step, self.training)
        self._optimise(self.generator_optimizer, loss)
        self._update_average()
        return {"discriminator": 0.0, "matching": 0.0, **metrics}

    def _discriminator_step(self, real_BT: Tensor, fake_BT: Tensor) -> float:
        loss = discriminator_loss(self.discriminator(real_BT)[0], self.discriminator(fake_BT)[0])
        self._optimise(self.discriminator_optimizer, loss)
        return float(loss.detach())

    def _optimise(self, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        if torch.isfinite(torch.nn.utils.clip_grad_norm_(parameters, 10.0)):
            optimizer.step()

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = average_decay(self.step, self.training.ema_decay)
        for kept, new in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)

    @torch.inference_mode()
    def held_out_loss(self, waves: Sequence[np.ndarray]) -> float:
        """Reconstruction loss on whole unseen recordings, of the averaged weights."""
        losses = []
        for wave in waves:
            real = torch.from_numpy(wave[: len(wave) // 480 * 480].astype(np.float32) / 32768)[None]
            real = real.to(self.device)
            losses.append(float(self.reconstruction(real, self.average(self.mel(real)))))
        return sum(losses) / len(losses)

    def save(self) -> None:
        """Everything that a restart needs, atomically."""
        save_state(self.out / "state.safetensors", {"step": self.step, **self._parts("state_dict")})

    def _parts(self, what: str) -> dict:
        names = ("generator", "average", "discriminator", "generator_optimizer", "discriminator_optimizer")
        return {name: getattr(self._plain(getattr(self, name)), what)() for name in names}

    def _resume(self) -> None:
        path = self.out / "state.safetensors"
        if path.exists():
            state = load_state(path)
            self.step = int(state.pop("step"))
            for name, values in state.items():
                self._plain(getattr(self, name)).load_state_dict(values)


def train_vocoder(
    trainer: VocoderTrainer,
    waves: Sequence[np.ndarray],
    held_out: Sequence[np.ndarray],
    evaluate_every: int = 500,
) -> None:
    """Train to the configured number of steps; starting again in the same folder goes on where it stopped."""
    training, started, rows = trainer.training, time.monotonic(), []
    samples = training.segment_frames * trainer.mel.config.hop_length
    batches = segments(waves, training.batch, samples, trainer.seed)
    first = trainer.accelerator.is_main_process
    bar = tqdm(
        total=training.steps, initial=trainer.step, desc="vocoder", unit="step", mininterval=5, disable=not first
    )
    while trainer.step < training.steps:
        rows.append(trainer.train_step(next(batches).to(trainer.device)))
        trainer.step += 1
        bar.update()
        if trainer.step % training.log_every == 0:
            mean = {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
            if first:
                append_csv(trainer.out / "log.csv", {"step": trainer.step, **mean})
            bar.set_postfix(reconstruction=f"{mean['reconstruction']:.3f}")
            rows = []
        if first and trainer.step % training.save_every == 0:
            trainer.save()
        if first and trainer.step % evaluate_every == 0:
            loss = trainer.held_out_loss(held_out)
            append_csv(trainer.out / "evaluation.csv", {"step": trainer.step, "held_out_reconstruction": loss})
        if out_of_time(trainer.accelerator, started, training.max_seconds):
            break
    bar.close()
    if first:
        trainer.save()
        plot_csv(trainer.out / "log.csv", trainer.out / "loss.png", "reconstruction")
