"""What the flow model misses of a speaker's spectrum: a linear map that a voice brings along.

A small flow model speaks a new voice in an average timbre. Sent its own recording's tokens, it shows how it errs: a
regression from the cepstra of the mels that it makes to those of the recording, as speech recognisers adapt to a
speaker (Leggetter and Woodland, 1995; Gales, 1998). A ridge holds the map at the identity where a few seconds of
speech say too little. The same map is then applied to every frame that is spoken with this voice.
"""

import math

import torch
from torch import Tensor

from glmtts.flow.cfm import Solver, sample
from glmtts.flow.dit import DiT

LOUDEST = 0.7
CEPSTRA = 50
PRIOR_FRAMES = 180


@torch.inference_mode()
def spectrum_map(
    flow: DiT, tokens_S: Tensor, embedding_D: Tensor, mel_MT: Tensor, solver: Solver, f0: Tensor
) -> Tensor:
    """The map (M, M + 1) from what the flow makes of a recording's tokens to its log-mel; the last column is added."""
    noise_BTM = torch.randn(1, 2 * len(tokens_S), mel_MT.shape[0], generator=torch.Generator().manual_seed(0))
    nothing_BMT, noise_BTM = mel_MT[None, :, :0], noise_BTM.to(mel_MT)
    made_BMT = sample(flow, tokens_S[None], embedding_D[None], nothing_BMT, noise_BTM, solver, f0_B=f0[None])
    return fitted(made_BMT[0], mel_MT)


def fitted(made_MT: Tensor, mel_MT: Tensor) -> Tensor:
    """The map W, b with the least Σ ‖W x + b − y‖² over the loudest 70 % of frames, drawn to W = 1.

    The identity weighs as much as `PRIOR_FRAMES` frames in which every cepstrum varies as in these, alone; W changes
    the first `CEPSTRA` only.
    """
    level_T = mel_MT.mean(0)
    loud_T = level_T >= level_T.quantile(1 - LOUDEST)
    basis_MM = cosines(len(mel_MT)).to(mel_MT)
    made_MN, real_MN = basis_MM @ made_MT[:, loud_T], basis_MM @ mel_MT[:, loud_T]
    made_M1, real_M1 = made_MN.mean(1, keepdim=True), real_MN.mean(1, keepdim=True)
    x_KN, y_KN = (made_MN - made_M1)[:CEPSTRA], (real_MN - real_M1)[:CEPSTRA]
    spread_KK = x_KN @ x_KN.T
    held_KK = spread_KK + torch.diag(PRIOR_FRAMES / x_KN.shape[1] * spread_KK.diagonal() + 1e-6)
    map_MM = torch.eye(len(mel_MT)).to(mel_MT)
    map_MM[: len(x_KN), : len(x_KN)] += torch.linalg.solve(held_KK, x_KN @ (y_KN - x_KN).T).T
    added_M1 = basis_MM.T @ (real_M1 - map_MM @ made_M1)
    return torch.cat([basis_MM.T @ map_MM @ basis_MM, added_M1], dim=1)


def cosines(size: int) -> Tensor:
    """The orthonormal DCT-II (size, size): log-mels to cepstra."""
    numbers = torch.arange(size)
    table = torch.cos(math.pi / size * numbers[:, None] * (numbers + 0.5)) * math.sqrt(2 / size)
    table[0] /= math.sqrt(2)
    return table
