"""What the pipeline's stages are measured by: VAD F1, diarization error, SNR gain, errors of texts."""

from collections.abc import Iterable

import numpy as np

FRAMES_A_SECOND = 100


def to_frames(intervals: Iterable[tuple[float, float]], frames: int) -> np.ndarray:
    """Intervals in seconds as (F,) bool, at 100 frames a second."""
    mask = np.zeros(frames, dtype=bool)
    for start, end in intervals:
        mask[round(start * FRAMES_A_SECOND) : round(end * FRAMES_A_SECOND)] = True
    return mask


def f1(found_F: np.ndarray, true_F: np.ndarray) -> tuple[int, int, int]:
    """Frames that are right, that were found, and that are true: they add up over recordings."""
    return int((found_F & true_F).sum()), int(found_F.sum()), int(true_F.sum())


def diarization_errors(found_KF: np.ndarray, true_SF: np.ndarray, collar: float = 0.0) -> tuple[int, int, int, int]:
    """Frames missed, falsely found, confused, and true: their sum over the last is the diarization error rate.

    Overlap counts. Speakers are mapped one to one so that most frames agree. Frames within `collar` seconds of where a
    true speaker begins or ends are left out.
    """
    scored_F = np.ones(true_SF.shape[1], dtype=bool)
    reach = round(collar * FRAMES_A_SECOND)
    for edge in np.flatnonzero(np.abs(np.diff(true_SF.astype(np.int8), axis=1)).any(0)) if reach else ():
        scored_F[max(0, edge + 1 - reach) : edge + 1 + reach] = False
    found, true = found_KF[:, scored_F].astype(int), true_SF[:, scored_F].astype(int)
    common_KS = found @ true.T
    from scipy.optimize import linear_sum_assignment  # --help needs it not

    rows, columns = linear_sum_assignment(-common_KS)
    right_F = sum((found[k] & true[s] for k, s in zip(rows, columns, strict=True)), np.zeros(found.shape[1], dtype=int))
    said_F, heard_F = true.sum(0), found.sum(0)
    missed = np.maximum(said_F - heard_F, 0).sum()
    false = np.maximum(heard_F - said_F, 0).sum()
    confused = (np.minimum(said_F, heard_F) - right_F).sum()
    return int(missed), int(false), int(confused), int(said_F.sum())


def snr_db(clean_T: np.ndarray, sound_T: np.ndarray) -> float:
    """Power of the clean speech over that of the difference to it, the level of `sound_T` matched, in dB."""
    gain = float(sound_T @ clean_T) / float(sound_T @ sound_T + 1e-12)
    return float(10 * np.log10((clean_T @ clean_T) / (np.sum((clean_T - gain * sound_T) ** 2) + 1e-12)))


def shifted(clean_T: np.ndarray, sound_T: np.ndarray, longest: int) -> np.ndarray:
    """`sound_T` moved by the delay, of at most `longest` samples either way, at which it fits `clean_T` best."""
    size = 1 << (len(clean_T) + len(sound_T)).bit_length()
    cross = np.fft.irfft(np.fft.rfft(sound_T, size) * np.fft.rfft(clean_T, size).conj(), size)
    lags = np.arange(-longest, longest + 1)
    lag = int(lags[int(cross[lags].argmax())])
    moved = np.roll(np.pad(sound_T, (0, longest)), -lag)
    return np.asarray(np.pad(moved, (0, max(0, len(clean_T) - len(moved))))[: len(clean_T)])
