"""What the prior misses of a speaker: scales and shifts of its blocks, tuned to a recording when a voice is made.

A small model speaks a new voice in an average timbre. The embedding of the speaker modulates every block of the prior
(prior.py); a few seconds of speech, whose tokens and mel are known, are enough to correct this modulation by gradient
descent, with all weights as they are. The conditional layer norms of AdaSpeech (Chen et al., 2021) and the hidden unit
contributions of speech recognition (Swietojanski and Renals, 2014) adapt so few parameters too.
"""

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from glmtts.audio.mel_head import mel_loss
from glmtts.errors import ConfigError

if TYPE_CHECKING:
    from glmtts.flow.dit import DiT

LEARNING_RATE = 0.02  # large: a hundred steps on some thousand numbers are all there is
WINDOW = 250  # tokens a step: ten seconds at 25 Hz hold every sound, and bound the time of a step


def adaptation(flow: "DiT", tokens_S: Tensor, embedding_D: Tensor, mel_MT: Tensor, f0: Tensor, steps: int) -> Tensor:
    """What to add to the modulation of the prior's blocks, (L, K), so that its mel of the tokens is the recording's.

    Adam on the mean absolute error of the log-mel, `steps` times, with a rate that falls to zero; each step sees ten
    seconds of a longer recording. `embedding_D` has length 1, `f0` is the median F0 in Hz.

    Raises:
        ConfigError: the flow model has no prior.
    """
    if flow.prior is None:
        raise ConfigError("This flow model has no prior to adapt. Make voices without adaptation.")
    per_token = flow.config.frames_per_token
    with torch.inference_mode(False), torch.enable_grad():
        # what was made in inference mode, as a voice is, cannot take part in gradients; a clone made here can
        tokens_S, mel_TM, f0_B = tokens_S.clone(), mel_MT.T.clone(), f0.clone()[None]
        speaker_BD = F.normalize(embedding_D.clone()[None], dim=-1)
        # zeros: it begins as the voice that the embedding alone gives
        added_LK = torch.zeros(flow.prior.head.adaptation_shape, device=mel_TM.device, requires_grad=True)
        optimizer = torch.optim.Adam([added_LK], LEARNING_RATE)
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 - step / steps)
            # windows move on by half of themselves, and begin again at the end of the recording
            start = step * WINDOW // 2 % max(1, len(tokens_S) - WINDOW + 1)
            seen = slice(start, start + WINDOW)
            guess_BTM = flow.prior(tokens_S[None, seen], speaker_BD, None, f0_B, added_LK[None])
            real_BTM = mel_TM[None, per_token * seen.start : per_token * seen.stop]
            loss = mel_loss(guess_BTM, real_BTM, torch.ones_like(real_BTM[..., 0]))
            # not `backward`: this tensor alone is to move, and weights that take gradients would gather some
            (added_LK.grad,) = torch.autograd.grad(loss, [added_LK])
            optimizer.step()
    return added_LK.detach()
