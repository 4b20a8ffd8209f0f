"""Run by test_training.py in two processes, as `accelerate launch` and `torchrun` start them: a language model."""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from glmtts.lm.prompt import AudioTokens
from glmtts.lm.train import Spoken, batches, lm_loss
from glmtts.training import Trainer, TrainingConfig
from tests.tiny import tiny_lm

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


if __name__ == "__main__":
    main(Path(sys.argv[1]))
