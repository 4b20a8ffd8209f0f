"""One piece of text as a stream: blocks of tokens become mel, finished mel becomes samples, nothing is sent twice.

The blocks grow (25, 50, 200, 200 … tokens, or as the bundle says), so that the first leaves early and the later ones
are cheap. A block is computed when its look-ahead is there too; the frames of the blocks before keep their states
(flow/streaming.py). The vocoder has a bounded view, so samples whose frames are known on both sides are those of the
whole mel.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from glmtts.bundle import Bundle, SynthesisDefaults
from glmtts.flow.streaming import FlowState, block_causal_mask, sample_chunk, tokens_needed
from glmtts.synthesis.voice import Voice


@dataclass
class StreamState:
    """What a stream holds between chunks; lengths count without the prompt unless they say so.

    `finished` tokens are done; `noise_BTM` covers prompt and speech; `mel_BMT` holds the finished frames, of which
    `sent` have left as samples; `flow` is what the last chunk left.
    """

    noise_BTM: Tensor
    mel_BMT: Tensor
    generator: torch.Generator
    tokens: list[int] = field(default_factory=list)
    finished: int = 0
    blocks: list[int] = field(default_factory=list)
    flow: FlowState | None = None
    sent: int = 0

    @classmethod
    def of(cls, voice: Voice, seed: int) -> "StreamState":
        """The state before the first token."""
        bins = voice.mel.shape[0]
        return cls(torch.empty(1, 0, bins), torch.empty(1, bins, 0), torch.Generator().manual_seed(seed))


def stream_piece(
    bundle: Bundle, tokens: Iterator[int], voice: Voice, options: SynthesisDefaults, seed: int
) -> Iterator[Tensor]:
    """Yield samples (T,) as the speech tokens of one piece arrive; together they are the whole piece."""
    state, ended = StreamState.of(voice, seed), False
    while not ended:
        size = options.blocks[min(len(state.blocks), len(options.blocks) - 1)]
        wanted = state.finished + tokens_needed(size)
        while len(state.tokens) < wanted and not ended:
            token = next(tokens, None)
            ended = token is None
            state.tokens += [] if token is None else [token]
        upto = len(state.tokens) if ended else state.finished + size
        if upto > state.finished:
            _finish(bundle, state, voice, options, upto)
        samples = _samples(bundle, state, ended)
        if len(samples):
            yield samples


@torch.inference_mode()
def _finish(bundle: Bundle, state: StreamState, voice: Voice, options: SynthesisDefaults, upto: int) -> None:
    """Compute the mel of the tokens from `state.finished` to `upto`."""
    device, (prompt_S, prompt_MT) = bundle.device, voice.prompt(options.show_prompt)
    prompt = prompt_MT.shape[1]
    tokens_BS = torch.cat([prompt_S, torch.tensor(state.tokens)])[None]
    missing = 2 * tokens_BS.shape[1] - state.noise_BTM.shape[1]
    fresh = torch.randn(1, missing, voice.mel.shape[0], generator=state.generator)
    state.noise_BTM = torch.cat([state.noise_BTM, fresh], dim=1)
    state.blocks.append(upto - state.finished)
    frames = [*([prompt] if prompt else []), *(2 * block for block in state.blocks)]
    done = prompt + 2 * state.finished
    mel, state.flow = sample_chunk(
        bundle.module("flow"),
        tokens_BS.to(device),
        voice.embedding[None].to(device),
        prompt_MT[None].to(device),
        state.noise_BTM.to(device),
        options.solver,
        block_causal_mask(frames, state.noise_BTM.shape[1]).to(device),
        (state.flow, done) if state.flow is not None else None,
        **voice.conditions(device),
    )
    fresh_BMT = mel[:, :, 2 * state.finished : 2 * upto].cpu()
    state.mel_BMT = torch.cat([state.mel_BMT, fresh_BMT], dim=2)
    state.finished = upto


@torch.inference_mode()
def _samples(bundle: Bundle, state: StreamState, ended: bool) -> Tensor:
    """Samples (T,) of the frames that are known with all that the vocoder sees around them."""
    vocoder = bundle.module("vocoder")
    frames = state.mel_BMT.shape[2]
    context: int = getattr(vocoder, "context_frames", frames)  # a vocoder without bounds sends all at the end
    until = frames if ended else max(state.sent, frames - context)
    if until == state.sent:
        return torch.empty(0)
    start = max(0, state.sent - context)
    hop = vocoder.config.hop_length
    wave = vocoder(state.mel_BMT[:, :, start:].to(bundle.device))[0].cpu().clamp(-1, 1)
    samples = wave[(state.sent - start) * hop : (until - start) * hop]
    state.sent = until
    return samples
