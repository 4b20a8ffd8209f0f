"""Several candidates for each text, decoded together with those of other texts."""

from collections.abc import Iterator, Sequence

from glmtts.lm.batch import DecodingBatch, Request
from glmtts.lm.model import Llama
from glmtts.lm.prompt import AudioTokens

GIVEN_UP = 1.5


def decode_groups(
    model: Llama, layout: AudioTokens, groups: Sequence[Sequence[Request]], capacity: int = 32
) -> Iterator[int]:
    """Decode groups, at most about `capacity` sequences at a time; yields the number of each group as it is done.

    The candidates of a group have the same prompt. One that goes on half as long again as the first of its group
    that ended is given up.
    """
    batch, waiting = DecodingBatch(model, layout), list(range(len(groups)))
    running: list[int] = []
    while waiting or running:
        while waiting and (not running or len(batch.requests) + len(groups[waiting[0]]) <= capacity):
            running.append(waiting.pop(0))
            batch.join(groups[running[-1]])
        batch.step()
        for number in list(running):
            _give_up(batch, groups[number])
            if not any(request in batch.requests for request in groups[number]):
                running.remove(number)
                yield number


def _give_up(batch: DecodingBatch, group: Sequence[Request]) -> None:
    ended = [len(request.drawn) for request in group if request.by_itself]
    for request in group:
        if ended and not request.ended and len(request.drawn) > GIVEN_UP * min(ended):
            batch.leave(request)


def candidates(group: Sequence[Request]) -> list[Request]:
    """Those that ended by themselves; all where none did."""
    return [request for request in group if request.by_itself] or list(group)
