"""Energy by band, and how it differs from a reference's: what a vocoder or a codec loses in the heights."""

from collections.abc import Sequence

import numpy as np

from glmtts.eval.scorers.clip import Clip, Score

BANDS_KHZ = ((0, 1), (1, 2), (2, 4), (4, 8), (8, 12))  # up to half of 24 kHz, the models' rate
WINDOW_SECONDS = 0.04
QUIETEST_DB = -120.0  # of a band without energy, which has no logarithm


class BandEnergy:
    """It takes no options."""

    name = "band_energy"
    columns = tuple(f"band_{low}_{high}khz{end}" for end in ("", "_difference") for low, high in BANDS_KHZ)
    higher_is_better: dict[str, bool] = {}  # a level is neither better nor worse
    stand_in_for = None

    def score(self, clips: Sequence[Clip]) -> list[Score]:
        """The level of each band in dB of the whole, and the clip's minus the reference's.

        None for a band above half the sample rate, for a silent clip, and for differences without a reference.
        """
        return [self._one(clip) for clip in clips]

    def _one(self, clip: Clip) -> Score:
        own = levels(clip.wave, clip.sample_rate)
        other = levels(clip.reference.wave, clip.reference.sample_rate) if clip.reference else [None] * len(own)
        differences = [None if a is None or b is None else a - b for a, b in zip(own, other, strict=True)]
        return dict(zip(self.columns, [*own, *differences], strict=True))


def levels(wave: np.ndarray, rate: int) -> list[float | None]:
    """The level of each band in dB of the energy of all (Welch's method, windows of 40 ms that overlap by half)."""
    size = int(WINDOW_SECONDS * rate)
    if len(wave) < size:
        return [None] * len(BANDS_KHZ)
    frames = np.lib.stride_tricks.sliding_window_view(wave.astype(np.float64), size)[:: size // 2]
    power = (np.abs(np.fft.rfft(frames * np.hanning(size))) ** 2).mean(0)
    frequencies, total = np.fft.rfftfreq(size, 1 / rate), power.sum()
    if total <= 0:
        return [None] * len(BANDS_KHZ)
    found: list[float | None] = []
    for low, high in BANDS_KHZ:
        inside = (frequencies >= 1000 * low) & (frequencies < 1000 * high)
        share = power[inside].sum() / total
        level = max(QUIETEST_DB, 10 * np.log10(max(share, 1e-12)))
        found.append(float(level) if 1000 * high <= rate / 2 else None)
    return found
