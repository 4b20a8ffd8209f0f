"""What the flow model misses of a speaker's average spectrum: an equaliser that a voice brings along.

A small flow model speaks a new voice in an average timbre. Sent its own recording's tokens, it shows by how much: the
mean log-mel of the recording less that of what the model made of it. The same is then added to all that it speaks
with this voice (as the cepstral mean is matched in recognition; Atal, 1974).
"""

import torch
from torch import Tensor

from glmtts.flow.cfm import Solver, sample
from glmtts.flow.dit import DiT

LOUDEST = 0.7


@torch.inference_mode()
def spectrum_gap(flow: DiT, tokens_S: Tensor, embedding_D: Tensor, mel_MT: Tensor, solver: Solver) -> Tensor:
    """Mean log-mel (M,) of a recording less that of its tokens through the flow, over its loudest 70 % of frames."""
    noise_BTM = torch.randn(1, 2 * len(tokens_S), mel_MT.shape[0], generator=torch.Generator().manual_seed(0))
    nothing_BMT = mel_MT[None, :, :0]
    made_MT = sample(flow, tokens_S[None], embedding_D[None], nothing_BMT, noise_BTM.to(mel_MT), solver)[0]
    level_T = mel_MT.mean(0)
    loud_T = level_T >= level_T.quantile(1 - LOUDEST)
    return (mel_MT - made_MT)[:, loud_T].mean(1)
