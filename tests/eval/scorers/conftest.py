"""Speech, real and made, for scorers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from glmtts.audio.io import load_audio
from glmtts.eval.scorers import Clip

RATE = 24000


def vowel(f0: float = 120.0, seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    """A buzz with two formants whose pitch falls by a tenth: voiced, and pitch trackers find it."""
    time = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * f0 * (time - 0.05 * time**2 / max(seconds, 1e-9))
    harmonics = range(1, int(4000 / f0))
    gain = [1 / (1 + ((h * f0 - 600) / 300) ** 2) + 0.3 / (1 + ((h * f0 - 1800) / 400) ** 2) for h in harmonics]
    wave = sum(g * np.sin(h * phase) for g, h in zip(gain, harmonics, strict=True))
    return (0.3 * wave / np.abs(wave).max()).astype(np.float32)


@pytest.fixture
def made() -> Callable[..., Clip]:
    """A clip of given samples."""

    def make(wave: np.ndarray, rate: int = RATE, text: str = "Hello.", language: str = "en", **other: object) -> Clip:
        return Clip("made", wave, rate, text, language, **other)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def speech(shared: Path) -> list[Clip]:
    """Three seconds of a reader and two short lines of another person."""
    found = []
    for folder, name, seconds in (("ljspeech", 0, 3), ("speechocean762", 0, 2), ("speechocean762", 1, 2)):
        path = sorted((shared / "corpus" / folder).glob("*.opus"))[name]
        wave = load_audio(path, RATE).numpy()[: seconds * RATE]
        found.append(Clip(path.stem, wave, RATE, "", "en"))
    return found


def noisy(clip: Clip, decibels: float = 0.0) -> Clip:
    """The clip with white noise at a signal-to-noise ratio."""
    noise = np.random.default_rng(0).standard_normal(len(clip.wave)) * clip.wave.std() * 10 ** (-decibels / 20)
    return Clip(clip.id, (clip.wave + noise).clip(-1, 1).astype(np.float32), clip.sample_rate, clip.text, clip.language)
