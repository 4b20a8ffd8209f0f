"""What a recording's samples alone tell: level, clipping, noise, bandwidth, and whether it moves as speech does."""

from dataclasses import dataclass

import torch
from torch import Tensor

from glmtts.audio.bandwidth import bandwidth

FRAME_SECONDS = 0.02
QUIETEST = 1e-9  # −90 dB: below it digital silence would give any ratio
NEAR_PEAK = 0.95  # of the peak: clipped samples lie between this and 1, also after a lossy codec has rounded them
BAND_FLOOR_DB = -55.0  # a band counts that lies at most so far below the strongest one; a choice
SPECTRUM_SECONDS, LAG_SECONDS, HIGHEST_HARMONIC_HZ = 0.08, 0.15, 4000.0  # harmonics are resolved; a syllable later
ENVELOPE_BINS = 31  # about 400 Hz: what is smoother than this is the vowel, what is finer are the harmonics


@dataclass(frozen=True)
class Signal:
    """Measures of one recording.

    `peak_db` is relative to full scale; `clipped` the share of samples at the peak; `snr_db` the loud tenth of frames
    over the quiet tenth; `bandwidth_hz` the highest band with sound in it; `steadiness` how much harmonics stay where
    they are for 0.15 s, from −1 to 1: those of speech glide, those of music stand.
    """

    seconds: float
    peak_db: float
    clipped: float
    snr_db: float
    bandwidth_hz: float
    steadiness: float


def measure(samples_T: Tensor, rate: int) -> Signal:
    """The measures of samples (T,), at least one frame of 20 ms."""
    size = int(FRAME_SECONDS * rate)
    frames_NK = samples_T[: len(samples_T) // size * size].view(-1, size)
    power_N = frames_NK.square().mean(1)
    ordered_N = power_N.sort().values
    # tenths, not extremes: one click, or one frame of digital silence, would decide alone
    tenth = max(1, len(ordered_N) // 10)
    loud, quiet = float(ordered_N[-tenth:].mean()), float(ordered_N[:tenth].mean())
    peak = float(samples_T.abs().max())
    return Signal(
        seconds=len(samples_T) / rate,
        peak_db=_db(peak * peak),
        clipped=float((samples_T.abs() > NEAR_PEAK * peak).float().mean()) if peak else 0.0,
        snr_db=_db(loud) - _db(quiet),
        bandwidth_hz=bandwidth(samples_T.numpy(), rate, BAND_FLOOR_DB),
        steadiness=_steadiness(samples_T, rate),
    )


def _db(power: float) -> float:
    return float(10 * torch.tensor(max(power, QUIETEST)).log10())


def _steadiness(samples_T: Tensor, rate: int) -> float:
    """Correlation of fine spectra 0.15 s apart, mean over the louder half of the frames, each without its envelope."""
    size, hop = int(SPECTRUM_SECONDS * rate), int(FRAME_SECONDS * rate)
    lag = round(LAG_SECONDS / FRAME_SECONDS)
    if len(samples_T) < size + (lag + 1) * hop:
        return 0.0
    frames_NK = samples_T.unfold(0, size, hop) * torch.hann_window(size)
    # a bin is 1 / 0.08 s = 12.5 Hz wide: frequency × length is the number of bins
    fine_NF = torch.fft.rfft(frames_NK).abs().clamp(min=1e-5).log()[:, : int(HIGHEST_HARMONIC_HZ * SPECTRUM_SECONDS)]
    smooth_NF = torch.nn.functional.avg_pool1d(fine_NF[:, None], ENVELOPE_BINS, 1, ENVELOPE_BINS // 2)[:, 0]
    fine_NF = fine_NF - smooth_NF[:, : fine_NF.shape[1]]
    power_N = frames_NK.square().mean(1)[:-lag]
    alike_N = torch.nn.functional.cosine_similarity(fine_NF[:-lag], fine_NF[lag:])
    return float(alike_N[power_N >= power_N.median()].mean())
