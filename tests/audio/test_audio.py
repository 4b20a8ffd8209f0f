"""Front ends equal their references; bad audio is refused in one sentence; files appear whole or not at all."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from glmtts.audio import io as audio_io
from glmtts.audio.fbank import kaldi_fbank
from glmtts.audio.io import FORMATS, audio_bytes, audio_seconds, load_audio, new_audio, read_audio, write_audio
from glmtts.audio.mel import LogMel, MelConfig, WhisperFeatures, mel_filters
from glmtts.audio.mpeg import mp3_samples
from glmtts.errors import AudioError

TONE = 0.5 * torch.sin(torch.arange(24000) * 2 * torch.pi * 220 / 24000)


@pytest.mark.parametrize(("name", "rate", "n_fft", "hop"), [("24k", 24000, 1920, 480), ("32k", 32000, 2560, 640)])
def test_mel_equals_the_release(parity: Path, name: str, rate: int, n_fft: int, hop: int) -> None:
    fixture = load_file(parity / "mel.safetensors")
    mel = LogMel(MelConfig(sample_rate=rate, n_fft=n_fft, hop_length=hop))(fixture["wav"])
    torch.testing.assert_close(mel, fixture[f"mel_{name}"], atol=1e-4, rtol=0)


def test_filters_have_unit_area() -> None:
    filters = mel_filters(24000, 8192, 40, 0, 12000)
    areas = filters.sum(1) * 24000 / 8192
    torch.testing.assert_close(areas[5:], torch.ones(35), atol=0.05, rtol=0)


def test_shapes_of_features() -> None:
    assert LogMel(MelConfig())(TONE[None]).shape == (1, 80, 50)
    assert LogMel(MelConfig())(torch.zeros(1, 3)).shape[1] == 80
    assert WhisperFeatures()(torch.randn(1, 16000)).shape == (1, 80, 100)
    assert kaldi_fbank(torch.randn(16000)).shape == (98, 80)


@pytest.mark.parametrize("suffix", FORMATS)
def test_round_trip(tmp_path: Path, suffix: str) -> None:
    write_audio(tmp_path / f"a{suffix}", TONE, 24000)
    samples = load_audio(tmp_path / f"a{suffix}", 24000)
    assert abs(len(samples) - 24000) < 3000
    assert samples[6000:18000].std() == pytest.approx(0.35, abs=0.1)
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


def test_stereo_is_averaged_and_rates_are_changed(tmp_path: Path) -> None:
    stereo = np.stack([TONE.numpy(), -TONE.numpy()], axis=1)
    soundfile.write(tmp_path / "s.wav", stereo, 24000)
    assert read_audio(tmp_path / "s.wav")[0].abs().max() < 1e-3
    soundfile.write(tmp_path / "m.wav", TONE.numpy(), 24000)
    assert len(load_audio(tmp_path / "m.wav", 16000)) == 16000


def test_bad_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no audio")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 24000)
    soundfile.write(tmp_path / "nan.wav", np.full(100, np.nan), 24000, subtype="FLOAT")
    for name, reason in (("none.wav", "not a file"), ("text.wav", "corrupt"), ("empty.wav", "no samples"),
                         ("nan.wav", "not numbers")):  # fmt: skip
        with pytest.raises(AudioError, match=reason):
            read_audio(tmp_path / name)


def test_a_flac_file_of_unknown_length_is_told(tmp_path: Path) -> None:
    """FFmpeg writes one into a pipe; libsndfile loses its end, and took its length for 12 million years."""
    path = tmp_path / "streamed.flac"
    soundfile.write(path, TONE.numpy(), 24000)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # the 36 bits of STREAMINFO that count samples
    data[22:26] = bytes(4)
    path.write_bytes(data)
    for reads in (read_audio, audio_seconds, lambda name: read_audio(name, longest=30)):
        with pytest.raises(AudioError, match="does not say how long it is"):
            reads(path)


def test_an_mp3_that_is_longer_than_it_says_is_told(tmp_path: Path) -> None:
    """Without the frame that tells the length of a varying bit rate, a quarter was read and no word said."""
    seconds = np.arange(240_000) / 24000
    noise = np.random.default_rng(0).standard_normal(len(seconds))
    wave = 0.3 * np.where(seconds % 2 < 1, np.sin(1400 * seconds), noise)
    soundfile.write(tmp_path / "whole.mp3", wave, 24000)
    assert len(read_audio(tmp_path / "whole.mp3")[0]) == 240_000
    assert mp3_samples(tmp_path / "whole.mp3") == pytest.approx(240_000, abs=3000)
    data = (tmp_path / "whole.mp3").read_bytes()
    tag = b"ID3\4\0\0\0\0\1\0" + bytes(64) + data[:64]  # a picture may hold what looks like a frame
    (tmp_path / "tagged.mp3").write_bytes(tag + data)
    assert mp3_samples(tmp_path / "tagged.mp3") == mp3_samples(tmp_path / "whole.mp3")
    for name, content in (("cut.mp3", data[data.index(data[:2], 40) :]), ("joined.mp3", data + data)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(AudioError, match="Convert it to wav"):
            read_audio(tmp_path / name)
    assert len(read_audio(tmp_path / "joined.mp3", longest=5)[0]) == 120_000
    write_audio(tmp_path / "constant.mp3", TONE, 24000)
    assert len(read_audio(tmp_path / "constant.mp3")[0]) == 24000


def test_bad_targets_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "a.xyz", "suffix"), (tmp_path / "no" / "a.wav", "does not exist")):
        with pytest.raises(AudioError, match=reason):
            write_audio(path, TONE, 24000)
    with pytest.raises(AudioError, match="not finite"):
        write_audio(tmp_path / "a.wav", TONE * torch.nan, 24000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    resource = pytest.importorskip("resource", reason="limits of POSIX")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        with pytest.raises(AudioError, match=r"(does not take all of it|File too large).* Free some space"):
            write_audio(tmp_path / f"a{suffix}", torch.rand(48000), 24000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("suffix", "rate"), [(".opus", 32000), (".opus", 44100), (".mp3", 20000), (".mp3", 96000)])
def test_rates_that_a_format_lacks_are_resampled(tmp_path: Path, suffix: str, rate: int) -> None:
    tone = (0.5 * np.sin(np.arange(rate) * 2 * np.pi * 440 / rate)).astype(np.float32)
    write_audio(tmp_path / f"a{suffix}", tone, rate)
    (tmp_path / f"b{suffix}").write_bytes(audio_bytes(tone, rate, suffix))
    # as a long reading is written: in blocks of whole numbers
    with new_audio(tmp_path / f"c{suffix}", rate, len(tone)) as file:
        for block in np.array_split((tone * 32767).astype("<i2"), 7):
            file.write(block)
    for path in sorted(tmp_path.iterdir()):
        samples, found = read_audio(path)
        assert found == 48000 and abs(len(samples) - 48000) < 3000
        middle = samples[12000:36000].numpy()
        assert np.argmax(np.abs(np.fft.rfft(middle))) == 220, "440 Hz in half a second"
        assert middle.std() == pytest.approx(0.35, abs=0.02)
    with pytest.raises(AudioError, match="not finite"):
        write_audio(tmp_path / f"d{suffix}", tone * np.nan, rate)
    assert len(list(tmp_path.iterdir())) == 3


def test_f0_of_a_tone() -> None:
    pytest.importorskip("pyworld", reason="F0 is estimated in training only, with the extra [train]")
    from glmtts.audio.f0 import estimate_f0

    harmonics = sum(torch.sin(torch.arange(24000) * 2 * torch.pi * 150 * k / 24000) / k for k in range(1, 9))
    track = estimate_f0(0.2 * harmonics, 24000, 50)
    assert len(track) == 50
    assert track[10:40].median() == pytest.approx(150, rel=0.02)


def test_what_is_too_long_for_wav_is_written_as_rf64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day of speech: plain WAV has lengths of 32 bits, and the rest was lost to its readers."""
    for samples, form in ((2**31 - 2**20, "WAV"), (2**31, "RF64")):
        with new_audio(tmp_path / "long.wav", 24000, samples) as file:
            file.write(TONE.numpy())
        assert soundfile.info(tmp_path / "long.wav").format == form
    monkeypatch.setattr(audio_io, "LARGEST_WAV", 1000)
    write_audio(tmp_path / "short.wav", TONE, 24000)
    with soundfile.SoundFile(tmp_path / "short.wav") as file:
        assert file.format == "RF64" and "Synthetic speech" in file.comment
    assert len(read_audio(tmp_path / "short.wav")[0]) == len(TONE)
    assert audio_bytes(TONE, 24000)[:4] == b"RF64"
