"""Fundamental frequency: its course, the target of the pitch estimator, and its median, the height of a voice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from glmtts.errors import TrainingError

if TYPE_CHECKING:
    from torch import Tensor

PERIOD_MS = 10.0  # twice as fine as the 20 ms of a mel frame, of which the nearest value is taken
REFERENCE_HZ = 150.0  # between the medians of men and women; octaves count from it
LOWEST_HZ, HIGHEST_HZ = 60.0, 600.0  # of speaking voices
YIN_THRESHOLD = 0.25  # above the paper's 0.1, so that frames of breathy voices count too
FRAMES_AT_ONCE = 500  # ten seconds: bounds memory


def estimate_f0(samples_T: Tensor, rate: int, frames_per_second: int) -> Tensor:
    """F0 in Hz at `frames_per_second`, shape (frames,); 0 where unvoiced (DIO + StoneMask, Morise et al.).

    Frame i is taken at its centre, (i + 0.5) / frames_per_second seconds, as the mel's frames are.

    Raises:
        TrainingError: pyworld is not installed.
    """
    import torch

    try:
        import pyworld
    except ImportError:
        raise TrainingError("F0 needs pyworld. Install it with: pip install '.[train]'") from None
    samples = samples_T.numpy().astype(np.float64)
    raw, times = pyworld.dio(samples, rate, f0_floor=LOWEST_HZ, f0_ceil=HIGHEST_HZ, frame_period=PERIOD_MS, speed=4)
    track = pyworld.stonemask(samples, raw, times, rate)
    frames = len(samples) * frames_per_second // rate
    centres = ((np.arange(frames) + 0.5) / frames_per_second / PERIOD_MS * 1000).round().astype(int)
    return torch.from_numpy(track[np.minimum(centres, len(track) - 1)]).float()


def voice_f0(samples_T: ArrayLike, rate: int) -> float | None:
    """Median F0 in Hz of the voiced frames of a recording, None where there are none.

    YIN (de Cheveigné and Kawahara, 2002); a synthesizer needs no package for it. Half of its medians lie within 2 % of
    those of `estimate_f0`, nine of ten within 7 %.
    """
    longest, shortest, hop = int(rate / LOWEST_HZ), int(rate / HIGHEST_HZ), rate // 50
    window, samples = 2 * longest, np.asarray(samples_T, dtype=np.float64)
    if len(samples) < window + longest:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(samples, window + longest)[::hop]
    parts = [frames[start : start + FRAMES_AT_ONCE] for start in range(0, len(frames), FRAMES_AT_ONCE)]
    periods = np.sort(np.concatenate([_periods(part, window, shortest, longest) for part in parts]))
    return rate / float(periods[(len(periods) - 1) // 2]) if len(periods) else None


def _periods(frames_NL: np.ndarray, window: int, shortest: int, longest: int) -> np.ndarray:
    """Periods in samples (V,) of the voiced ones among the frames."""
    head, size = frames_NL[:, :window], frames_NL.shape[1]
    # twice the size, so that the correlation does not wrap around; as an FFT it serves all lags at once
    spectrum = np.fft.rfft(frames_NL, 2 * size) * np.fft.rfft(head, 2 * size).conj()
    correlation = np.fft.irfft(spectrum, 2 * size)[:, : longest + 1]
    energy = np.pad(np.square(frames_NL).cumsum(1), ((0, 0), (1, 0)))
    shifted = energy[:, window : window + longest + 1] - energy[:, : longest + 1]
    # d(τ) = r_t(0) + r_{t+τ}(0) − 2 r_t(τ), equation 7 of the paper; rounding may put it below 0
    difference = np.maximum(shifted[:, :1] + shifted - 2 * correlation, 0)
    lags = np.arange(1, longest + 1)
    # d′(τ), equation 8: d over its mean up to this lag, so that lag 0 is no minimum
    normal = difference[:, 1:] * lags / np.maximum(difference[:, 1:].cumsum(1), 1e-12)
    normal = normal[:, shortest - 1 :]
    # step 4: the first dip below a threshold, not the deepest, which may be a multiple of the period
    dip = (normal[:, 1:-1] <= normal[:, :-2]) & (normal[:, 1:-1] < normal[:, 2:]) & (normal[:, 1:-1] < YIN_THRESHOLD)
    loud = shifted[:, 0] > 1e-3 * shifted[:, 0].max()  # −30 dB of the loudest
    voiced = dip.any(1) & loud
    first = dip[voiced].argmax(1)
    # step 5: the lowest point of the parabola through the dip and its neighbours
    before, at, after = (np.take_along_axis(normal[voiced], (first + i)[:, None], 1)[:, 0] for i in range(3))
    return np.asarray(shortest + 1 + first + 0.5 * (before - after) / np.maximum(before - 2 * at + after, 1e-12))
