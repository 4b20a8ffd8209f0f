"""What the flow is conditioned on: voices and the speech tokens that each of them says."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from glmtts.bundle import Bundle
from glmtts.stages import Conditions
from glmtts.synthesis.voice import Voice


def flow_conditions(
    bundle: Bundle, voices: Sequence[Voice], spoken: Sequence[Sequence[int]], show_prompt: bool
) -> Conditions:
    """Conditions of B voices with the speech tokens of each, their prompts in front where those are shown."""
    device = bundle.device
    prompts = [voice.prompt(show_prompt) for voice in voices]
    tokens = [torch.cat([prompt_S, torch.tensor(own)]) for (prompt_S, _), own in zip(prompts, spoken, strict=True)]
    lengths, frames = list(map(len, tokens)), [mel_MT.shape[1] for _, mel_MT in prompts]
    mels = [F.pad(mel_MT, (0, max(frames) - mel_MT.shape[1])) for _, mel_MT in prompts]
    return Conditions(
        tokens_BS=pad_sequence(tokens, batch_first=True).to(device),
        speaker_BD=torch.stack([voice.embedding for voice in voices]).to(device),
        prompt_mel_BMP=torch.stack(mels).to(device),
        f0_B=torch.stack([voice.f0 for voice in voices]).to(device),
        adaptation_BLK=_adaptations(voices, device),
        # rows of one length need no mask, and mean the same without
        lengths_B=None if min(lengths) == max(lengths) else torch.tensor(lengths, device=device),
        prompt_frames_B=None if min(frames) == max(frames) else torch.tensor(frames, device=device),
        adapters=[None if one.adapter is None else one.adapter.part("flow", bundle.flow) for one in voices],
    )


def _adaptations(voices: Sequence[Voice], device: torch.device) -> Tensor | None:
    """What the voices add to the mel prior (B, L, K); zeros for one that adds nothing, None where none does."""
    like = next((voice.adaptation for voice in voices if voice.adaptation is not None), None)
    if like is None:
        return None
    own = [torch.zeros_like(like) if voice.adaptation is None else voice.adaptation for voice in voices]
    return torch.stack(own).to(device)
