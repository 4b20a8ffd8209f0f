"""What has been spoken of a text, for a language model that continues its earlier pieces (`history_tokens`)."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from glmtts.synthesis.segment import EarlierPiece, Segment


class History:
    """The last pieces of a text that have at most `most` speech tokens together; none where that is 0.

    Older ones fit into no prompt any more (`segment.Prompter`). Without them a text that never ends takes no more
    memory, and no more time for each piece, than a short one.
    """

    def __init__(self, most: int) -> None:
        self._most, self._pieces = most, deque[EarlierPiece]()

    def before(self, segment: Segment) -> Segment:
        """The segment as one that continues them."""
        return replace(segment, history=tuple(self._pieces))

    def add(self, segment: Segment, tokens: Sequence[int]) -> EarlierPiece | None:
        """Remember the tokens of a segment that was spoken; gives what is kept of it, None where nothing is."""
        earlier = EarlierPiece(segment.hybrid, segment.phonemes, tokens) if self._most else None
        self.take(earlier)
        return earlier

    def take(self, earlier: EarlierPiece | None) -> None:
        """Remember what `add` gave, in another run too."""
        if earlier is None:
            return
        self._pieces.append(earlier)
        while sum(len(piece.tokens) for piece in self._pieces) > self._most:
            self._pieces.popleft()
