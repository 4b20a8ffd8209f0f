"""One piece of text as a stream: blocks of tokens become mel, finished mel becomes samples, nothing is sent twice.

The blocks grow (25, 50, 200, 200 … tokens, or as the bundle says), so that the first leaves early and the later ones
are cheap. A block is computed when its look-ahead is there too; the frames of the blocks before keep their states
(flow/streaming.py). Samples follow as the vocoder sees what they depend on (synthesis/vocoding.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from glmtts.audio.short import long_enough
from glmtts.bundle import Bundle
from glmtts.flow.streaming import block_causal_mask
from glmtts.stages import FlowState
from glmtts.synthesis.conditions import flow_conditions
from glmtts.synthesis.segment import Segment
from glmtts.synthesis.token_blocks import TokenBlocks
from glmtts.synthesis.vocoding import VocoderStream
from glmtts.synthesis.voice import Voice


@dataclass
class StreamState(TokenBlocks):
    """What a stream holds between chunks: `noise_BTM` covers prompt and speech; `flow` is what the last chunk left."""

    noise_BTM: Tensor
    generator: torch.Generator
    flow: FlowState | None = None

    @classmethod
    def of(cls, voice: Voice, seed: int) -> "StreamState":
        """The state before the first token."""
        return cls(torch.empty(1, 0, voice.mel.shape[0]), torch.Generator().manual_seed(seed))

    @property
    def no_frames(self) -> Tensor:
        """A mel (1, M, 0)."""
        return torch.empty(1, self.noise_BTM.shape[2], 0)


def stream_segment(bundle: Bundle, tokens: Iterator[int], segment: Segment) -> Iterator[Tensor]:
    """Yield samples (T,) as the speech tokens of a segment arrive; together they are the whole segment."""
    state, ended = StreamState.of(segment.voice, segment.seed), False
    vocoder = VocoderStream(bundle.vocoder, bundle.device)
    while not ended:
        upto, ended = state.take(tokens, segment.settings.blocks, bundle.clock.frames_per_token)
        fresh_BMT = _finish(bundle, state, segment, upto) if upto > state.finished else state.no_frames
        first = not vocoder.sent
        samples = vocoder.feed(fresh_BMT, ended)
        # only where all of it is one chunk: what has left cannot be slowed any more
        if first and ended and segment.lone_word:
            samples = long_enough(samples, bundle.clock.sample_rate)
        if len(samples):
            yield samples


@torch.inference_mode()
def _finish(bundle: Bundle, state: StreamState, segment: Segment, upto: int) -> Tensor:
    """The mel (1, M, T) of the tokens from `state.finished` to `upto`."""
    device, per_token, voice = bundle.device, bundle.clock.frames_per_token, segment.voice
    conditions = flow_conditions(bundle, [voice], [state.tokens], segment.settings.show_prompt)
    prompt = conditions.prompt_mel_BMP.shape[2]
    # only the new frames get noise: those that are done were integrated from what they have
    missing = per_token * conditions.tokens_BS.shape[1] - state.noise_BTM.shape[1]
    fresh = torch.randn(1, missing, voice.mel.shape[0], generator=state.generator)
    state.noise_BTM = torch.cat([state.noise_BTM, fresh], dim=1)
    frames, done = state.begin(upto, prompt, per_token)
    mel_BMT, state.flow = bundle.flow.sample(
        conditions,
        state.noise_BTM.to(device),
        segment.settings.solver,
        block_causal_mask(frames, state.noise_BTM.shape[1]).to(device),
        (state.flow, done) if state.flow is not None else None,
    )
    state.finished = upto
    return mel_BMT[:, :, done : sum(frames)].cpu()
