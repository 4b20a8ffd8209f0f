"""Decoding as simple as it can be: the whole sequence is read again for every token."""

import torch

from glmtts.lm.batch import DecodingBatch, bounds
from glmtts.lm.model import Llama
from glmtts.lm.request import Request
from glmtts.lm.sampling import draw
from glmtts.text.audio_tokens import AudioTokens


@torch.inference_mode()
def plain(model: Llama, layout: AudioTokens, request: Request) -> list[int]:
    """What `request` draws alone, without a cache."""
    at_least, at_most = bounds(model, request)
    choices, tokens = layout.choices(model.model.embed_tokens.weight), request.tokens
    while len(tokens) < at_most:
        ids = torch.tensor([[*request.prompt_ids, *(layout.first + code for code in tokens)]])
        logits_C = choices @ model.hidden(ids)[0, -1]
        if len(tokens) < at_least:
            logits_C[-1] = -torch.inf
        (code,) = draw(logits_C[None], [request])
        if code == layout.count:
            break
        tokens.append(code)
    return tokens


def decode(model: Llama, layout: AudioTokens, request: Request) -> list[int]:
    """What `request` draws in a batch of its own."""
    batch = DecodingBatch(model, layout)
    batch.join([request])
    while batch.requests:
        batch.step()
    return request.tokens
