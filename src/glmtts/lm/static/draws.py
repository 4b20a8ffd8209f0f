"""Tokens of a decoding batch that the device draws ahead of the host, and the decoders that batches take in turn."""

import threading
import weakref
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from glmtts.adapters import RowAdapters
from glmtts.graphs import Acceleration, replayer
from glmtts.lm.request import Request
from glmtts.lm.static.decoder import STEPS, StaticDecoder
from glmtts.text.audio_tokens import AudioTokens

if TYPE_CHECKING:
    from glmtts.lm.model import Llama

MOST_GRAPHS = 16  # of one decoder: batch sizes up to 32 at two or three lengths
MOST_IDLE = 2  # decoders that are kept while nobody decodes: a service's and another's


class DeviceDraws:
    """Draws for the rows of a batch as `lm/draws.py` does; the device is up to `STEPS` − 1 tokens ahead of the host.

    Whoever looks at tokens sees them one by one all the same. Rows that join, or go on as copies of others, are decoded
    from where the host is; what the device had drawn beyond it is dropped, and drawn again as it was.
    """

    def __init__(self, decoder: StaticDecoder) -> None:
        self._decoder, self._adapters = decoder, RowAdapters()
        self._ahead: deque[list[int]] = deque()

    def join(self, requests: Sequence[Request]) -> None:
        """More rows, which have one prompt."""
        first = requests[0]
        self._decoder.fill(len(self._adapters), len(requests), first.prompt_ids, first.adapter)
        self._adapters.add(first.adapter, len(requests))
        self._ahead.clear()

    def draw(self, requests: Sequence[Request], least: Sequence[int]) -> list[int]:
        """The next code of every row; `least` is how many tokens each has before it may end."""
        if not self._ahead:
            rows = self._decoder.run(requests, least, self._adapters)
            # codes of a row after another become those of a step after another
            self._ahead.extend(map(list, zip(*rows, strict=True)))
        return self._ahead.popleft()

    def advance(self, codes: Sequence[int]) -> None:
        """Nothing: a row has read what it has drawn."""

    def reorder(self, rows: Sequence[int], requests: Sequence[Request]) -> None:
        """Row i becomes what row `rows[i]` was, and continues as `requests[i]`."""
        self._adapters.reorder(rows)
        if requests:
            longest = max(len(one.prompt_ids) + len(one.tokens) for one in requests)
            # STEPS more: ids and keys that were drawn ahead move with their row
            self._decoder.reorder(rows, longest + STEPS)
        # a row that only moves keeps what was drawn ahead; a copy goes on by its own seed, so it draws anew
        if len(set(rows)) == len(rows):
            self._ahead = deque([codes[row] for row in rows] for codes in self._ahead)
        else:
            self._ahead.clear()


class DecoderPool:
    """The decoders of one model: each serves a batch at a time, and the next one finds its graphs ready."""

    def __init__(self, acceleration: Acceleration) -> None:
        self._acceleration, self._idle = acceleration, list[tuple[Any, StaticDecoder]]()
        # again by its holder: within the lock, a garbage collection may find draws whose decoder comes back
        self._lock = threading.RLock()

    def __deepcopy__(self, memo: dict[int, Any]) -> "DecoderPool":
        """None of the decoders: a copied model has other weights."""
        return DecoderPool(self._acceleration)

    def draws(self, model: "Llama", layout: AudioTokens) -> DeviceDraws:
        """Draws for a new batch; its decoder is free again when they are gone."""
        # recordings read addresses: a model that was moved has others, though it is the same object
        weights = [weight.data_ptr() for weight in model.parameters()]
        key = (weights, layout)
        with self._lock:
            # first the swap: what comes back in the middle of this stands in the new list, and is not lost
            idle, self._idle = self._idle, []
            same = [(known, decoder) for known, decoder in idle if known[0] == weights]
            decoder = next((decoder for known, decoder in same if known == key), None)
            self._idle.extend(one for one in same if one[1] is not decoder)
            del self._idle[MOST_IDLE:]
        if decoder is None:
            compiled = self._acceleration == "compile"
            decoder = StaticDecoder(model, layout, replayer(model.device, MOST_GRAPHS), compiled)
        else:
            decoder.refresh()
        draws = DeviceDraws(decoder)
        # a batch has no end of its own: it is over when nobody holds it
        weakref.finalize(draws, self._give_back, key, decoder)
        return draws

    def _give_back(self, key: Any, decoder: StaticDecoder) -> None:
        with self._lock:
            # newest first: its buffers have the sizes that were just needed
            self._idle.insert(0, (key, decoder))
            del self._idle[MOST_IDLE:]
