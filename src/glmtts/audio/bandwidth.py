"""The bandwidth of a recording: up to which frequency it holds sound, whatever its sample rate says."""

import numpy as np

FFT_SECONDS = 0.032
FLOOR_DB = -65.0  # below the strongest band; codecs and resamplers leave less above their edge
BAND_HZ = 250.0


def bandwidth(wave: np.ndarray, rate: int) -> float:
    """Upper edge in Hz of the highest 250 Hz band within 65 dB of the strongest, of samples (T,); 0 for silence.

    The louder half of the frames is averaged, so that pauses with other noise do not count.
    """
    size = 1 << int(np.ceil(np.log2(rate * FFT_SECONDS)))
    if len(wave) < size:
        wave = np.pad(wave, (0, size - len(wave)))
    frames = np.lib.stride_tricks.sliding_window_view(wave.astype(np.float64), size)[:: size // 2]
    power_TF = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) ** 2
    energy_T = power_TF.sum(1)
    mean_F = power_TF[energy_T >= np.median(energy_T)].mean(0)
    bins = max(1, round(BAND_HZ * size / rate))
    bands = mean_F[: len(mean_F) // bins * bins].reshape(-1, bins).mean(1)
    if bands.max() <= 0:
        return 0.0
    heard = np.flatnonzero(10 * np.log10(bands / bands.max() + 1e-20) > FLOOR_DB)
    return float(min(rate / 2, (heard[-1] + 1) * bins * rate / size))
