"""Noise and music to lay under speech: made here, or taken from a folder of recordings."""

from pathlib import Path

import numpy as np

from glmtts.audio.io import load_audio

CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))  # semitones above the key: I, vi, IV, V
SUFFIXES = {".wav", ".flac", ".ogg", ".mp3", ".opus"}


def background(kind: str, seconds: float, rate: int, rng: np.random.Generator, folder: Path | None) -> np.ndarray:
    """Samples (T,) of `kind`, "noise" or "music", at unit power; every second one from `folder` where it is given."""
    count = int(seconds * rate)
    files = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES) if folder else []
    if files and rng.random() < 0.5:
        samples = _from(files[rng.integers(len(files))], count, rate, rng)
    else:
        samples = made_music(count, rate, rng) if kind == "music" else made_noise(count, rate, rng)
    return samples / np.sqrt(np.mean(samples**2) + 1e-12)


def made_noise(count: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    """White, pink or brown noise, mains hum with its harmonics, or passing cars, drawn by `rng`."""
    from scipy.signal import lfilter  # --help needs it not

    kind = rng.choice(["white", "pink", "brown", "hum", "street"])
    white = rng.standard_normal(count)
    if kind == "white":
        return white
    if kind == "pink":  # Paul Kellet's three-pole approximation of −3 dB an octave
        return lfilter([0.049922, -0.095993, 0.050612, -0.004408], [1, -2.494956, 2.017265, -0.522189], white)
    brown = lfilter([1], [1, -0.995], white)
    if kind == "brown":
        return brown
    time = np.arange(count) / rate
    if kind == "hum":
        tone = sum(np.sin(2 * np.pi * 50 * k * time + rng.random() * 6.3) / k for k in range(1, 12))
        return tone + 0.3 * white
    loudness = 0.2 + np.abs(np.sin(2 * np.pi * time / rng.uniform(4, 9) + rng.random() * 6.3)) ** 3
    return loudness * (brown / brown.std() + 0.3 * white)


def made_music(count: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Chords of decaying harmonics over a bass and a drum, at 80 to 130 beats a minute."""
    beat = int(rate * 60 / rng.uniform(80, 130))
    key, music = 110 * 2 ** (rng.integers(12) / 12), np.zeros(count + 4 * beat)
    for number, start in enumerate(range(0, count, beat)):
        chord = CHORDS[(number // 4) % len(CHORDS)]
        notes = [chord[0] - 12, chord[number % 3], chord[int(rng.integers(3))] + 12 * int(rng.integers(2))]
        for note in notes:
            music[start : start + 2 * beat] += _note(key * 2 ** (note / 12), 2 * beat, rate)
        length = beat // 4
        drum = rng.standard_normal(length) * np.exp(-np.arange(length) / length * 6)
        music[start : start + length] += (0.5 if number % 2 else 0.2) * drum
    return music[:count]


def _note(hertz: float, count: int, rate: int) -> np.ndarray:
    time = np.arange(count) / rate
    harmonics = sum(np.sin(2 * np.pi * hertz * k * time) / k**1.5 for k in range(1, 7) if hertz * k < rate / 2)
    return harmonics * np.exp(-3 * time) * np.minimum(1, time * 200)


def _from(path: Path, count: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    """A random stretch of a recording, repeated where it is too short."""
    samples = load_audio(path, rate).numpy().astype(np.float64)
    samples = np.tile(samples, 1 + count // len(samples) + 1)
    start = int(rng.integers(len(samples) - count))
    return samples[start : start + count]
