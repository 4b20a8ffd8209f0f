"""Several candidates for each text, decoded together with those of other texts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from glmtts.judging.resampling import Steering
from glmtts.lm.batch import DecodingBatch
from glmtts.lm.model import Llama
from glmtts.lm.prompt import AudioTokens
from glmtts.lm.sampling import Request

GIVEN_UP = 1.5


@dataclass
class Group:
    """The candidates of one text: they have the same prompt and differ in their seeds; `steering` lets them compete.

    `cost` says how badly codes read.
    """

    requests: list[Request]
    steering: Steering | None = None
    cost: Callable[[tuple[int, ...]], float] = lambda codes: 0.0

    @property
    def ended(self) -> bool:
        """Whether no candidate is being decoded any more."""
        return all(request.ended for request in self.requests)

    def after_step(self, batch: DecodingBatch) -> None:
        """What follows each step of the batch: rounds, and an end for those that go on and on.

        A candidate that goes on half as long again as the first one that ended, or a round longer where they compete,
        is given up.
        """
        if self.steering is not None:
            self.steering.after_step(batch, self.requests)
        lengths = [len(request.drawn) for request in self.requests if request.by_itself]
        if not lengths:
            return
        most = GIVEN_UP * min(lengths) if self.steering is None else min(lengths) + self.steering.config.interval
        for request in self.requests:
            if not request.ended and len(request.drawn) > most:
                batch.leave(request)

    def settled(self, start: int = 0) -> list[int]:
        """The codes from `start` on that all candidates share which may still be chosen."""
        eligible = [request.drawn[start:] for request in self._eligible()]
        same = takewhile(lambda codes: len(set(codes)) == 1, zip(*eligible, strict=False))
        return [codes[0] for codes in same]

    def finished(self) -> list[Request]:
        """Those that ended by themselves; all where none did."""
        return [request for request in self.requests if request.by_itself] or self.requests

    def _eligible(self) -> list[Request]:
        return [request for request in self.requests if request.by_itself or not request.ended] or self.requests


def decode_groups(model: Llama, layout: AudioTokens, groups: Sequence[Group], capacity: int = 32) -> Iterator[int]:
    """Decode groups, at most about `capacity` sequences at a time; yields the number of each group as it is done."""
    batch, waiting = DecodingBatch(model, layout), list(range(len(groups)))
    running: list[int] = []
    while waiting or running:
        while waiting and (not running or len(batch.requests) + len(groups[waiting[0]].requests) <= capacity):
            running.append(waiting.pop(0))
            batch.join(groups[running[-1]].requests)
        batch.step()
        for number in list(running):
            groups[number].after_step(batch)
            if groups[number].ended:
                running.remove(number)
                yield number
