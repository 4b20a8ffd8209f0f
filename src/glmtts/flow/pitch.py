"""The F0 contour of the speech to come: its shape is read from the tokens, its level is the voice's median F0.

The tokens carry pitch relative to the median of their speaker (audio/pitch.py). With that median the flow
knows where every harmonic lies, and is shown them as a comb over the mel bins, the excitation of a source-filter model
(as in Wang et al., 2019, Neural Source-Filter).
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from glmtts.audio.pitch import REFERENCE_HZ, PitchEstimator

LOWEST_HZ, HIGHEST_HZ = 50.0, 800.0  # of speaking voices
STEPS_PER_OCTAVE = 64  # 19 cents: at 800 Hz finer than a mel filter is wide
FLOOR = 0.05  # a filter between two harmonics then has −3, not −∞


class HarmonicComb(nn.Module):
    """Octaves from 150 Hz (B, T) to the comb (B, T, M): log of each mel filter's share of the harmonics' energy.

    A filter that holds as much of the comb as of a flat spectrum of the same power has about 0 (log of 1 + `FLOOR`).
    """

    table: Tensor

    def __init__(self, filters_MK: Tensor, sample_rate: int) -> None:
        super().__init__()
        steps = int(math.log2(HIGHEST_HZ / LOWEST_HZ) * STEPS_PER_OCTAVE) + 1
        table = filters_MK.new_empty(steps, len(filters_MK))
        if type(filters_MK) is Tensor and not filters_MK.is_meta:  # else a dry run's, which has no values
            # thousands of small operations: a fifth of a second less in NumPy, since a bundle watches those of torch
            filters = filters_MK.cpu().numpy()
            with np.errstate(invalid="ignore", divide="ignore"):  # told below, in one sentence
                frequencies = [LOWEST_HZ * 2 ** (step / STEPS_PER_OCTAVE) for step in range(steps)]
                combs = np.stack([_comb(hz, filters, sample_rate) for hz in frequencies])
            if not np.isfinite(combs).all():  # a filter narrower than a bin of the STFT, or no harmonic below half rate
                raise ValueError(f"a mel of {len(filters)} bins at {sample_rate} Hz has filters that hear nothing")
            table = torch.from_numpy(combs).to(filters_MK.device)
        self.register_buffer("table", table, persistent=False)

    def forward(self, octaves_BT: Tensor) -> Tensor:
        """See the class; pitch outside 50 to 800 Hz takes the nearest comb that is there."""
        from_lowest = octaves_BT.float() + math.log2(REFERENCE_HZ / LOWEST_HZ)
        return self.table[(from_lowest * STEPS_PER_OCTAVE).round().long().clamp(0, len(self.table) - 1)]


def _comb(f0: float, filters_MK: np.ndarray, sample_rate: int) -> np.ndarray:
    """The comb (M,) of one F0; each line is as wide as the analysis window makes it: two bins on either side."""
    width_hz = np.float32(sample_rate / 2 / (filters_MK.shape[1] - 1))
    lines_L = np.arange(1, int(sample_rate / 2 / f0) + 1, dtype=np.float32) * np.float32(f0)
    bins_L4 = (lines_L / width_hz).astype(np.int64)[:, None] + np.arange(-1, 3)  # all others are further away than two
    distance_L4 = np.abs(bins_L4.astype(np.float32) * width_hz - lines_L[:, None]) / width_hz
    power_K = np.zeros(filters_MK.shape[1] + 2, dtype=np.float32)  # the last lines reach beyond the last bin
    np.add.at(power_K, bins_L4, np.maximum(1 - distance_L4 / 2, 0))
    power_K = power_K[:-2]
    power_K /= power_K.mean()
    return np.asarray(np.log((filters_MK @ power_K) / filters_MK.sum(1) + np.float32(FLOOR)))


class TokenPitch(nn.Module):
    """What the mel prior is given of the pitch, (B, T, D): the comb where speech is voiced, voicing, and F0.

    It adds nothing before it is trained.
    """

    def __init__(
        self, vocabulary: int, width: int, upsample: int, channels: int, filters_MK: Tensor, rate: int
    ) -> None:
        super().__init__()
        self.codes = nn.Embedding(vocabulary, width)
        self.estimator = PitchEstimator(width, upsample)
        self.comb = HarmonicComb(filters_MK, rate)
        self.in_proj = nn.Linear(len(filters_MK) + 2, channels)
        nn.init.zeros_(self.in_proj.weight)
        nn.init.zeros_(self.in_proj.bias)

    def contour(self, tokens_BS: Tensor, mask_BS: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Octaves from the speaker's median F0, and voicing logits, both (B, S · upsample)."""
        return self.estimator(self.codes(tokens_BS), mask_BS)

    def forward(self, tokens_BS: Tensor, f0_B: Tensor, mask_BS: Tensor | None = None) -> Tensor:
        """Tokens (B, S), their mask and the median F0 (B,) in Hz; see the class."""
        # the loss of the mel does not reach the pitch, which has its own (flow/train.py)
        relative_BT, logits_BT = (part.detach() for part in self.contour(tokens_BS, mask_BS))
        octaves_BT = relative_BT + torch.log2(f0_B / REFERENCE_HZ)[:, None]
        voiced_BT1 = logits_BT.sigmoid()[..., None]
        shown = [voiced_BT1 * self.comb(octaves_BT), voiced_BT1, voiced_BT1 * octaves_BT[..., None]]
        return self.in_proj(torch.cat(shown, dim=-1))
