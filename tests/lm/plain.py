"""Decoding as simple as it can be: the whole sequence is read again for every token."""

import torch

from glmtts.lm.batch import DecodingBatch, Request, bounds, next_code
from glmtts.lm.model import Llama
from glmtts.lm.prompt import AudioTokens


@torch.inference_mode()
def plain(model: Llama, layout: AudioTokens, request: Request) -> list[int]:
    """What `request` draws alone, without a cache."""
    at_least, at_most = bounds(model, request.prompt_ids, request.sampling, request.text_length)
    choices, drawn = layout.choices(model.model.embed_tokens.weight), list[int]()
    while len(drawn) < at_most:
        ids = torch.tensor([[*request.prompt_ids, *(layout.first + code for code in drawn)]])
        logits_C = choices @ model.hidden(ids)[0, -1]
        code = next_code(logits_C, drawn, at_least, request.sampling, request.generator)
        if code == layout.count:
            break
        drawn.append(code)
    return drawn


def decode(model: Llama, layout: AudioTokens, request: Request) -> list[int]:
    """What `request` draws in a batch of its own."""
    batch = DecodingBatch(model, layout)
    batch.join([request])
    while batch.requests:
        batch.step()
    return request.drawn
