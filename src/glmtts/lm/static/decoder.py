"""The language model's step as work of fixed shapes: read what waits, draw the next token, and let it wait.

Nothing of a step depends on the host, so it can be recorded (graphs.py); what a row draws stands among its ids, from
which it is read after several steps.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from glmtts.adapters import Adapter, RowAdapters
from glmtts.graphs import Direct, Replayer
from glmtts.lm.cache import KeyValueCache
from glmtts.lm.request import NO_CODE, Request
from glmtts.lm.static.buffers import FIRST_COLUMNS, RowBuffers, power_of_two
from glmtts.lm.static.sampling import draw, recent_codes
from glmtts.ort.decoder import check_prompt
from glmtts.text.audio_tokens import AudioTokens

if TYPE_CHECKING:
    from glmtts.lm.model import Llama

Through = Callable[..., Tensor]
STEPS = 6  # between two looks of the host; a divisor of the 12 tokens after which `mini`'s candidates compete
FEWEST_CHOICES = 32  # of the nucleus: top_k is 25 unless somebody changes it
MOST = 1 << 40  # of a count: above all ids and tokens there are, and a tensor's integers hold it


class StaticDecoder:
    """Decodes up to any number of rows of one model; the rows are the caller's, who says where each one stands."""

    def __init__(self, model: "Llama", layout: AudioTokens, replayer: Replayer, compiled: bool = False) -> None:
        self.model, self.layout, self._replayer = model, layout, replayer
        weights = model.model.embed_tokens.weight
        self.buffers, self.choices_CD = RowBuffers(model.config, weights), layout.choices(weights)
        self._through = _compiled() if compiled else _through

    @torch.inference_mode()
    def refresh(self) -> None:
        """Take the head from the weights again, which may have been trained since."""
        self.choices_CD.copy_(self.layout.choices(self.model.model.embed_tokens.weight))

    @torch.inference_mode()
    def fill(self, row: int, count: int, prompt_ids: Sequence[int], adapter: Adapter | None) -> None:
        """Rows `row` … `row + count − 1` begin with a prompt, which is read once, all but its last id.

        Raises:
            TextError: it leaves no position for speech.
        """
        check_prompt(len(prompt_ids), self.model.max_positions)
        self._reserve(row + count, len(prompt_ids) + STEPS)
        own = None
        if len(prompt_ids) > 1:
            # all but the last id: that one waits in the buffers, and is read by the first step like a drawn one
            own = KeyValueCache(self.model.config, 1, len(prompt_ids) - 1, self.choices_CD)
            with RowAdapters([adapter]).applied(self.model):
                self.model.hidden(torch.tensor([list(prompt_ids[:-1])], device=self.model.device), own)
        self.buffers.fill(row, count, prompt_ids, own)

    @torch.inference_mode()
    def reorder(self, rows: Sequence[int], columns: int) -> None:
        """Row i becomes what row `rows[i]` was, its first `columns` ids."""
        self._reserve(len(rows), 1)
        self.buffers.reorder(rows, columns)

    @torch.inference_mode()
    def run(self, requests: Sequence[Request], least: Sequence[int], adapters: RowAdapters) -> list[list[int]]:
        """The next `STEPS` codes of every row, one request a row, from where its `tokens` end.

        The last of all codes is the end of speech; what follows it, or `NO_CODE`, means nothing. `least` is how many
        tokens come before it. The rows' states go on, and what the caller does not take is drawn again by a next call.
        """
        longest = max(len(one.prompt_ids) + len(one.tokens) for one in requests) + STEPS
        columns, count = max(power_of_two(longest), FIRST_COLUMNS), len(requests)
        # low-rank parts are found by the host, and compiled layers know nothing of them: so the layers run as they are,
        # with the very rows that use them
        adapted = bool(adapters.groups)
        rows, replayer = (count, Direct()) if adapted else (power_of_two(count), self._replayer)
        self._reserve(rows, columns)
        self.buffers.set_rules(*_rules(requests, least))
        # a new tensor, before the steps move the lengths: where the ids that they draw will stand
        places_BN = self.buffers.length_R[:count, None] + torch.arange(1, STEPS + 1, device=self.model.device)
        # no more than there are: each power of two is a recording of its own
        choices = min(max(one.sampling.top_k for one in requests), len(self.choices_CD))
        most = power_of_two(max(FEWEST_CHOICES, choices))
        step = partial(self._advance, rows, columns, most, _through if adapted else self._through)
        with adapters.applied(self.model):
            # queued without a look at what was drawn: a row that ends early draws on, and the host drops that
            for _ in range(STEPS):
                replayer.run((rows, columns, most), step, self.buffers.length_R)
        ids_BN = self.buffers.ids_RK[:count].gather(1, places_BN)
        codes_BN = (ids_BN - self.layout.first).masked_fill(ids_BN == self.layout.end, self.layout.count)
        return codes_BN.masked_fill(ids_BN == self.layout.padding, NO_CODE).tolist()

    def _advance(self, rows: int, columns: int, most: int, through: Through) -> None:
        """One step of the first rows, of which none is longer than `columns`."""
        buffers, rules = self.buffers, self.buffers.rules(rows)
        length_R, ids_RK = buffers.length_R[:rows], buffers.ids_RK[:rows, :columns]
        logits_RC = self._hidden(rows, columns, ids_RK, length_R, through) @ self.choices_CD.T
        recent_RK = recent_codes(ids_RK, length_R, rules, self.layout.first)
        code_R = draw(logits_RC, rules, recent_RK, length_R + 1 - rules.start, most)
        id_R = (code_R + self.layout.first).masked_fill(code_R == self.layout.count, self.layout.end)
        id_R = id_R.masked_fill(code_R == NO_CODE, self.layout.padding)  # an id that is there, and is never drawn
        next_R = (length_R + 1).clamp(max=columns - 1)  # rows that are not in use stay there
        ids_RK.scatter_(1, next_R[:, None], id_R[:, None])
        # last: the draw above counts from the old length
        length_R.copy_(next_R)

    def _hidden(self, rows: int, columns: int, ids_RK: Tensor, length_R: Tensor, through: Through) -> Tensor:
        """Final hidden states (R, D) of the ids that wait."""
        model = self.model
        x_R1D = model.model.embed_tokens(ids_RK.gather(1, length_R[:, None]))
        # a row runs on to the host's next look, up to STEPS − 1 ids beyond its bound, where the tables end
        places_R = length_R.clamp(max=model.max_positions - 1)
        cos, sin = (table[places_R][:, None, None] for table in (model.cos, model.sin))
        read_RK = torch.arange(columns, device=length_R.device) <= length_R[:, None]
        mask = torch.zeros(rows, 1, 1, columns, device=x_R1D.device, dtype=x_R1D.dtype)
        mask.masked_fill_(~read_RK[:, None, None], -torch.inf)  # additive, else each layer would make it so
        for number, layer in enumerate(model.model.layers):
            slots = self.buffers.slots(number, rows, columns, length_R)
            x_R1D = through(layer, x_R1D, cos, sin, slots, mask)
        return model.model.norm(x_R1D)[:, 0]

    def _reserve(self, rows: int, columns: int) -> None:
        if self.buffers.reserve(rows, columns):
            self._replayer.clear()


