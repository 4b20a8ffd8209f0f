"""Multi-resolution STFT distance to a reference in step with the clip (Yamamoto et al., 2020)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from glmtts.eval.scorers.clip import Clip, Score

RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))  # transform, hop, window of the paper
QUIETEST = 1e-7


class MultiResolutionStft:
    """It takes no options."""

    name = "mr_stft"
    columns = ("mr_stft", "mr_stft_convergence", "mr_stft_magnitude")
    higher_is_better = dict.fromkeys(columns, False)
    stand_in_for = None

    def score(self, clips: Sequence[Clip]) -> list[Score]:
        """Spectral convergence, the mean difference of log magnitudes, and their sum, averaged over three resolutions.

        None without a reference, or where the shorter of both is below 0.1 s. The clip is resampled to the reference.
        """
        return [self._one(clip, clip.reference) if clip.reference else dict.fromkeys(self.columns) for clip in clips]

    def _one(self, clip: Clip, reference: Clip) -> Score:
        wave, wanted = clip.at(reference.sample_rate), reference.wave
        length = min(len(wave), len(wanted))
        if length < reference.sample_rate // 10:
            return dict.fromkeys(self.columns)
        convergence, magnitude = stft_distance(wave[:length], wanted[:length])
        return dict(zip(self.columns, (convergence + magnitude, convergence, magnitude), strict=True))


@torch.inference_mode()
def stft_distance(wave: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """Spectral convergence |‖S|−|Ŝ‖ / ‖S‖ and mean |log|S| − log|Ŝ||, each averaged over the resolutions."""
    found = []
    for resolution in RESOLUTIONS:
        heard, target = (_magnitude(samples, *resolution) for samples in (wave, wanted))
        # Frobenius norms over frames and frequencies
        convergence = torch.linalg.norm(target - heard) / torch.linalg.norm(target).clamp(min=QUIETEST)
        found.append((float(convergence), float((target.log() - heard.log()).abs().mean())))
    convergence_mean, magnitude_mean = np.mean(found, axis=0)
    return float(convergence_mean), float(magnitude_mean)


def _magnitude(samples: np.ndarray, n_fft: int, hop: int, window: int) -> Tensor:
    spectrum = torch.stft(torch.from_numpy(samples), n_fft, hop, window, torch.hann_window(window), return_complex=True)
    return (spectrum.real.square() + spectrum.imag.square()).clamp(min=QUIETEST).sqrt()
