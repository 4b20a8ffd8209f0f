"""DNSMOS: windows and features of the published script, and that it hears noise."""

from pathlib import Path

import numpy as np
import pytest

from glmtts.audio.dnsmos import SAMPLE_RATE, WINDOW, DnsMos, log_mel, windows
from glmtts.audio.io import load_audio
from glmtts.errors import AudioError


def test_short_audio_is_doubled_and_long_audio_cut_as_published() -> None:
    short = np.arange(5 * SAMPLE_RATE, dtype=np.float32)
    (window,) = windows(short)
    assert len(window) == WINDOW and window[len(short)] == 0
    long = np.arange(30 * SAMPLE_RATE, dtype=np.float32)
    starts = [window[0] / SAMPLE_RATE for window in windows(long)]
    assert starts == [0, 1, 2, 3, 4, 5, 6]  # rounding leaves out the 8th to the 24th, and there are 21


def test_features_are_decibels_below_the_loudest() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(WINDOW - 160) / SAMPLE_RATE)
    features = log_mel(tone)
    assert features.shape == (900, 120) and features.dtype == np.float32
    assert features.max() == 1 and features.min() == -1
    assert (features[10:-10].argmax(1) == features[10].argmax()).all()


def test_features_equal_librosas() -> None:
    """What librosa 0.11.0 gave for this noise: its own functions take 15 s to compile."""
    wave = np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    # librosa.power_to_db(melspectrogram(y=wave, sr=16000, n_fft=321, hop_length=160, n_mels=120), ref=np.max)
    stored = np.load(Path(__file__).with_name("librosa_mel.npy"))
    assert np.abs(log_mel(wave) - stored).max() < 1e-4


def test_noise_lowers_every_opinion(shared: Path) -> None:
    pytest.importorskip("onnxruntime")
    try:
        model = DnsMos()
    except AudioError as error:
        pytest.skip(str(error))
    wave = load_audio(sorted((shared / "corpus/ljspeech").glob("*.opus"))[0], SAMPLE_RATE).numpy()[: 3 * SAMPLE_RATE]
    noise = np.random.default_rng(0).standard_normal(len(wave)).astype(np.float32) * wave.std()
    clean, noisy = model(wave), model((wave + noise).clip(-1, 1))
    assert clean.ovr > noisy.ovr + 0.5 and clean.bak > noisy.bak + 0.5 and clean.p808 > noisy.p808
    assert 1 <= noisy.sig <= clean.sig <= 5
    with pytest.raises(AudioError, match="empty"):
        model(wave[:0])


def test_a_folder_without_models_is_told(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    (tmp_path / "sig_bak_ovr.onnx").write_bytes(b"no model")
    with pytest.raises(AudioError, match="no model of DNSMOS"):
        DnsMos(tmp_path)
