"""Log-mels in NumPy, as audio/mel.py: Whisper's (Radford et al., 2022), and that of flow and vocoder."""

import numpy as np

from glmtts.audio.filters import slaney_filters
from glmtts.audio.geometry import MelConfig

SAMPLE_RATE, WINDOW, HOP = 16000, 400, 160


def whisper_features(samples_T: np.ndarray, n_mels: int) -> np.ndarray:
    """Samples (T,) at 16 kHz to features (n_mels, T // 160) float32: log10 power, at most 8 below the loudest."""
    # half a window on both sides, as torch.stft pads a centred one
    padded = np.pad(samples_T.astype(np.float32), WINDOW // 2, mode="reflect")
    # the last frame of a centred STFT is left out, as Whisper does
    frames_TN = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][: len(samples_T) // HOP]
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
    power_TF = np.square(np.abs(np.fft.rfft(frames_TN * window, axis=1))).astype(np.float32)
    log_mel = np.log10(np.maximum(slaney_filters(SAMPLE_RATE, WINDOW, n_mels, 0.0, 8000.0) @ power_TF.T, 1e-10))
    return np.asarray((np.maximum(log_mel, log_mel.max() - 8.0) + 4.0) / 4.0, np.float32)


def log_mel(samples_T: np.ndarray, config: MelConfig) -> np.ndarray:
    """Samples (T,) to log-mel (n_mels, T // hop), as `LogMel`."""
    # with (n_fft − hop) / 2 on both sides, T samples make T // hop frames
    padding = (config.n_fft - config.hop_length) // 2
    padded = np.pad(samples_T.astype(np.float32), padding, mode="reflect")
    frames_TN = np.lib.stride_tricks.sliding_window_view(padded, config.n_fft)[:: config.hop_length]
    # periodic, as torch.hann_window; np.hanning is symmetric
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(config.n_fft) / config.n_fft)).astype(np.float32)
    # 1e-9 as in `LogMel`, where the root needs a gradient
    magnitude = np.sqrt(np.square(np.abs(np.fft.rfft(frames_TN * window, axis=1))) + 1e-9).astype(np.float32)
    filters = slaney_filters(config.sample_rate, config.n_fft, config.n_mels, config.f_min, config.f_max)
    return np.asarray(np.log(np.maximum(filters @ magnitude.T, 1e-5)), np.float32)
