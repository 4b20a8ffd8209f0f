"""Small files that would become large: what they hold is bounded before it is decoded."""

import tracemalloc
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from glmtts.audio.io import MOST_SAMPLES, audio_seconds, load_audio, read_audio
from glmtts.errors import AudioError


def silence(path: Path, seconds: int, rate: int, channels: int = 1) -> Path:
    soundfile.write(path, np.zeros((seconds * rate, channels), np.int16), rate)
    return path


def test_only_the_wanted_seconds_are_decoded(tmp_path: Path) -> None:
    path = silence(tmp_path / "bomb.flac", 100, 48000, 8)
    assert path.stat().st_size < 200_000  # 154 MB when decoded
    tracemalloc.start()
    try:
        samples = load_audio(path, 24000, longest=10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(samples) == 240_000
    assert peak < 20e6
    assert audio_seconds(path) == 100


@pytest.mark.parametrize(("rate", "channels"), [(1, 1), (3999, 1), (384_001, 1), (8000, 9)])
def test_rates_and_channels_of_no_recording_are_refused(tmp_path: Path, rate: int, channels: int) -> None:
    path = silence(tmp_path / "odd.wav", 1, rate, channels)
    for reads in (read_audio, audio_seconds):
        with pytest.raises(AudioError, match="Convert it"):
            reads(path)


def test_what_is_too_long_to_decode_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 1, 48000, 0, "NONE", ""))
        file.writeframes(b"\0\0")
    data = bytearray(path.read_bytes())
    size = MOST_SAMPLES + 2
    data[4:8], data[40:44] = (size + 36).to_bytes(4, "little"), size.to_bytes(4, "little")
    path.write_bytes(data)
    with path.open("r+b") as grown:
        grown.truncate(size + 44)  # a hole: nothing is written
    with pytest.raises(AudioError, match="longer than 1875 s"):
        read_audio(path)
    assert len(read_audio(path, longest=1)[0]) == 48000


def test_a_head_that_lies_is_not_believed(tmp_path: Path) -> None:
    path = silence(tmp_path / "lies.wav", 1, 8000)
    data = bytearray(path.read_bytes())
    data[40:44] = (0x7FFFFFF0).to_bytes(4, "little")
    path.write_bytes(data)
    assert len(read_audio(path, longest=30)[0]) <= 30 * 8000


@pytest.mark.parametrize("value", [3e38, -1e4])
def test_values_far_from_one_are_refused(tmp_path: Path, value: float) -> None:
    samples = np.zeros(8000, np.float32)
    samples[100] = value
    soundfile.write(tmp_path / "loud.wav", samples, 8000, subtype="FLOAT")
    with pytest.raises(AudioError, match="far beyond"):
        read_audio(tmp_path / "loud.wav")
