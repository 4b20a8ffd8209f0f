"""Every format decodes to the sound that went in, cut anywhere, and says that it is synthetic."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from glmtts.audio.encode import MEDIA_TYPES, Format, encoder
from glmtts.audio.provenance import synthetic_mark, synthetic_tags

FILE_FORMATS = [name for name in MEDIA_TYPES if name != "pcm"]


def tone(rate: int) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype(np.float32)


def encode(format: Format, rate: int, cuts: list[int]) -> bytes:
    made = encoder(format, rate, synthetic_tags("tiny"))
    return b"".join(made.feed(part) for part in np.split(tone(rate), cuts)) + made.finish()


def decode(path: Path) -> tuple[np.ndarray, int]:
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        rate = container.streams.audio[0].rate
    scale = 32768 if frames[0].dtype == np.int16 else 1
    return np.concatenate([frame[0] for frame in frames]) / scale, rate


@pytest.mark.parametrize("format", FILE_FORMATS)
@pytest.mark.parametrize("rate", [24000, 32000])
def test_decodes_to_the_same_sound(tmp_path: Path, format: Format, rate: int) -> None:
    path = tmp_path / f"a.{format}"
    path.write_bytes(encode(format, rate, [1, 100, 101, 12000]))
    samples, decoded_rate = decode(path)
    assert abs(len(samples) / decoded_rate - 1) < 0.1
    middle = samples[decoded_rate // 4 : decoded_rate // 2]
    frequency = np.argmax(np.abs(np.fft.rfft(middle))) * decoded_rate / len(middle)
    assert abs(frequency - 440) < 5
    assert abs(np.std(middle) - np.std(tone(rate))) < 0.02


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "opus"])
def test_soundfile_reads_what_was_streamed(tmp_path: Path, format: Format) -> None:
    path = tmp_path / f"a.{format}"
    path.write_bytes(encode(format, 24000, [5000]))
    samples, rate = soundfile.read(path)
    assert rate == 24000
    assert abs(len(samples) / rate - 1) < 0.1


def test_pcm_is_24_khz_whatever_the_model_has() -> None:
    assert len(encode("pcm", 24000, [7])) == 2 * 24000
    assert abs(len(encode("pcm", 32000, [7])) - 2 * 24000) < 10


@pytest.mark.parametrize("format", ["mp3", "opus", "aac", "wav", "pcm"])
def test_the_first_chunk_leaves_at_once(format: Format) -> None:
    assert len(encoder(format, 24000, {}).feed(tone(24000))) > 2000


@pytest.mark.parametrize("format", FILE_FORMATS)
def test_streamed_files_say_that_they_are_synthetic(tmp_path: Path, format: Format) -> None:
    path = tmp_path / f"a.{format}"
    path.write_bytes(encode(format, 24000, []))
    assert "Synthetic speech" in (synthetic_mark(path) or "")
