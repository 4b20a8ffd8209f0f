"""Key-value caches: static buffers, and one whose rows come and go while one forward serves all of them.

All rows end at the same column and begin where their prompts need them to ("left padding"). Columns that no row uses
any more are not read, and are used again once the end is reached.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from glmtts.adapters import RowAdapters
from glmtts.lm.config import LMConfig
from glmtts.text.audio_tokens import AudioTokens

FIRST_ROWS, FIRST_COLUMNS = 1, 256  # both double when they do not suffice; a sentence of `mini` needs 80 to 250 columns


class KeyValueCache:
    """Static buffers of keys and values for one decoding run; `length` columns are filled.

    Where the rows begin at different columns, `starts_B` says at which, `first` is the least of them, and a row's
    positions count from its start.
    """

    starts_B: Tensor | None = None
    first: int = 0

    def __init__(self, config: LMConfig, batch: int, positions: int, like: Tensor) -> None:
        shape = (config.num_layers, 2, batch, config.num_kv_heads, positions, config.head_dim)
        self.buffer = torch.zeros(shape, device=like.device, dtype=like.dtype)
        self.length = 0

    def append(self, layer: int, k_BHLK: Tensor, v_BHLK: Tensor) -> tuple[Tensor, Tensor]:
        """Write keys and values at the end; gives all from `first` on. The model advances `length` after all layers."""
        end = self.length + k_BHLK.shape[2]
        # the first B rows alone: those behind them are not in use, and attention would pay for them
        keys, values = self.buffer[layer, :, : len(k_BHLK)]
        keys[:, :, self.length : end] = k_BHLK
        values[:, :, self.length : end] = v_BHLK
        return keys[:, :, self.first : end], values[:, :, self.first : end]


class RowCache(KeyValueCache):
    """`starts_B` has one entry for each row in use; those of the buffer behind them wait for others."""

    starts_B: Tensor

    def __init__(self, config: LMConfig, like: Tensor) -> None:
        super().__init__(config, FIRST_ROWS, FIRST_COLUMNS, like)
        # no row yet, though the buffer has room for the first
        self.starts_B = torch.zeros(0, dtype=torch.long, device=like.device)

    @property
    def rows(self) -> int:
        """How many rows are in use."""
        return len(self.starts_B)

    def add(self, prompt: KeyValueCache, count: int) -> None:
        """`count` more rows that hold what `prompt`, a cache of one row, holds."""
        length, rows = prompt.length, self.rows
        # columns of rows that have all left are free, else the new rows would begin behind them
        if not rows:
            self.length = 0
        end = max(self.length, length)
        self._reserve(rows + count, end)
        # a prompt longer than all rows so far pushes those to the right, so that all end at one column
        self._end_at(end)
        start = self.length - length
        self.buffer[:, :, rows : rows + count, :, start : self.length] = prompt.buffer[..., :length, :]
        self._begin(torch.cat([self.starts_B, self.starts_B.new_full((count,), start)]))

    def reorder(self, rows: Sequence[int]) -> None:
        """Row i becomes what row `rows[i]` was; rows that are not named leave."""
        # rows may be named twice, so there may be more than before
        self._reserve(len(rows), self.length)
        into = [place for place, row in enumerate(rows) if row != place]
        if into:
            columns, taken = slice(self.first, self.length), [rows[place] for place in into]
            # indexing copies the right side first, so rows may change places
            self.buffer[:, :, into, :, columns] = self.buffer[:, :, taken, :, columns]
        # masked columns are multiplied by 0, which a NaN survives: a row that failed must not spoil the next one here
        self.buffer[:, :, len(rows) : self.rows] = 0
        self._begin(self.starts_B[list(rows)])

    def make_room(self) -> None:
        """Have a free column at the end: where a quarter is unused at the beginning, by moving there."""
        columns = self.buffer.shape[4]
        if self.length < columns:
            return
        # moving copies every row: it is worth it where that frees a quarter of the columns, and so is rare
        if 4 * self.first >= columns:
            self._end_at(self.length - self.first)
        else:
            self._reserve(self.rows, 2 * columns)

    def _begin(self, starts_B: Tensor) -> None:
        self.starts_B = starts_B
        self.first = int(starts_B.min()) if len(starts_B) else 0

    def _end_at(self, column: int) -> None:
        """Move all rows so that they end at `column`, for which there is room."""
        shift = column - self.length
        if not shift:
            return
        rows, columns = self.rows, slice(self.first, self.length)
        # a clone: where the rows came from and where they go may overlap
        moved = self.buffer[:, :, :rows, :, columns].clone()
        self.buffer[:, :, :rows, :, self.first + shift : column] = moved
        self.length = column
        self._begin(self.starts_B + shift)

    def _reserve(self, rows: int, columns: int) -> None:
        """A buffer of at least so many rows and columns."""
        shape = list(self.buffer.shape)
        while shape[2] < rows:
            shape[2] *= 2
        while shape[4] < columns:
            shape[4] *= 2
        if shape != list(self.buffer.shape):
            larger = self.buffer.new_zeros(shape)
            used = slice(self.first, self.length)
            larger[:, :, : self.rows, :, used] = self.buffer[:, :, : self.rows, :, used]
            self.buffer = larger


@dataclass
class DecodingState:
    """What decoding passes from step to step: the cache, the rows of the vocabulary that speech chooses from, and which
    adapter each row of the cache uses."""

    cache: RowCache
    layout: AudioTokens
    choices_CD: Tensor
    adapters: RowAdapters = field(default_factory=RowAdapters)
