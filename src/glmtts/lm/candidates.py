"""Several candidates for each text, decoded together with those of other texts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from glmtts.errors import BundleError, VoiceError
from glmtts.lm.batch import DecodingBatch
from glmtts.lm.request import Request
from glmtts.stages import LanguageModel
from glmtts.text.audio_tokens import AudioTokens

CANCELLED_ABOVE = 1.5  # times the length of the first that ended: a slower reading is that long, a loop is longer
Complete = Callable[[Sequence[Sequence[int]]], list[bool]]
Resample = Callable[[DecodingBatch, Sequence[Request]], None]


@dataclass
class CandidateSet:
    """The candidates of one text: they have the same prompt and differ in their seeds.

    `resample` is called after every step, so that they may compete (judging/resampling.py). `complete` tells of tokens
    that ended while others went on whether they say the whole text; one that does not counts as cut short. A candidate
    is cancelled once it is `patience` tokens longer than the first that ended, or half as long again where that is
    None.
    """

    requests: list[Request]
    resample: Resample | None = None
    complete: Complete | None = None
    patience: int | None = None
    _early: list[Request] = field(default_factory=list)
    _rejected: list[Request] = field(default_factory=list)
    _settled: int = 0
    _committed: list[int] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether no candidate is being decoded any more."""
        return all(request.ended for request in self.requests)

    def after_step(self, batch: DecodingBatch) -> None:
        """What follows each step of the batch: resampling, and an end for those that go on and on.

        Those that ended early are asked about together, and only once it matters, since asking costs a forward.

        Raises:
            VoiceError, BundleError: a candidate failed; the other sets of the batch go on.
        """
        _check_numbers(self.requests)
        if self.resample is not None:
            self.resample(batch, self.requests)
        running = [request for request in self.requests if not request.ended]
        # nearly every step ends here: until one has ended, there is nothing by which the others are too long
        if len(running) == len(self.requests):
            return
        if self.complete is not None and running:
            # by identity, since two candidates may have drawn the same tokens
            known = {id(request) for request in self._early}
            self._early += [r for r in self.requests if r.finish_reason == "stop" and id(r) not in known]
        # before anybody is cancelled: one that was cut short must not be the measure of the others
        longest = self._longest()
        if not running or any(len(request.tokens) > longest for request in running):
            self._settle()
            longest = self._longest()
        for request in running:
            if len(request.tokens) > longest:
                batch.leave(request)

    def committed(self, start: int = 0) -> list[int]:
        """The tokens from `start` on that all candidates share which may still be chosen: the committed prefix.

        From then on, none that begins otherwise is chosen.
        """
        self._settle()
        # one that has just been found cut short cannot be chosen any more, and holds back nothing
        eligible = [request.tokens[start:] for request in self._eligible()]
        # the shortest of them ends it (`strict=False`): what only longer ones hold is not shared yet
        same = takewhile(lambda tokens: len(set(tokens)) == 1, zip(*eligible, strict=False))
        fresh = [tokens[0] for tokens in same]
        self._committed[start:] = fresh
        return fresh

    def finished(self) -> list[Request]:
        """Those that ended by the end of audio and say the whole text; where none does, all that may be chosen."""
        return [request for request in self.requests if self.stopped(request)] or self._agreeing()

    def stopped(self, request: Request) -> bool:
        """Whether a candidate ended by the end of audio, and not before the end of its text."""
        return request.finish_reason == "stop" and not any(request is other for other in self._rejected)

    def _eligible(self) -> list[Request]:
        return [r for r in self.requests if self.stopped(r) or not r.ended] or self._agreeing()

    def _agreeing(self) -> list[Request]:
        """Those that begin with what is committed, and may have left: another one cannot continue it.

        There are some: whoever agreed on it last, and their copies.
        """
        length = len(self._committed)
        return [request for request in self.requests if request.tokens[:length] == self._committed]

    def _longest(self) -> float:
        lengths = [len(request.tokens) for request in self.requests if self.stopped(request)]
        if not lengths:
            return float("inf")
        return CANCELLED_ABOVE * min(lengths) if self.patience is None else min(lengths) + self.patience

    def _settle(self) -> None:
        """Ask about those that ended early since the last time."""
        asked = self._early[self._settled :]
        self._settled = len(self._early)
        if asked and self.complete is not None:
            answers = self.complete([request.tokens for request in asked])
            self._rejected += [request for request, whole in zip(asked, answers, strict=True) if not whole]


def _check_numbers(requests: Sequence[Request]) -> None:
    """Refuse to go on without numbers: with one candidate fewer nobody would learn of it, and others fail as well."""
    failed = next((request for request in requests if request.finish_reason == "failed"), None)
    if failed is None:
        return
    if failed.adapter is not None:
        raise VoiceError(
            "With the adapter of this voice the language model computes no finite numbers. "
            "Train the voice anew, or give another one."
        )
    raise BundleError(
        "The language model computes no finite numbers: its weights are damaged. Install the model again."
    )


def decode_sets(
    model: LanguageModel, layout: AudioTokens, sets: Sequence[CandidateSet], capacity: int = 32
) -> Iterator[int]:
    """Decode sets, at most about `capacity` sequences at a time; yields the number of each set as it is done."""
    batch, waiting = DecodingBatch(model, layout), list(range(len(sets)))
    running: list[int] = []
    while waiting or running:
        # a set that alone exceeds the capacity runs alone, else it would wait for ever
        while waiting and (not running or len(batch.requests) + len(sets[waiting[0]].requests) <= capacity):
            running.append(waiting.pop(0))
            batch.join(sets[running[-1]].requests)
        batch.step()
        for number in list(running):
            sets[number].after_step(batch)
            if sets[number].ended:
                running.remove(number)
                yield number
