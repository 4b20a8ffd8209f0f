"""Log-mels in NumPy, as audio/mel.py: Whisper's (Radford et al., 2022), and that of flow and vocoder."""

from functools import cache

import numpy as np

from glmtts.audio.geometry import MelConfig

SAMPLE_RATE, WINDOW, HOP = 16000, 400, 160


def whisper_features(samples_T: np.ndarray, n_mels: int) -> np.ndarray:
    """Samples (T,) at 16 kHz to features (n_mels, T // 160) float32: log10 power, at most 8 below the loudest."""
    padded = np.pad(samples_T.astype(np.float32), WINDOW // 2, mode="reflect")
    frames_TN = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][: len(samples_T) // HOP]
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
    power_TF = np.square(np.abs(np.fft.rfft(frames_TN * window, axis=1))).astype(np.float32)
    log_mel = np.log10(np.maximum(slaney_filters(SAMPLE_RATE, WINDOW, n_mels, 8000.0) @ power_TF.T, 1e-10))
    return np.asarray((np.maximum(log_mel, log_mel.max() - 8.0) + 4.0) / 4.0, np.float32)


def log_mel(samples_T: np.ndarray, config: MelConfig) -> np.ndarray:
    """Samples (T,) to log-mel (n_mels, T // hop), as `LogMel`; `f_min` is 0."""
    padding = (config.n_fft - config.hop_length) // 2
    padded = np.pad(samples_T.astype(np.float32), padding, mode="reflect")
    frames_TN = np.lib.stride_tricks.sliding_window_view(padded, config.n_fft)[:: config.hop_length]
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(config.n_fft) / config.n_fft)).astype(np.float32)
    magnitude = np.sqrt(np.square(np.abs(np.fft.rfft(frames_TN * window, axis=1))) + 1e-9).astype(np.float32)
    filters = slaney_filters(config.sample_rate, config.n_fft, config.n_mels, config.f_max)
    return np.asarray(np.log(np.maximum(filters @ magnitude.T, 1e-5)), np.float32)


@cache
def slaney_filters(sample_rate: int, n_fft: int, n_mels: int, f_max: float) -> np.ndarray:
    """Triangular filters of unit area on Slaney's mel scale from 0 Hz, (n_mels, n_fft // 2 + 1), as in audio/mel.py."""
    highest = 15 + 27 * np.log(f_max / 1000) / np.log(6.4) if f_max >= 1000 else f_max * 3 / 200
    mels = np.linspace(0, highest, n_mels + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * np.log(6.4) / 27))
    bins = np.linspace(0, sample_rate / 2, n_fft // 2 + 1)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.maximum(0, np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre)))
    return np.asarray(triangles * 2 / (right - left), np.float32)
