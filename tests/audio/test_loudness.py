"""Loudness against the recommendation's own figures, and against a second implementation's on speech-like noise."""

import numpy as np
import pytest

from glmtts.audio.loudness import HIGHEST_PEAK, integrated_loudness, to_loudness


def _sine(seconds: float, rate: int, level_db: float, frequency: float = 997.0) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (10 ** (level_db / 20) * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100, 48000])
@pytest.mark.parametrize("level", [0.0, -23.0, -40.0])
def test_a_sine_of_997_hz_has_the_loudness_of_the_recommendation(rate: int, level: float) -> None:
    assert integrated_loudness(_sine(3, rate, level), rate) == pytest.approx(level - 3.01, abs=0.05)


def test_deep_tones_count_less_and_high_ones_more() -> None:
    """BS.1770's curve at 48 kHz: −1.4 dB near 100 Hz against 997 Hz, +3.3 dB at 4 kHz (the figure of its annex)."""
    plain = integrated_loudness(_sine(2, 48000, -20), 48000)
    assert integrated_loudness(_sine(2, 48000, -20, 25), 48000) < plain - 8
    assert integrated_loudness(_sine(2, 48000, -20, 100), 48000) == pytest.approx(plain - 1.8, abs=0.3)
    assert integrated_loudness(_sine(2, 48000, -20, 8000), 48000) == pytest.approx(plain + 3.3, abs=0.3)


def test_silence_around_speech_does_not_make_it_quieter() -> None:
    """Tech 3341, case 3 in small: −36 dB, −23 dB, −36 dB; the quiet parts fall to the relative gate."""
    rate = 24000
    parts = [_sine(2, rate, -36), _sine(12, rate, -23), _sine(2, rate, -36), np.zeros(5 * rate, np.float32)]
    assert integrated_loudness(np.concatenate(parts), rate) == pytest.approx(-26.01, abs=0.1)


def test_chunks_leave_no_joints(monkeypatch: pytest.MonkeyPatch) -> None:
    wave = np.random.default_rng(0).normal(0, 0.1, 5 * 16000)
    whole = integrated_loudness(wave, 16000)
    monkeypatch.setattr("glmtts.audio.loudness.CHUNK_SECONDS", 0.7)
    assert integrated_loudness(wave, 16000) == pytest.approx(whole, abs=1e-9)


def test_as_another_implementation_measures() -> None:
    pyloudnorm = pytest.importorskip("pyloudnorm", reason="pyloudnorm is not installed")
    noise = np.random.default_rng(1).normal(0, 1, 8 * 24000)
    envelope = np.abs(np.sin(np.arange(len(noise)) * 2 * np.pi * 0.7 / 24000)) ** 3
    wave = 0.2 * envelope * np.convolve(noise, np.ones(8) / 8, "same")
    wanted = pyloudnorm.Meter(24000, filter_class="DeMan").integrated_loudness(wave)
    assert integrated_loudness(wave, 24000) == pytest.approx(wanted, abs=0.05)


def test_a_level_is_reached_or_the_peak_is() -> None:
    quiet = _sine(2, 24000, -50)
    assert integrated_loudness(to_loudness(quiet, 24000, -23), 24000) == pytest.approx(-23, abs=0.01)
    assert np.abs(to_loudness(quiet, 24000, 3)).max() == pytest.approx(HIGHEST_PEAK)
    assert to_loudness(quiet, 24000, -23).dtype == np.float32


@pytest.mark.parametrize("samples", [np.zeros(0, np.float32), np.zeros(24000, np.float32)])
def test_silence_has_no_loudness_and_stays(samples: np.ndarray) -> None:
    assert integrated_loudness(samples, 24000) == float("-inf")
    assert np.array_equal(to_loudness(samples, 24000, -23), samples)


def test_a_short_sound_is_one_block() -> None:
    assert integrated_loudness(_sine(0.1, 24000, -20), 24000) == pytest.approx(-23.01, abs=0.2)
