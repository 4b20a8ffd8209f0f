"""Run by test_training.py in two processes, as `accelerate launch` and `torchrun` start them.

A language model, a vocoder with its discriminator, and a speech tokenizer with its codebook.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from glmtts.lm.train import Spoken, batches, lm_loss
from glmtts.speech_tokenizer.train import SpeechTokenizerTraining, TokenizerExample, collate, tokenizer_loss
from glmtts.text.audio_tokens import AudioTokens
from glmtts.training import Trainer, TrainingConfig
from glmtts.vocoder.train import VocoderTrainer, VocoderTrainingConfig, train_vocoder
from tests.speech_tokenizer.test_speech_tokenizer import TINY
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
    train_a_speech_tokenizer(out)


def train_a_vocoder(out: Path, process: int) -> None:
    """Three steps, two of them adversarial."""
    config = VocoderTrainingConfig(steps=3, batch=2, segment_frames=8, gan_start=1, log_every=1)
    trainer = VocoderTrainer(TINY_VOCODER, config, out / "vocoder")
    waves = [(np.sin(np.arange(24000) * 0.05) * 8000).astype(np.int16)]
    train_vocoder(trainer, waves, waves)
    for name in ("generator", "discriminator"):
        weights = getattr(trainer, name).module.state_dict()
        save_file({key: value.contiguous() for key, value in weights.items()}, out / f"{name}.{process}.safetensors")


def train_a_speech_tokenizer(out: Path) -> None:
    """Steps past the k-means that its codebook begins as, and past the restart of dead codes."""
    config = TrainingConfig(steps=9, log_every=1, warmup_steps=1, precision="no", ema_decay=0.0)
    trainer = Trainer(SpeechTokenizerTraining(TINY, 1), tokenizer_loss, config, out / "speech_tokenizer")
    process = trainer.accelerator.process_index
    rng = np.random.default_rng(process)

    def utterance() -> TokenizerExample:
        hidden, mel = rng.normal(size=(20, 32)), rng.normal(size=(20, 80))
        return TokenizerExample(hidden, np.full(20, 200.0), mel, rng.normal(size=192), ["N", "I3"])

    trainer.fit(collate([utterance(), utterance()]) for _ in range(9))
    codebook = trainer.plain.tokenizer.codebook
    save_file({"codes": codebook.weight.detach(), "hits": codebook.hits}, out / f"codebook.{process}.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
