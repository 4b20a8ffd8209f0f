"""Many requests decoded together: they join and leave between steps, and none depends on its neighbours.

All rows of the key-value cache end at the same column and begin where their prompts need them to ("left padding"), so
one forward serves every row. A request that joins is read alone, and its keys and values are copied in to end at the
current column; a row that leaves gives its place to the last one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from glmtts.lm.model import KeyValueCache, Llama
from glmtts.lm.prompt import AudioTokens
from glmtts.lm.sampling import SamplingConfig, draw

FIRST_COLUMNS = 512


@dataclass(eq=False)
class Request:
    """One sequence to decode: what comes before it, how tokens are drawn, and those drawn so far (codes from 0).

    `ended`: no more tokens come; `by_itself`: since the end of audio was drawn, not since the bound was reached.
    """

    prompt_ids: Sequence[int]
    sampling: SamplingConfig
    text_length: int
    generator: torch.Generator
    drawn: list[int] = field(default_factory=list)
    ended: bool = False
    by_itself: bool = False


class DecodingBatch:
    """The requests in flight; `join` adds some, `step` draws one token for each."""

    def __init__(self, model: Llama, layout: AudioTokens) -> None:
        self.model, self.layout = model, layout
        weights = model.model.embed_tokens.weight
        self._choices = layout.choices(weights)
        self._cache = KeyValueCache(model.config, 0, FIRST_COLUMNS, weights)
        self._cache.starts_B = torch.zeros(0, dtype=torch.long, device=weights.device)
        self._hidden_BD = weights.new_zeros(0, model.config.hidden_size)
        self.requests: list[Request] = []

    @torch.inference_mode()
    def join(self, requests: Sequence[Request]) -> None:
        """Read the common prompt of `requests`, which differ in their seeds alone, and decode them from now on."""
        first, weights = requests[0], self.model.model.embed_tokens.weight
        count, length = len(requests), len(first.prompt_ids)
        own = KeyValueCache(self.model.config, 1, length, weights)
        ids = torch.tensor([list(first.prompt_ids)], device=weights.device)
        hidden_BD = self.model.hidden(ids, own)[:, -1].expand(count, -1)
        cache = self._cache
        if not self.requests:
            cache.length = 0
        self._end_at(max(cache.length, length), least=length)
        rows = cache.buffer.new_zeros(*cache.buffer.shape[:2], count, *cache.buffer.shape[3:])
        rows[..., cache.length - length : cache.length, :] = own.buffer
        cache.buffer = torch.cat([cache.buffer, rows], dim=2)
        assert cache.starts_B is not None
        cache.starts_B = torch.cat([cache.starts_B, cache.starts_B.new_full((count,), cache.length - length)])
        self._hidden_BD = torch.cat([self._hidden_BD, hidden_BD])
        self.requests += requests

    @torch.inference_mode()
    def step(self) -> list[Request]:
        """Draw a token for every request; gives those that have ended, which leave."""
        logits_BC = self._hidden_BD @ self._choices.T
        for row, request in enumerate(self.requests):
            at_least, at_most = bounds(self.model, request.prompt_ids, request.sampling, request.text_length)
            token = next_code(logits_BC[row], request.drawn, at_least, request.sampling, request.generator)
            if token != self.layout.count:
                request.drawn.append(token)
            request.by_itself = token == self.layout.count
            request.ended = request.by_itself or len(request.drawn) >= at_most
        ended = [request for request in self.requests if request.ended]
        self._keep([row for row, request in enumerate(self.requests) if not request.ended])
        if self.requests:
            self._end_at(self._cache.length, room=1)
            last = [self.layout.first + request.drawn[-1] for request in self.requests]
            ids = torch.tensor(last, device=self._choices.device)[:, None]
            self._hidden_BD = self.model.hidden(ids, self._cache)[:, -1]
        return ended

    @property
    def device(self) -> torch.device:
        """Where the model lives."""
        return self._choices.device

    @torch.inference_mode()
    def continue_as(self, pairs: Sequence[tuple[Request, Request]]) -> None:
        """In each pair the first goes on as a copy of the second, of the same prompt and length, with its own seed."""
        if not pairs:
            return
        row_of = {id(request): row for row, request in enumerate(self.requests)}
        into, taken = ([row_of[id(pair[side])] for pair in pairs] for side in (0, 1))
        cache = self._cache
        assert cache.starts_B is not None
        first = int(cache.starts_B[into].min())
        cache.buffer[:, :, into, :, first : cache.length] = cache.buffer[:, :, taken, :, first : cache.length]
        self._hidden_BD[into] = self._hidden_BD[taken]
        for request, source in pairs:
            request.drawn = list(source.drawn)

    def leave(self, request: Request) -> None:
        """Drop a request that nobody waits for any more; it counts as ended."""
        request.ended = True
        self._keep([row for row, other in enumerate(self.requests) if other is not request])

    def _keep(self, rows: list[int]) -> None:
        if len(rows) == len(self.requests):
            return
        cache = self._cache
        assert cache.starts_B is not None
        cache.buffer, cache.starts_B = cache.buffer[:, :, rows], cache.starts_B[rows]
        self._hidden_BD = self._hidden_BD[rows]
        self.requests = [self.requests[row] for row in rows]

    def _end_at(self, column: int, room: int = 0, least: int = 0) -> None:
        """Move all rows so that they end at `column`, or further left where columns before every row are unused.

        They end at `least` or further right, and `room` columns are free after that.
        """
        cache = self._cache
        assert cache.starts_B is not None
        if column + room > cache.buffer.shape[4] and len(self.requests):
            column = max(least, column - int(cache.starts_B.min()))
        columns = cache.buffer.shape[4]
        while column + room > columns:
            columns *= 2
        shift = column - cache.length
        if columns == cache.buffer.shape[4] and shift == 0:
            return
        shape = list(cache.buffer.shape)
        shape[4] = columns
        moved = cache.buffer.new_zeros(shape)
        begin = max(0, -shift)
        moved[..., begin + shift : cache.length + shift, :] = cache.buffer[..., begin : cache.length, :]
        cache.buffer, cache.length = moved, column
        cache.starts_B = cache.starts_B + shift


def bounds(model: Llama, prompt_ids: Sequence[int], sampling: SamplingConfig, text_length: int) -> tuple[int, int]:
    """The least and the most speech tokens of a text, by the ratios to its own tokens (without the prompt's)."""
    room = model.config.max_positions - len(prompt_ids)
    return int(sampling.min_ratio * text_length), min(int(sampling.max_ratio * text_length), room)


def next_code(
    logits_C: Tensor, drawn: Sequence[int], at_least: int, sampling: SamplingConfig, generator: torch.Generator
) -> int:
    """Draw a code, or the number of codes for the end of audio, which is masked below the least length."""
    if len(drawn) < at_least:
        logits_C = logits_C.clone()
        logits_C[-1] = -torch.inf
    return draw(logits_C, drawn, sampling, generator)
