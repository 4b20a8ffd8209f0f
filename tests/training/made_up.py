"""Made-up speech with every feature that the stages train on, and a tiny run of each stage over it."""

from pathlib import Path
from typing import Any

import numpy as np

from glmtts.data import FeatureSpec, ShardWriter, Utterance
from glmtts.data.readings import Transcripts
from glmtts.text.frontend import TextConfig, TextFrontend
from glmtts.text.labels import without_boundaries
from glmtts.training.config import RunConfig
from tests.tiny import CODES, tiny_tokenizer

TEXTS = ("你好吗", "今天天气很好", "Hello there.", "再见", "A tone and a word.")
SPECS = {
    "tokens": FeatureSpec(rate=25),
    "alignment": FeatureSpec(rate=25),
    "mel": FeatureSpec(rate=50),
    "f0": FeatureSpec(rate=50),
    "hidden": FeatureSpec(rate=50),
    "wave": FeatureSpec(rate=24000),
    "speaker": FeatureSpec(rate=None),
}
WIDTH, HOP = 32, 480
VOCODERS = ("vocoder", "vocos", "vocos_harmonic")
FIRST = 140  # numbers whose names are held out: 142, 205, 227, 233
SIZES: dict[str, dict[str, Any]] = {
    "lm": {"vocab_size": 548, "hidden_size": 32, "num_layers": 2, "num_heads": 2, "num_kv_heads": 1, "head_dim": 16},
    "flow": {
        "vocabulary": CODES, "token_width": 16, "token_blocks": 1, "width": 32, "blocks": 2, "heads": 2,
        "prior_width": 16, "pitch_width": 8,
    },
    "speech_tokenizer": {
        "d_model": WIDTH, "heads": 2, "ffn": 64, "layers_before": 2, "codes": CODES, "code_width": 8,
    },
    "vocoder": {"channels": 4, "layers": 1, "bands": 60, "kernel": 3},
    "vocos": {"width": 16, "layers": 1},
    "vocos_harmonic": {
        "width": 16, "layers": 1, "fine_width": 8, "fine_layers": 1, "pitch_width": 8, "pitch_layers": 1,
    },
}  # fmt: skip
LOSSES: dict[str, dict[str, Any]] = {
    "lm": {"guided_layers": [1]},
    "flow": {},
    "speech_tokenizer": {"quantizer_warmup_steps": 3, "restart_interval": 4},
    "vocoder": {"gan_start": 3, "discriminator_channels": 2},
    "vocos": {"gan_start": 3, "discriminator_channels": 2, "periods": [2, 3], "period_channels": 2},
    "vocos_harmonic": {"gan_start": 3, "discriminator_channels": 2},
}


def write_speech(folder: Path, utterances: int = 120, specs: dict[str, FeatureSpec] = SPECS) -> Path:
    """A dataset in `folder/speech`, with the features of `specs`, and a vocabulary in `folder/text`."""
    tiny_tokenizer().save(_made(folder / "text"))
    rng = np.random.default_rng(0)
    transcripts = Transcripts(TextFrontend(TextConfig(phoneme_in="all"), tiny_tokenizer()))
    with ShardWriter(folder / "speech", specs, provenance="made up", shard_seconds=30) as writer:
        for number in range(FIRST, FIRST + utterances):
            frames = int(rng.integers(40, 60)) // 2 * 2
            tone = 8000 * np.sin(np.arange(frames * HOP) * (0.02 + 0.01 * (number % 5)))
            text = TEXTS[number % len(TEXTS)]
            utterance = Utterance(f"u{number}", text, "en" if text.isascii() else "zh", f"s{number // 20}", frames / 50)
            phonemes = len(without_boundaries(transcripts.labels(utterance)))
            features = {
                "tokens": rng.integers(CODES, size=frames // 2).astype(np.int32),
                "alignment": (np.arange(frames // 2) * phonemes // (frames // 2)).astype(np.int32),
                "mel": rng.normal(-5, 2, (frames, 80)).astype(np.float16),
                "f0": np.where(rng.random(frames) < 0.7, rng.uniform(100, 200, frames), 0).astype(np.float32),
                "hidden": rng.normal(size=(frames, WIDTH)).astype(np.float16),
                "wave": tone.astype(np.int16),
                "speaker": rng.normal(size=192).astype(np.float32),
            }
            writer.add(utterance, {name: features[name] for name in specs})
    return folder


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def run_of(task: str, speech: Path, out: Path, **sections: dict[str, Any]) -> RunConfig:
    """A tiny run of a stage; `sections` change its settings."""
    data: dict[str, Any] = {"sources": [{"path": str(speech / "speech")}], "evaluated": 2}
    data |= {"batch_utterances": 1} if task in VOCODERS else {"batch_seconds": 3}
    data |= {"segment_frames": 5} if task in VOCODERS else {}
    data |= {"text": str(speech / "text")} if task in ("lm", "speech_tokenizer") else {}
    data |= {"codes": CODES} if task == "lm" else {}
    data |= {"frozen_layers": 1} if task == "speech_tokenizer" else {}
    values: dict[str, dict[str, Any]] = {
        "run": {"task": task, "out": str(out), "precision": "no", "save_every": 4},
        "model": SIZES.get(task, {}),
        "data": data if task in SIZES else {},
        "loss": LOSSES.get(task, {}),
        "optimizer": {"micro_batches": 2, "learning_rate": 3e-3},
        "schedule": {"steps": 8, "warmup_steps": 2},
        "log": {"every": 2, "evaluate_every": 8, "tensorboard": False, "plot": False},
        "distributed": {"workers": 0},
    }
    for name, section in sections.items():
        values[name] = {**values.get(name, {}), **section}
    return RunConfig.parse(values)
