"""Files that end early, or are several joined, are refused in one sentence; what is whole is read to its end."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from glmtts.audio.containers import CONTAINERS
from glmtts.audio.encode import Format, encoder
from glmtts.audio.io import FORMATS, audio_bytes, read_array
from glmtts.errors import AudioError

RATE = 24000
NOISE = np.random.default_rng(0).uniform(-0.3, 0.3, 4 * RATE).astype(np.float32)


def coded(suffix: str) -> bytes:
    if suffix in FORMATS:
        return audio_bytes(NOISE, RATE, suffix)
    with io.BytesIO() as made:
        soundfile.write(made, NOISE, RATE, format=suffix.lstrip("."), subtype="PCM_16")
        return made.getvalue()


def recorded(path: Path) -> bytes:
    """A file of FFmpeg's."""
    codec = "libopus" if path.suffix == ".webm" else "aac"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=48000, layout="mono")
        samples = (np.repeat(NOISE, 2) * 32767).astype(np.int16)[None]
        for start in range(0, samples.shape[1], 48000):
            frame = av.AudioFrame.from_ndarray(samples[:, start : start + 48000], format="s16", layout="mono")
            frame.sample_rate, frame.pts = 48000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


def refusal(path: Path, data: bytes, longest: float | None = None) -> str:
    path.write_bytes(data)
    with pytest.raises(AudioError) as refused:
        read_array(path, longest)
    return str(refused.value)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(("share", "longest"), [(0.3, None), (0.9, None), (0.9, 30), (0.3, 2)])
def test_a_file_that_was_cut_is_told(tmp_path: Path, suffix: str, share: float, longest: float | None) -> None:
    data = coded(suffix)
    said = refusal(tmp_path / f"a{suffix}", data[: int(share * len(data))], longest)
    assert "ends" in said and "Copy it again" in said


@pytest.mark.parametrize("form", ["AIFF", "AU", "W64", "RF64"])
def test_the_head_of_every_kind_is_compared_with_the_file(tmp_path: Path, form: str) -> None:
    path = tmp_path / "whole"
    soundfile.write(path, NOISE, RATE, format=form, subtype="PCM_16")
    assert len(read_array(path)[0]) == len(NOISE)
    data = path.read_bytes()
    said = refusal(tmp_path / "cut", data[: len(data) // 2])
    assert "says that it is 4.0 s long and ends, or is damaged, after 2.0 s" in said


def test_where_a_flac_file_ends_is_told(tmp_path: Path) -> None:
    data = coded(".flac")
    said = refusal(tmp_path / "a.flac", data[: len(data) // 2])
    held = float(said.split(" after ")[1].split()[0])
    assert "says that it is 4.0 s long" in said and held == pytest.approx(2, abs=0.3)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg"])
def test_what_is_wanted_and_there_is_read(tmp_path: Path, suffix: str) -> None:
    data = coded(suffix)
    path = tmp_path / f"a{suffix}"
    path.write_bytes(data[: int(0.8 * len(data))])
    assert len(read_array(path, longest=1)[0]) == RATE


@pytest.mark.parametrize("suffix", [".ogg", ".opus", ".flac", ".m4a", ".au", ".caf", ".w64"])
def test_files_joined_end_to_end_are_told(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    data = recorded(path) if suffix in CONTAINERS else coded(suffix)
    said = refusal(path, data + data)
    assert "several recordings joined" in said and "one by one" in said


def test_aac_joined_of_two_rates_is_told(tmp_path: Path) -> None:
    """Frames say their rate; of the second file's the samples would sound at the first one's."""
    parts = []
    for rate in (44100, 22050):
        path = tmp_path / f"{rate}.aac"
        with av.open(str(path), "w", format="adts") as container:
            stream = container.add_stream("aac", rate=rate, layout="mono")
            frame = av.AudioFrame.from_ndarray(NOISE[None, :rate], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        parts.append(path.read_bytes())
    assert "several recordings joined" in refusal(tmp_path / "a.aac", b"".join(parts))


def test_a_codec_that_nobody_knows_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.mka"
    known = recorded(path)
    assert b"A_AAC" in known
    assert "cannot be read as audio" in refusal(path, known.replace(b"A_AAC", b"A_XYZ"))


@pytest.mark.parametrize("suffix", [".webm", ".mka", ".m4a"])
def test_recordings_of_phones_that_were_cut_are_told(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    data = recorded(path)
    assert len(read_array(path)[0]) == pytest.approx(4 * 48000, abs=4800)
    said = refusal(path, data[: len(data) // 2])
    assert ("ends" in said or "cut off" in said) and "Copy it again" in said


def test_a_recording_without_a_length_is_read_to_its_end(tmp_path: Path) -> None:
    """WAV that was written into a pipe, MP3 without a head, and Ogg that ends between two pages, as of a radio."""
    formats: tuple[Format, ...] = ("wav", "mp3", "opus")
    for format in formats:
        path, encoding = tmp_path / f"a.{format}", encoder(format, RATE, {})
        data = encoding.feed(NOISE) + encoding.finish()
        path.write_bytes(data[: data.rindex(b"OggS")] if format == "opus" else data)
        assert len(read_array(path)[0]) == pytest.approx(len(NOISE), abs=RATE // 5)


def test_an_mp3_that_begins_with_silence_is_not_taken_for_a_cut_one(tmp_path: Path) -> None:
    """Without a head libsndfile guesses the length from the first frame: of few bits, ten times too long."""
    path = tmp_path / "varying.mp3"
    quiet_first = np.concatenate([np.zeros(RATE, np.float32), NOISE])
    with soundfile.SoundFile(path, "w", RATE, 1, "MPEG_LAYER_III", format="MP3", bitrate_mode="VARIABLE") as file:
        file.write(quiet_first)
    data = path.read_bytes()
    path.write_bytes(data[data.index(data[:2], 40) :])  # without the frame that tells the length
    assert soundfile.info(path).frames > 1.5 * len(quiet_first)
    assert len(read_array(path)[0]) == pytest.approx(len(quiet_first), abs=RATE // 5)
