"""Speech tokens as they arrive, in the blocks of a stream: needs neither PyTorch nor ONNX Runtime."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from glmtts.flow.blocks import tokens_needed


@dataclass(kw_only=True)
class TokenBlocks:
    """The tokens so far, of which `finished` are done, in blocks of the lengths `blocks`; none counts the prompt."""

    tokens: list[int] = field(default_factory=list)
    finished: int = 0
    blocks: list[int] = field(default_factory=list)

    def take(self, source: Iterator[int], sizes: Sequence[int], per_token: int) -> tuple[int, bool]:
        """Take tokens until the next block has its look-ahead; gives where it ends, and whether the tokens ended.

        `sizes` are those of the blocks in turn, the last of all that follow; `per_token` is in mel frames.
        """
        size, ended = sizes[min(len(self.blocks), len(sizes) - 1)], False
        wanted = self.finished + tokens_needed(size, per_token)
        while len(self.tokens) < wanted and not ended:
            token = next(source, None)
            ended = token is None
            self.tokens += [] if token is None else [token]
        # at the end the last block takes what was its look-ahead too
        return len(self.tokens) if ended else self.finished + size, ended

    def begin(self, upto: int, prompt: int, per_token: int) -> tuple[list[int], int]:
        """Begin the block up to a token: mel frames of each part, the prompt's among them, and how many are done."""
        self.blocks.append(upto - self.finished)
        frames = [*([prompt] if prompt else []), *(per_token * block for block in self.blocks)]
        return frames, prompt + per_token * self.finished


class Heard:
    """Tokens as they pass: those that have, and whether the last one has."""

    def __init__(self, source: Iterator[int]) -> None:
        self._source, self.tokens, self.ended = source, list[int](), False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> int:
        for token in self._source:
            self.tokens.append(token)
            return token
        self.ended = True
        raise StopIteration