def _through(layer: Any, x_R1D: Tensor, cos: Tensor, sin: Tensor, slots: Any, mask: Tensor) -> Tensor:
    """One layer; a function of its own so that it is compiled once for all layers."""
    return layer(x_R1D, cos, sin, 0, slots, mask)


@cache
def _compiled() -> Through:
    """`_through` compiled, for all models; a shape of buffers is one more version of it."""
    torch._dynamo.config.recompile_limit = max(64, torch._dynamo.config.recompile_limit)  # else the ninth is not
    return torch.compile(_through, dynamic=False)


def _rules(requests: Sequence[Request], least: Sequence[int]) -> tuple[list[list[int]], list[list[float]]]:
    """Lengths and rules of rows, as `RowBuffers.set_rules` takes them."""
    how, starts = [one.sampling for one in requests], [len(one.prompt_ids) for one in requests]
    # − 1: the last id waits, its key and value are not in the cache yet
    lengths = [start - 1 + len(one.tokens) for start, one in zip(starts, requests, strict=True)]
    seeds = [one.generator.initial_seed() % (1 << 63) for one in requests]
    # rounded up: as many whole tokens as reach K · r (Request.repeats)
    repeats = [-int(-min(one.repetition_window * one.repetition_threshold, MOST) // 1) for one in how]
    windows, choices = ([min(getattr(one, key), MOST) for one in how] for key in ("repetition_window", "top_k"))
    integers = [starts, seeds, [min(one, MOST) for one in least], choices, windows, repeats]
    return [lengths, *integers], [[one.temperature for one in how], [one.top_p for one in how]]
