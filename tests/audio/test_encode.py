"""Every format decodes to the sound that went in, cut anywhere, and says that it is synthetic."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from glmtts.audio import encode as encode_module
from glmtts.audio.encode import CODED_RATES, MEDIA_TYPES, Format, check_mp3_kbps, encoder
from glmtts.audio.mpeg import bit_rates
from glmtts.audio.provenance import synthetic_mark, synthetic_tags
from glmtts.errors import ConfigError

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


def test_a_stream_of_wav_beyond_its_lengths_goes_on_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(encode_module, "LARGEST_WAV", 40_000)
    made = encoder("wav", 24000, {})
    parts = [made.feed(part) for part in np.split(tone(24000), 6)] + [made.finish()]
    assert [record.message[:30] for record in caplog.records] == ["This WAV has passed 4 GiB, beh"]
    assert sum(map(len, parts)) > 2 * 24000


@pytest.mark.parametrize("rate", CODED_RATES["mp3"])
def test_mp3_has_just_the_bit_rate_that_was_asked_for(tmp_path: Path, rate: int) -> None:
    """LAME takes the nearest that there is, and says nothing."""
    for kbps in bit_rates(rate):
        made = encoder("mp3", rate, {}, kbps)
        (tmp_path / "a.mp3").write_bytes(made.feed(tone(rate)) + made.finish())
        with av.open(str(tmp_path / "a.mp3")) as container:
            assert container.streams.audio[0].bit_rate == 1000 * kbps
    for kbps in (7, 100, 640):
        with pytest.raises(ConfigError, match=rf"MP3 at {rate} Hz has no {kbps} kbit/s. Choose one of .*, 64"):
            encoder("mp3", rate, {}, kbps)


def test_mp3_of_a_low_rate_has_the_highest_bit_rate_by_default(tmp_path: Path) -> None:
    for rate, kbps in ((8000, 64), (24000, 128)):
        made = encoder("mp3", rate, {})
        (tmp_path / "a.mp3").write_bytes(made.feed(tone(rate)) + made.finish())
        with av.open(str(tmp_path / "a.mp3")) as container:
            assert container.streams.audio[0].bit_rate == 1000 * kbps


def test_a_bit_rate_must_be_there_at_every_rate() -> None:
    check_mp3_kbps(160, [24000, 32000])
    with pytest.raises(ConfigError, match="at 24000 and 32000 Hz has no 144"):
        check_mp3_kbps(144, [32000, 24000])
