"""Many requests decoded together: they join and leave between steps, and none depends on its neighbours.

One forward of the language model serves every row of its state. A request that joins is read alone first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from glmtts.lm.draws import draws_of
from glmtts.lm.request import Request
from glmtts.stages import LanguageModel
from glmtts.text.audio_tokens import AudioTokens

if TYPE_CHECKING:
    import torch


class DecodingBatch:
    """The requests in flight; `join` adds some, `step` draws one token for each."""

    def __init__(self, model: LanguageModel, layout: AudioTokens) -> None:
        self.model, self.layout = model, layout
        self.requests: list[Request] = []
        # of each request the least and the most tokens, which stay as they are while it is decoded
        self._bounds: list[tuple[int, int]] = []
        self._draws = draws_of(model, layout)

    @property
    def device(self) -> torch.device:
        """Where the model lives."""
        return self.model.device

    def join(self, requests: Sequence[Request]) -> None:
        """Read the common prompt of `requests`, which differ in their seeds alone, and decode them from now on."""
        # first, since it may fail: then no request of these is in flight, and the others go on
        self._draws.join(requests)
        self.requests += requests
        self._bounds += [bounds(self.model, request) for request in requests]

    def step(self) -> list[Request]:
        """Draw a token for every request; gives those that have ended, which leave."""
        drawn = self._draws.draw(self.requests, [at_least for at_least, _ in self._bounds])
        for request, code, (_, at_most) in zip(self.requests, drawn, self._bounds, strict=True):
            # codes end at count − 1; the one after them is the end of audio (AudioTokens.choices)
            request.append(None if code == self.layout.count else code, at_most)
        ended = [request for request in self.requests if request.ended]
        # ended rows leave before the forward, which would read their caches for nothing
        self._keep([row for row, request in enumerate(self.requests) if not request.ended])
        if self.requests:
            self._draws.advance([request.tokens[-1] for request in self.requests])
        return ended

    def continue_as(self, pairs: Sequence[tuple[Request, Request]]) -> None:
        """In each pair the first goes on as a copy of the second, of the same prompt and length, with its own seed."""
        if not pairs:
            return
        row_of = {id(request): row for row, request in enumerate(self.requests)}
        order = list(range(len(self.requests)))
        for request, source in pairs:
            order[row_of[id(request)]] = row_of[id(source)]
            request.tokens = list(source.tokens)  # a copy: both append from here on
        self._draws.reorder(order, self.requests)

    def leave(self, request: Request) -> None:
        """Drop a request that nobody waits for any more."""
        if not request.ended:
            request.finish_reason = "cancelled"
        self._keep([row for row, other in enumerate(self.requests) if other is not request])

    def _keep(self, staying: list[int]) -> None:
        """Let the other rows go; the last rows fill the gaps, so that few are moved."""
        if len(staying) == len(self.requests):
            return
        kept = set(staying)
        gaps = [row for row in range(len(kept)) if row not in kept]
        moved = dict(zip(gaps, (row for row in staying if row >= len(kept)), strict=True))
        order = [moved.get(row, row) for row in range(len(kept))]
        self.requests = [self.requests[row] for row in order]
        self._bounds = [self._bounds[row] for row in order]
        self._draws.reorder(order, self.requests)


def bounds(model: LanguageModel, request: Request) -> tuple[int, int]:
    """The least and the most speech tokens of a text, by its own tokens (without the prompt's); see SamplingConfig."""
    room, sampling = model.max_positions - len(request.prompt_ids), request.sampling
    # `min`: a ratio that leaves all open, such as 1e308, is infinite for a text, and no integer is that
    low, high = (int(min(ratio * request.text_length, room)) for ratio in (sampling.min_ratio, sampling.max_ratio))
    least = max(sampling.min_tokens, low)
    # the positions that the model has left come last: they bind even where a text should have more tokens
    return least, min(max(least, high + sampling.extra_tokens), room)
