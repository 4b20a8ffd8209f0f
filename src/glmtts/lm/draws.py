"""Where a batch's tokens are drawn: by the host from logits, a step at a time, or by the device ahead of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from glmtts.lm import rows
from glmtts.lm.request import Request
from glmtts.stages import LanguageModel
from glmtts.text.audio_tokens import AudioTokens


class Draws(Protocol):
    """Rows of one decoding batch, a request each."""

    def join(self, requests: Sequence[Request]) -> None:
        """More rows at the end, which have one prompt."""
        ...

    def draw(self, requests: Sequence[Request], least: Sequence[int]) -> list[int]:
        """The next code of every row, the end of speech being the last; `least` tokens of each come before that.

        `NO_CODE` where the logits of a row are no numbers.
        """
        ...

    def advance(self, codes: Sequence[int]) -> None:
        """Rows go on with these codes, one a row."""
        ...

    def reorder(self, rows: Sequence[int], requests: Sequence[Request]) -> None:
        """Row i becomes what row `rows[i]` was, and continues as `requests[i]`; rows that are not named leave."""
        ...


@runtime_checkable
class DrawsItself(Protocol):
    """What a language model has besides, that may draw on its device."""

    def device_draws(self, layout: AudioTokens) -> Draws | None:
        """Draws of a new batch; None where the host is to draw."""
        ...


class HostDraws:
    """Draws from the logits that a language model gives (lm/sampling.py)."""

    def __init__(self, model: LanguageModel, layout: AudioTokens) -> None:
        self._model, self.state = model, model.new_state(layout)
        self._logits_BC: Any = None

    def join(self, requests: Sequence[Request]) -> None:
        """Read the common prompt of `requests` once."""
        # no argument at all without an adapter: models that take none need not know of it (lm/quantised)
        adapted = {} if requests[0].adapter is None else {"adapter": requests[0].adapter}
        logits_BC = self._model.prefill(self.state, requests[0].prompt_ids, len(requests), **adapted)
        self._logits_BC = rows.joined(self._logits_BC, logits_BC)

    def draw(self, requests: Sequence[Request], least: Sequence[int]) -> list[int]:
        """A code of every row; a request's generator is drawn from once or twice."""
        assert self._logits_BC is not None, "nothing has joined yet"
        unfinished = [row for row, request in enumerate(requests) if len(request.tokens) < least[row]]
        return rows.draw(self._logits_BC, requests, unfinished)

    def advance(self, codes: Sequence[int]) -> None:
        """One forward of the model."""
        self._logits_BC = self._model.step(self.state, codes)

    def reorder(self, rows: Sequence[int], requests: Sequence[Request]) -> None:
        """See `Draws`."""
        self._model.reorder(self.state, rows)
        if self._logits_BC is not None:
            # the logits wait for their draw: a copy draws from what its source would have drawn from
            self._logits_BC = self._logits_BC[list(rows)]


def draws_of(model: LanguageModel, layout: AudioTokens) -> Draws:
    """How the tokens of a new batch are drawn: by the device where the model does that."""
    own = model.device_draws(layout) if isinstance(model, DrawsItself) else None
    return HostDraws(model, layout) if own is None else own
