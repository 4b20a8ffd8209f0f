"""What a decoding step reads and writes, at addresses that stay: keys and values, ids, and how each row draws.

Unlike those of lm/cache.py, rows begin at column 0 and have lengths of their own, so that one can be set back, and a
row that is not in use is a row like any other. R rows and K columns are powers of two and grow when they must.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from glmtts.lm.cache import KeyValueCache
from glmtts.lm.config import LMConfig

FIRST_ROWS, FIRST_COLUMNS = 1, 256  # a sentence of `mini` needs 80 to 250 columns


def power_of_two(least: int) -> int:
    """The smallest power of two that is not below `least`."""
    return 1 << max(0, least - 1).bit_length()


@dataclass(frozen=True)
class Rules:
    """How each row draws, see `SamplingConfig`; (R,) each. `least` are the tokens before which speech cannot end.

    `start` is the length of the prompt, where speech begins among the row's ids; a token that stands `repeats` times
    in the `window` is drawn again.
    """

    start: Tensor
    seed: Tensor
    least: Tensor
    top_k: Tensor
    window: Tensor
    repeats: Tensor
    temperature: Tensor
    top_p: Tensor


class LayerSlots:
    """Keys and values of one layer, as attention is given a cache: what it appends goes where each row stands."""

    def __init__(self, keys_RHKD: Tensor, values_RHKD: Tensor, rows_R: Tensor, places_R: Tensor) -> None:
        self.keys_RHKD, self.values_RHKD, self.rows_R, self.places_R = keys_RHKD, values_RHKD, rows_R, places_R

    def append(self, layer: int, k_RH1D: Tensor, v_RH1D: Tensor) -> tuple[Tensor, Tensor]:
        """Write one key and value a row; gives all columns, of which a mask says what is read."""
        # two index tensors apart come first, (R, H, D); a slice would need the place on the host
        self.keys_RHKD[self.rows_R, :, self.places_R] = k_RH1D[:, :, 0]
        self.values_RHKD[self.rows_R, :, self.places_R] = v_RH1D[:, :, 0]
        return self.keys_RHKD, self.values_RHKD


class RowBuffers:
    """The buffers. `length_R` is how many ids of a row the cache holds; the next one, `ids_RK[r, length]`, waits."""

    def __init__(self, config: LMConfig, like: Tensor) -> None:
        self.config, self._like = config, like
        self._allocate(FIRST_ROWS, FIRST_COLUMNS)

    @property
    def rows(self) -> int:
        """Rows that there is room for."""
        return self.ids_RK.shape[0]

    @property
    def columns(self) -> int:
        """Columns that there is room for."""
        return self.ids_RK.shape[1]

    def reserve(self, rows: int, columns: int) -> bool:
        """Have room for so many rows and columns; says whether addresses have changed."""
        if rows <= self.rows and columns <= self.columns:
            return False
        cache, ids = self.cache, self.ids_RK
        # neither side shrinks: the rows and columns in use must all find their place again
        self._allocate(power_of_two(max(rows, self.rows)), power_of_two(max(columns, self.columns)))
        self.cache[:, :, : ids.shape[0], :, : ids.shape[1]] = cache
        self.ids_RK[: ids.shape[0], : ids.shape[1]] = ids
        return True

    def fill(self, row: int, count: int, prompt_ids: Sequence[int], prompt: KeyValueCache | None) -> None:
        """Rows `row` … `row + count − 1` hold a prompt; `prompt` has the keys and values of all ids but the last."""
        # masked columns are multiplied by 0, which a NaN survives: a row that failed must not spoil the next one here
        self.cache[:, :, row : row + count] = 0
        if prompt is not None:
            self.cache[:, :, row : row + count, :, : prompt.length] = prompt.buffer[..., : prompt.length, :]
        self.ids_RK[row : row + count, : len(prompt_ids)] = torch.tensor(list(prompt_ids), device=self.ids_RK.device)

    def reorder(self, rows: Sequence[int], columns: int) -> None:
        """Row i becomes what row `rows[i]` was, in the first `columns` columns."""
        into = [place for place, row in enumerate(rows) if row != place]
        if into:
            taken = [rows[place] for place in into]
            # indexing copies the right side first, so rows may change places
            self.cache[:, :, into, :, :columns] = self.cache[:, :, taken, :, :columns]
            self.cache[:, :, into, :, columns:] = 0  # as in `fill`
            self.ids_RK[into, :columns] = self.ids_RK[taken, :columns]

    def set_rules(self, integers_7B: Sequence[Sequence[int]], floats_2B: Sequence[Sequence[float]]) -> None:
        """Set the lengths of the first B rows and their rules, in the order of `Rules`, by two copies.

        The rows behind them are as new.
        """
        count, device = len(integers_7B[0]), self.ids_RK.device
        # into the tensors that are there, whose addresses recordings read
        self._integers_7R[:, :count] = torch.tensor(integers_7B).to(device)
        self._floats_2R[:, :count] = torch.tensor(floats_2B).to(device)
        # rows are computed up to a power of two: one that a longer request has left would stand behind the last column
        self._integers_7R[:, count:] = 1

    @property
    def length_R(self) -> Tensor:
        """Ids of each row that the cache holds."""
        return self._integers_7R[0]

    def rules(self, rows: int) -> Rules:
        """How the first rows draw."""
        return Rules(*self._integers_7R[1:, :rows].unbind(0), *self._floats_2R[:, :rows].unbind(0))

    def slots(self, layer: int, rows: int, columns: int, places_R: Tensor) -> LayerSlots:
        """Where a layer keeps the first rows and columns."""
        keys, values = self.cache[layer, :, :rows, :, :columns]
        return LayerSlots(keys, values, self._numbers_R[:rows], places_R)

    def _allocate(self, rows: int, columns: int) -> None:
        config, device = self.config, self._like.device
        shape = (config.num_layers, 2, rows, config.num_kv_heads, columns, config.head_dim)
        self.cache = torch.zeros(shape, device=device, dtype=self._like.dtype)
        self.ids_RK = torch.zeros(rows, columns, dtype=torch.long, device=device)
        self._numbers_R = torch.arange(rows, device=device)
        # ones: rows that are not in use are computed as well, and a top_k of 0 would look at place −1
        self._integers_7R = torch.ones(7, rows, dtype=torch.long, device=device)
        self._floats_2R = torch.ones(2, rows, device=device)
