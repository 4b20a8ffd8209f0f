"""Run by test_training.py in two processes, as `accelerate launch` and `torchrun` start them.

A language model, and a vocoder with its discriminator.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from glmtts.lm.prompt import AudioTokens
from glmtts.lm.train import Spoken, batches, lm_loss
from glmtts.training import Trainer, TrainingConfig
from glmtts.vocoder.train import VocoderTrainer, VocoderTrainingConfig, train_vocoder
from tests.tiny import TINY_VOCODER, tiny_lm

LAYOUT = AudioTokens(first=40, count=16, begin=38, end=39, padding=37)


def main(out: Path) -> None:
    torch.manual_seed(0)
    config = TrainingConfig(steps=4, log_every=1, warmup_steps=1, precision="no", max_seconds=100)
    trainer = Trainer(tiny_lm(56), lambda model, batch: lm_loss(model, LAYOUT, batch), config, out / "lm")
    process = trainer.accelerator.process_index
    (out / f"seed.{process}").write_text(str(trainer.seed))
    data = [Spoken([number % 30], [number % 16] * 5, "a") for number in range(40)]
    trainer.fit(batches(LAYOUT, lambda rng: data, 60, 0.5, trainer.seed))
    save_file(trainer.plain.state_dict(), out / f"weights.{process}.safetensors")
    train_a_vocoder(out, process)


def train_a_vocoder(out: Path, process: int) -> None:
    """Three steps, two of them adversarial."""
    config = VocoderTrainingConfig(steps=3, batch=2, segment_frames=8, gan_start=1, log_every=1)
    trainer = VocoderTrainer(TINY_VOCODER, config, out / "vocoder")
    waves = [(np.sin(np.arange(24000) * 0.05) * 8000).astype(np.int16)]
    train_vocoder(trainer, waves, waves)
    for name in ("generator", "discriminator"):
        weights = getattr(trainer, name).module.state_dict()
        save_file({key: value.contiguous() for key, value in weights.items()}, out / f"{name}.{process}.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
