"""Made corpora: recordings of odd lengths, rates, channels and formats."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from glmtts.data.pipeline.config import PipelineConfig

MADE = "tests.data.pipeline.made_stages"
STAGES = (
    {"name": f"{MADE}:PiecesStage"},
    {"name": "length", "options": {"min_seconds": 0.05}},
    {"name": f"{MADE}:LevelStage"},
)


def noise(seconds: float, rate: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Noise that swells and fades, (T, channels)."""
    count = int(seconds * rate)
    swell = 0.1 * (1 + np.sin(np.arange(count) / rate * 3))[:, None]
    return swell * np.random.default_rng(seed).standard_normal((count, channels))


def odd_corpus(folder: Path, files: int = 6) -> Path:
    """Recordings whose lengths have no common measure."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = [("a.wav", 44100, 1), ("b.flac", 8000, 2), ("c.ogg", 48000, 1), ("d.wav", 11025, 3), ("e.mp3", 32000, 2)]
    for number in range(files):
        name, rate, channels = kinds[number % len(kinds)]
        wave = noise(0.3137 + 0.917 * number, rate, channels, number)
        soundfile.write(folder / f"{number:02d}{name}", wave, rate)
    return folder


def configured(folder: Path, output: str = "out", **sections: Any) -> PipelineConfig:
    """A run over `folder/raw` with small blocks, shards and windows, so that there are several of each."""
    values = {
        "run": {"input": folder / "raw", "output": folder / output, "sample_rate": 24000},
        "standardise": {"block_seconds": 2.0, "search_seconds": 0.5},
        "stage": STAGES,
        "shards": {"shard_seconds": 1.5},
        "engine": {"window_hours": 4 / 3600},
    }
    return PipelineConfig.parse({**values, **sections})


def hashes(output: Path, *folders: str) -> dict[str, str]:
    """Every file of an output's folders, by its sha256."""
    files = [
        path
        for folder in folders or ("shards", "manifest", "sources", "samples")
        for path in (output / folder).rglob("*")
    ]
    return {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(files)
        if path.is_file() and path.name != ".lock"
    }
