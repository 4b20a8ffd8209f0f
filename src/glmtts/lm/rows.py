"""A key-value cache whose rows come and go: one forward serves all, and little is moved when one begins or ends.

All rows end at the same column and begin where their prompts need them to ("left padding"). A row that leaves gives
its place to the last one; columns that no row uses any more are not read, and are used again once the end is reached.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from glmtts.lm.model import KeyValueCache, LMConfig

FIRST_ROWS, FIRST_COLUMNS = 1, 256


class RowCache(KeyValueCache):
    """`starts_B` has one entry for each row in use; those of the buffer behind them wait for others."""

    starts_B: Tensor

    def __init__(self, config: LMConfig, like: Tensor) -> None:
        super().__init__(config, FIRST_ROWS, FIRST_COLUMNS, like)
        self.starts_B = torch.zeros(0, dtype=torch.long, device=like.device)

    @property
    def rows(self) -> int:
        """How many rows are in use."""
        return len(self.starts_B)

    def add(self, prompt: KeyValueCache, count: int) -> None:
        """`count` more rows that hold what `prompt`, a cache of one row, holds."""
        length, rows = prompt.length, self.rows
        if not rows:
            self.length = 0
        end = max(self.length, length)
        self._reserve(rows + count, end)
        self._end_at(end)
        start = self.length - length
        self.buffer[:, :, rows : rows + count, :, start : self.length] = prompt.buffer[..., :length, :]
        self._begin(torch.cat([self.starts_B, self.starts_B.new_full((count,), start)]))

    def keep(self, rows: Sequence[int]) -> list[int]:
        """Let the other rows go; gives for each place the row that is there now."""
        kept = set(rows)
        gaps = [row for row in range(len(kept)) if row not in kept]
        moved = [row for row in rows if row >= len(kept)]
        self.repeat(gaps, moved)
        places = dict(zip(gaps, moved, strict=True))
        order = [places.get(row, row) for row in range(len(kept))]
        self._begin(self.starts_B[order])
        return order

    def repeat(self, into: Sequence[int], taken: Sequence[int]) -> None:
        """Rows `into` hold what the rows `taken` do."""
        if into:
            columns = slice(self.first, self.length)
            self.buffer[:, :, list(into), :, columns] = self.buffer[:, :, list(taken), :, columns]

    def make_room(self) -> None:
        """Have a free column at the end: where a quarter is unused at the beginning, by moving there."""
        columns = self.buffer.shape[4]
        if self.length < columns:
            return
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
