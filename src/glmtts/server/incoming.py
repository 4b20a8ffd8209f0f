"""Text that arrives over a WebSocket while it is spoken: what of it is spoken next, and when.

Whole sentences sound best, so they are waited for while the client still has audio to play. Where it has none, half a
second later a clause will do, and after three seconds the words that are there.
"""

import asyncio
import re
from bisect import bisect_left, bisect_right
from contextlib import suppress
from itertools import accumulate

from glmtts.server.controls import controls
from glmtts.server.errors import ApiError
from glmtts.text.reader import LONGEST_WAITING, Reader, Sentence

CLAUSE_SECONDS, WORDS_SECONDS = 0.5, 3.0
SHORTEST_CLAUSE = 12  # characters: "Well, " alone would be an utterance of its own, with a pause after it
_CLAUSE = re.compile(r"[，；：—]+|[,;:]+(?=\s)")
_WORD = re.compile(r"\s|[\u3400-\u9fff]|[。！？；，：…]|[.!?,;:][\"')]*$")


class Incoming:
    """Text that has arrived and is not spoken yet; at most about twice `longest` characters."""

    def __init__(self, longest: int) -> None:
        # at least 1: a session that ends puts an Incoming(0) in its place (routes/live.py)
        self._longest, self._reader, self.ended = longest, Reader(max(1, min(longest, LONGEST_WAITING))), False
        self._ready: list[Sentence] = []  # sentences that must not wait
        self._changed, self._taken = asyncio.Event(), asyncio.Event()
        self._since = 0.0  # when the first of what waits came

    def add(self, text: str) -> None:
        """Take text in.

        Raises:
            ApiError: 413, it is too long; 400, it comes after the end, where it would be lost.
        """
        if self.ended and text:
            raise ApiError(400, "The text has ended. Open another connection for more.", "invalid_value", "text")
        if len(text) > self._longest:
            raise ApiError(413, f"A message has at most {self._longest} characters.", "text_too_long", "text")
        if not self._size:
            self._since = asyncio.get_running_loop().time()
        self._ready += self._reader.feed(text)
        self._changed.set()

    def flush(self, ended: bool = False) -> None:
        """Have all that is there spoken now; where it is `ended`, no more comes."""
        self._ready += self._reader.finish()
        self.ended = self.ended or ended
        self._changed.set()

    @property
    def waiting(self) -> bool:
        """Whether anything is there that will be spoken even where no more comes."""
        return bool(self._ready or last_word(self._reader.waiting))

    @property
    def _size(self) -> int:
        return sum(len(sentence.raw) for sentence in self._ready) + len(self._reader.waiting)

    async def wait_for_space(self) -> None:
        """Wait until more text may come: whoever writes faster than we speak is held back by the connection."""
        while self._size > self._longest:
            self._taken.clear()
            await self._taken.wait()

    async def next(self, ahead: float = 0.0) -> list[Sentence]:
        """What is spoken next; waits for it; empty at the end of the text.

        `ahead` seconds of audio have left that the client has not played yet: so long, a sentence may take to end.
        """
        clock = asyncio.get_running_loop().time
        played = clock() + max(0.0, ahead)
        while not self._ready and not self.ended:
            # silence is counted from when the client has played all, or from when the text came, whichever is later
            start, now, text = max(played, self._since), clock(), self._reader.waiting
            end = last_clause(text) if now >= start + CLAUSE_SECONDS else 0
            end = end or (last_word(text) if now >= start + WORDS_SECONDS else 0)
            if end:
                self._ready += self._reader.take(end)
            else:
                coming = [time for time in (start + CLAUSE_SECONDS, start + WORDS_SECONDS) if time > now]
                await self._change(min(coming, default=None) if self._reader.waiting else None)
        return self._take()

    async def _change(self, at_last: float | None) -> None:
        """Wait for text, until a time of the loop's clock at last."""
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(at_last):
                await self._changed.wait()

    def _take(self) -> list[Sentence]:
        """The sentences at the front, as many as are spoken at once."""
        sizes = list(accumulate(len(sentence.raw) for sentence in self._ready))
        count = max(1, bisect_right(sizes, self._longest))
        part, self._ready = self._ready[:count], self._ready[count:]
        self._since = asyncio.get_running_loop().time()
        self._taken.set()
        return part


def last_clause(text: str) -> int:
    """Where the last clause ends that is long enough to be spoken by itself; 0 where there is none."""
    return _last(text, [match.end() for match in _CLAUSE.finditer(text) if match.end() >= SHORTEST_CLAUSE])


def last_word(text: str) -> int:
    """Where the last word ends after which another begins; 0 where there is none."""
    first = len(text) - len(text.lstrip())
    return _last(text, [match.end() for match in _WORD.finditer(text) if match.end() > first])


def _last(text: str, ends: list[int]) -> int:
    """The last of some places that lies in no control, such as {行|hang2} or <phoneme …>行</phoneme>; 0 without one."""
    spans, complete = controls(text)  # in order, none within another

    def free(end: int) -> bool:
        before = bisect_left(spans, (end, 0))  # the spans that begin before `end`
        return end <= complete and not (before and end < spans[before - 1][1])

    return next((end for end in reversed(ends) if free(end)), 0)
