"""The recipe from recordings to a bundle that speaks, with tiny models on made-up speech; and its single steps."""

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file

import glmtts
from glmtts.audio.io import load_audio
from glmtts.cli import main as command
from glmtts.data import Dataset, FeatureSpec, ShardWriter, SourceConfig, Utterance, add_feature
from glmtts.data.manifest import read_manifest
from glmtts.speaker.campplus import CampPlus, CampPlusConfig
from glmtts.speech_tokenizer.model import SpeechTokenizer, SpeechTokenizerConfig
from glmtts.speech_tokenizer.train import tokens_from_hidden
from tests.tiny import CODES

ROOT = Path(__file__).parents[1]
RECIPE, CONFIGS = ROOT / "recipes" / "mini", Path("/tmp/cfg")
TEXT_IDS = 300
TOKENIZER = {"d_model": 32, "heads": 2, "ffn": 64, "layers_before": 2, "codes": CODES, "code_width": 8}
SPEAKER = CampPlusConfig(layers=(1, 1, 1))
LINES = {
    "zh": ("zh_daily", "zf_xiaoxiao", ("老师您好。", "我们去公园散步。", "你来吗？", "今天很冷。")),
    "en": ("en", "af_heart", ("Hello there.", "The rain in Spain.", "Is it you?", "We live by the lake.")),
}


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports a module of the recipe, whose folder is no package."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(RECIPE))
    yield import_module
    for name in set(sys.modules) - before:
        if (RECIPE / f"{name}.py").exists():
            del sys.modules[name]


def recorded(seconds: float, pitch: float) -> np.ndarray:
    """A buzz whose loudness rises and falls four times a second."""
    time = np.arange(int(seconds * 24000)) / 24000
    buzz = sum(np.sin(2 * np.pi * pitch * harmonic * time) / harmonic for harmonic in range(1, 8))
    return (0.2 * buzz * (1.1 + np.cos(8 * np.pi * time))).astype(np.float32)


def make_corpora(folder: Path) -> list[Path]:
    """One Mandarin and one English corpus of six recordings, as they are given to the recipe."""
    for number, (lang, (name, speaker, texts)) in enumerate(LINES.items()):
        (folder / name).mkdir(parents=True)
        rows = []
        for line in range(6):
            seconds = 3.2 if line == 0 else 1.0 + 0.1 * line
            soundfile.write(folder / name / f"{lang}{line}.flac", recorded(seconds, 120 + 60 * number), 24000)
            row = {"id": f"{lang}{line}", "file": f"{lang}{line}.flac", "lang": lang, "text": texts[line % 4]}
            rows.append({**row, "speaker": speaker, "seconds": seconds})
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / name / "index.jsonl").write_text(text, encoding="utf-8")
    return sorted(folder.iterdir())


def save_tiny_weights(folder: Path) -> tuple[Path, Path]:
    """A Whisper and a CAM++ of random weights, as they are published."""
    whisper = SpeechTokenizer(SpeechTokenizerConfig(**{**TOKENIZER, "layers_before": 3}))
    kept = {
        f"model.encoder.{k}": v for k, v in whisper.state_dict().items() if not k.startswith(("codebook", "project"))
    }
    save_file(kept, folder / "whisper.safetensors")
    state = CampPlus(SPEAKER).state_dict()
    torch.save({k: v for k, v in state.items() if "num_batches" not in k}, folder / "campplus.pt")
    return folder / "whisper.safetensors", folder / "campplus.pt"


def settings(work: Path, stage: str, steps: int = 3) -> list[str]:
    """What makes a stage's own configuration tiny."""
    sizes: dict[str, dict[str, Any]] = {
        "speech_tokenizer": {"model": TOKENIZER, "loss": {"quantizer_warmup_steps": 2}, "data": {"frozen_layers": 1}},
        "lm": {
            "model": {"hidden_size": 32, "num_layers": 4, "num_heads": 2, "num_kv_heads": 1, "head_dim": 16},
            "data": {"codes": CODES, "text": str(work / "text")},
            "init": {"speech_rows": str(work / "speech_tokenizer")},
        },
        "flow": {
            "model": {"vocabulary": CODES, "token_width": 16, "token_blocks": 1, "width": 32, "blocks": 2, "heads": 2},
            "init": {"mel_head": str(work / "speech_tokenizer")},
        },
        "vocoder": {
            "model": {"channels": 4, "layers": 1, "bands": 60, "kernel": 3},
            "data": {"segment_frames": 8, "batch_utterances": 2},
            "loss": {"gan_start": 2, "discriminator_channels": 2},
        },
    }
    sections = {**sizes[stage], "schedule": {"steps": steps, "warmup_steps": 1}}
    chosen = [f"{name}.{key}={json.dumps(value)}" for name, part in sections.items() for key, value in part.items()]
    sources = ", ".join(f'{{ path = "{folder}" }}' for folder in sorted((work / "data").iterdir()))
    chosen += [f"data.sources=[{sources}]", f"run.out={work / stage}", "run.precision=no", "distributed.workers=0"]
    return chosen


def train(monkeypatch: pytest.MonkeyPatch, stage: str, chosen: list[str]) -> None:
    options = [part for one in chosen for part in ("--set", one)]
    monkeypatch.setattr("sys.argv", ["glm-tts", "train", str(CONFIGS / f"mini_{stage}.toml"), *options])
    with pytest.raises(SystemExit, match="0"):
        command()


def test_from_recordings_to_a_bundle_that_speaks(step: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "work"
    work.mkdir()
    corpora, (whisper, campplus) = make_corpora(tmp_path / "corpus"), save_tiny_weights(tmp_path)
    tokenizer_config = tmp_path / "tokenizer.toml"
    sizes = "\n".join(f"{key} = {value}" for key, value in TOKENIZER.items())
    tokenizer_config.write_text(
        '[run]\ntask = "speech_tokenizer"\nout = "unused"\n[schedule]\nsteps = 1\n[data]\nfrozen_layers = 1\n'
        f"[model]\n{sizes}\n"
    )
    prepare = ["--whisper", whisper, "--work", work, "--config", tokenizer_config, "--corpus", *corpora]
    step("prepare").main(list(map(str, prepare)))
    step("speaker").main(["--weights", str(campplus), "--work", str(work)], SPEAKER)
    step("vocabulary").main(["--work", str(work), "--size", str(TEXT_IDS), "--codes", str(CODES)])
    train(monkeypatch, "speech_tokenizer", [*settings(work, "speech_tokenizer", 4), f"init.whisper={whisper}"])
    step("tokens").main(["--work", str(work), "--tokenizer", str(work / "speech_tokenizer")])
    vocabulary = glmtts.text.tokenizer.TextTokenizer.load(work / "text").size
    for stage in ("lm", "flow", "vocoder"):
        extra = [f"model.vocab_size={vocabulary}"] if stage == "lm" else []
        train(monkeypatch, stage, settings(work, stage) + extra)
    export = step("export")
    voices = {name: (corpus, speaker, "made up") for corpus, speaker, name in (("zh_daily", "zf_xiaoxiao", "heart"),)}
    monkeypatch.setattr(export, "VOICES", voices)
    out = tmp_path / "bundle"
    export.main(["--work", str(work), "--corpus", str(tmp_path / "corpus"), "--out", str(out)])
    with torch.inference_mode():
        audio = glmtts.load(out).say("Hello.")
    assert audio.seconds > 0.1
