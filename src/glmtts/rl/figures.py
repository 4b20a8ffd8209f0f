"""The figures that guards watch, of answers as tokens and as audio."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np
import torch

from glmtts.audio.f0 import HIGHEST_HZ, LOWEST_HZ
from glmtts.rl.rewards.base import Completion
from glmtts.rl.rollout import Answer
from glmtts.text.labels import without_boundaries

FRAME_SECONDS = 0.02  # a period of the lowest voice (60 Hz) and more, and shorter than any pause
F0_WINDOW, F0_HOP = 0.04, 0.01  # seconds: two periods of 50 Hz, as autocorrelation needs; the usual 100 frames a second
PERIODIC = 0.6  # share of the autocorrelation at lag 0; a choice: noise lies below, a steady voice near 1
FAINTEST = 1e-3  # of the loudest frame's power, −30 dB: what is fainter is breath or echo
FEWEST_VOICED = 10  # frames, 0.1 s: a deviation of fewer says nothing
OCTAVE_ERROR = 9.0  # semitones from the median: more is a wrong octave rather than the voice's own
SILENT_DB = -40.0  # below the loudest frame: pauses lie at −60, fricatives above −35
OCTAVE_COST = 0.05  # of correlation: else twice the period, which fits as well, is taken for the period
FAINT_DB = -60.0  # of full scale: a clip that is all silence has no loud frame to compare with


def token_figures(answers: Sequence[Answer]) -> dict[str, float]:
    """Tokens a phoneme, share of truncated answers, longest run of the voice's own tokens as a share of an answer."""
    lengths = [len(a.tokens) / max(1, len(without_boundaries(a.segment.phonemes))) for a in answers]
    copies = [longest_copy(a.segment.voice.tokens.tolist(), a.tokens) / max(1, len(a.tokens)) for a in answers]
    return {
        "tokens_per_phoneme": fmean(lengths),
        "truncated": fmean(not answer.stopped for answer in answers),
        "prompt_copied": fmean(copies),
    }


def audio_figures(completions: Sequence[Completion]) -> dict[str, float]:
    """Loudness in dB of full scale, share of silent frames, and deviation of F0 in semitones; means over answers."""
    levels = [frame_levels(one.audio(), one.rate) for one in completions]
    deviations = [one for item in completions if (one := f0_deviation(item.audio(), item.rate)) is not None]
    found = {
        # mean of what sounds, else pauses would count as quiet speech; −90 is the floor of `frame_levels`
        "loudness_db": fmean(
            float(np.mean(level[level > FAINT_DB])) if (level > FAINT_DB).any() else -90.0 for level in levels
        ),
        "silence": fmean(silent_share(level) for level in levels),
    }
    return found | ({"f0_deviation": fmean(deviations)} if deviations else {})


def frame_levels(wave: np.ndarray, rate: int) -> np.ndarray:
    """Level of each frame of 20 ms in dB of full scale (frames,), at least one."""
    size = max(1, int(FRAME_SECONDS * rate))
    padded = np.pad(wave, (0, -len(wave) % size or (size if not len(wave) else 0)))
    power = np.square(padded.astype(np.float64)).reshape(-1, size).mean(1)
    return 10 * np.log10(np.maximum(power, 1e-9))


def silent_share(levels: np.ndarray) -> float:
    """Share of frames that are far below the loudest one, or faint in themselves."""
    return float(np.mean(levels < max(FAINT_DB, float(levels.max()) + SILENT_DB)))


def f0_deviation(wave: np.ndarray, rate: int) -> float | None:
    """Standard deviation of F0 over voiced frames in semitones; None where fewer than ten frames are voiced.

    By autocorrelation of 40 ms frames (Boersma, 1993, without its path search): needs no package, and a guard asks
    whether the pitch still moves, not where it is.
    """
    window, hop = int(F0_WINDOW * rate), int(F0_HOP * rate)
    if len(wave) < window:
        return None
    frames = torch.from_numpy(np.ascontiguousarray(wave)).double().unfold(0, window, hop)
    frames = (frames - frames.mean(1, keepdim=True)) * torch.hann_window(window, dtype=torch.float64)
    # autocorrelation as the inverse of the power spectrum; zeros to twice the length keep it from wrapping around
    spectrum = torch.fft.rfft(frames, 2 * window).abs().square()
    correlation = torch.fft.irfft(spectrum)[:, :window]
    taper = torch.fft.irfft(torch.fft.rfft(torch.hann_window(window, dtype=torch.float64), 2 * window).abs().square())
    # divided by the window's own autocorrelation: the taper alone would favour short lags
    normal = correlation / correlation[:, :1].clamp(min=1e-12) / (taper[:window] / taper[0]).clamp(min=1e-6)
    # at most half the window: beyond it the taper leaves too little to divide by
    low, high = int(rate / HIGHEST_HZ), min(int(rate / LOWEST_HZ), window // 2)
    lags = torch.arange(low, high)
    cost = OCTAVE_COST * torch.log2(lags / low).double()
    place = (normal[:, low:high] - cost).argmax(1)
    strength = normal[:, low:high].gather(1, place[:, None])[:, 0]
    voiced = (strength > PERIODIC) & (correlation[:, 0] > FAINTEST * correlation[:, 0].max())
    if int(voiced.sum()) < FEWEST_VOICED:
        return None
    semitones = 12 * torch.log2(rate / (low + place[voiced]).double())
    return float(semitones[(semitones - semitones.median()).abs() < OCTAVE_ERROR].std())


def longest_copy(prompt: Sequence[int], tokens: Sequence[int]) -> int:
    """Length of the longest run of tokens that stands in both (the longest common substring)."""
    best, row = 0, [0] * (len(tokens) + 1)
    # row[place] is the common run that ends at this symbol and at tokens[place − 1]
    for symbol in prompt:
        above = row
        row = [0] * (len(tokens) + 1)
        for place, other in enumerate(tokens, 1):
            if symbol == other:
                row[place] = above[place - 1] + 1
                best = max(best, row[place])
    return best
