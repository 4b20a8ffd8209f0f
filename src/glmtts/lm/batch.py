"""Many requests decoded together: they join and leave between steps, and none depends on its neighbours.

One forward serves every row of the key-value cache (rows.py). A request that joins is read alone, and its keys and
values are copied in to end at the current column.
"""

from collections.abc import Sequence

import torch

from glmtts.lm.model import KeyValueCache, Llama
from glmtts.lm.prompt import AudioTokens
from glmtts.lm.rows import RowCache
from glmtts.lm.sampling import Request, draw


class DecodingBatch:
    """The requests in flight; `join` adds some, `step` draws one token for each."""

    def __init__(self, model: Llama, layout: AudioTokens) -> None:
        self.model, self.layout = model, layout
        weights = model.model.embed_tokens.weight
        self._choices = layout.choices(weights)
        self._cache = RowCache(model.config, weights)
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
        self._cache.add(own, count)
        self._hidden_BD = torch.cat([self._hidden_BD, hidden_BD])
        self.requests += requests

    @torch.inference_mode()
    def step(self) -> list[Request]:
        """Draw a token for every request; gives those that have ended, which leave."""
        logits_BC = self._hidden_BD @ self._choices.T
        limits = [bounds(self.model, request) for request in self.requests]
        too_short = [row for row, request in enumerate(self.requests) if len(request.drawn) < limits[row][0]]
        logits_BC[too_short, -1] = -torch.inf
        for request, code, (_, at_most) in zip(self.requests, draw(logits_BC, self.requests), limits, strict=True):
            request.by_itself = code == self.layout.count
            if not request.by_itself:
                request.drawn.append(code)
            request.ended = request.by_itself or len(request.drawn) >= at_most
        ended = [request for request in self.requests if request.ended]
        self._keep([row for row, request in enumerate(self.requests) if not request.ended])
        if self.requests:
            self._cache.make_room()
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
        self._cache.repeat(into, taken)
        self._hidden_BD[into] = self._hidden_BD[taken]
        for request, source in pairs:
            request.drawn = list(source.drawn)

    @torch.inference_mode()
    def leave(self, request: Request) -> None:
        """Drop a request that nobody waits for any more; it counts as ended."""
        request.ended = True
        self._keep([row for row, other in enumerate(self.requests) if other is not request])

    def _keep(self, rows: list[int]) -> None:
        if len(rows) == len(self.requests):
            return
        order = self._cache.keep(rows)
        self._hidden_BD = self._hidden_BD[order]
        self.requests = [self.requests[row] for row in order]


def bounds(model: Llama, request: Request) -> tuple[int, int]:
    """The least and the most speech tokens of a text, by its own tokens (without the prompt's); see SamplingConfig."""
    room, sampling = model.config.max_positions - len(request.prompt_ids), request.sampling
    least = max(sampling.fewest, int(sampling.min_ratio * request.text_length))
    return least, min(max(least, int(sampling.max_ratio * request.text_length) + sampling.slack), room)
