"""The bandwidth of a recording: up to which frequency it holds sound, whatever its sample rate says."""

import numpy as np

FRAME_SECONDS = 0.032  # at least; a power of two
BAND_HZ = 250.0  # a choice


def bandwidth(wave: np.ndarray, rate: int, floor_db: float) -> float:
    """Upper edge in Hz of the highest 250 Hz band above `floor_db`, relative to the strongest; 0 for silence.

    `wave` holds samples (T,); shorter than a frame of 32 ms, it is followed by silence. The louder half of the
    frames is averaged, so that pauses with other noise do not count.
    """
    size = 1 << int(np.ceil(np.log2(rate * FRAME_SECONDS)))
    if len(wave) < size:
        wave = np.pad(wave, (0, size - len(wave)))
    frames = np.lib.stride_tricks.sliding_window_view(wave.astype(np.float64), size)[:: size // 2]
    power_TF = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) ** 2
    energy_T = power_TF.sum(1)
    # power is averaged, not decibels: what a few frames hold up there is not lost among the others
    mean_F = power_TF[energy_T >= np.median(energy_T)].mean(0)
    bins = max(1, round(BAND_HZ * size / rate))
    bands = mean_F[: len(mean_F) // bins * bins].reshape(-1, bins).mean(1)
    if bands.max() <= 0:
        return 0.0
    heard = np.flatnonzero(10 * np.log10(bands / bands.max() + 1e-20) > floor_db)
    return float(min(rate / 2, (heard[-1] + 1) * bins * rate / size))
