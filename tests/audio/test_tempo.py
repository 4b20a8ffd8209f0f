"""WSOLA: the length changes, the pitch does not."""

import numpy as np
import pytest

from glmtts.audio.tempo import Tempo, change_tempo
from glmtts.errors import ConfigError

RATE = 24000


def buzz(seconds: float = 2.0, f0: float = 140.0) -> np.ndarray:
    """A voiced sound: harmonics of a slowly bending F0."""
    time = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * (f0 * time + 5 * np.sin(2 * np.pi * time) / (2 * np.pi))
    return (0.1 * sum(np.sin(k * phase) / k for k in range(1, 12))).astype(np.float32)


def pitch(samples: np.ndarray) -> float:
    """F0 from the autocorrelation's highest peak between 80 and 300 Hz."""
    middle = samples[len(samples) // 2 :][:4800].astype(np.float64)
    similarity = np.correlate(middle, middle, "full")[len(middle) - 1 :]
    lags = np.arange(RATE // 300, RATE // 80)
    return RATE / lags[np.argmax(similarity[lags])]


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.8, 1.0, 1.3, 2.0, 4.0])
def test_length_follows_the_speed_and_pitch_stays(speed: float) -> None:
    samples = buzz()
    changed = change_tempo(samples, RATE, speed)
    assert len(changed) == round(len(samples) / speed)
    assert abs(pitch(changed) - 140) < 6
    assert abs(np.std(changed) / np.std(samples) - 1) < 0.05


@pytest.mark.parametrize("speed", [0.7, 1.0, 1.9, 3.5, 4.0])
def test_parts_give_the_same_as_the_whole(speed: float) -> None:
    samples = buzz(1.0)
    tempo = Tempo(RATE, speed)
    parts = [tempo.feed(part) for part in np.split(samples, [10, 700, 701, 9000])]
    assert np.array_equal(np.concatenate([*parts, tempo.finish()]), change_tempo(samples, RATE, speed))


def test_steady_sound_stays_smooth() -> None:
    """No click: neighbouring samples never differ by more than they did before."""
    tone = (0.5 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)).astype(np.float32)
    inner = change_tempo(tone, RATE, 1.4)[:-1000]
    assert np.abs(np.diff(inner)).max() < 1.2 * np.abs(np.diff(tone)).max()


@pytest.mark.parametrize("length", [0, 1, 100])
def test_very_short_input(length: int) -> None:
    assert len(change_tempo(np.ones(length, np.float32), RATE, 0.5)) == 2 * length


@pytest.mark.parametrize("speed", [0.0, 0.2, 4.1, float("nan")])
def test_impossible_speeds_are_refused(speed: float) -> None:
    with pytest.raises(ConfigError, match="speed"):
        change_tempo(buzz(0.1), RATE, speed)
