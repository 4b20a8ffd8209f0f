"""The first stage: the language model generates the speech tokens of pieces of text, and the judge chooses."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING

from glmtts.judging.faults import Fault, Target
from glmtts.judging.judge import Judge, Verdict
from glmtts.judging.resampling import ParticleFilter
from glmtts.judging.selection import choices, ranked, trimmed
from glmtts.lm.candidates import CandidateSet, decode_sets
from glmtts.lm.service import ServiceClosedError, TokenService
from glmtts.synthesis.cuts import Joints, halves, language_runs
from glmtts.synthesis.segment import Prompter, Segment
from glmtts.synthesis.settings import SynthesisDefaults
from glmtts.synthesis.tries import CANDIDATE_STRIDE, Try, tell_faults, tell_retry, tries
from glmtts.text.frontend import TextFrontend

if TYPE_CHECKING:
    from glmtts.bundle import Bundle

LOST = {Fault.late, Fault.truncated}  # faults that halves may mend


class TokenGenerator:
    """Generates speech tokens with the language model of one bundle; `close` ends its thread."""

    def __init__(self, bundle: Bundle, frontend: TextFrontend, judge: Judge) -> None:
        self.bundle, self.judge = bundle, judge
        self._prompter = Prompter(frontend, bundle.audio_tokens)
        self._joints = Joints(judge, bundle.clock.token_rate)
        self._begin()
        if hasattr(os, "register_at_fork"):  # the decoding thread does not live on in a forked child
            os.register_at_fork(after_in_child=partial(_begin_anew, weakref.ref(self)))

    def _begin(self) -> None:
        self._service: TokenService | None = None
        self._end: weakref.finalize[..., TokenGenerator] | None = None
        self._opening = Lock()

    def close(self) -> None:
        """End the thread that serves streams, once those that it has are done."""
        with self._opening:
            if self._service is not None:
                self._service.close()
            self._service = None

    def stream(self, segment: Segment) -> Generator[int, None, None]:
        """Tokens as the candidates agree on them, by a thread that serves all streams together.

        Where the prompt's last syllable leaks into the first tokens, before any has left, others are decoded. What is
        said or paused for after the text is trimmed, as far as it has not left. Of runs of one language the first
        streams, and each of the others leaves when it is whole.
        """
        first, *others = self._runs(segment)
        yield from self._stream(first, self._joints.after(first) if others else None)
        for number, run in enumerate(others, 1):
            most = self._joints.after(run) if number < len(others) else None
            yield from self._joints.begun(list(self._stream(run, most)))

    def _stream(self, segment: Segment, most_silence: int | None) -> Generator[int, None, None]:
        """Tokens of a run, with at most so much silence at their end."""
        how, target = segment.settings.for_streams(self.bundle.clock.frames_per_token), self._prompter.target(segment)
        # several that cannot compete would agree when all have ended: nothing would leave before
        if self.judge.prefix_scorer(target, 1) is None:
            how = how.model_copy(update={"candidates": 1})
        segment = replace(segment, settings=how)
        for one in tries(segment.settings, segment.language):
            candidates = self._candidates(segment, target, one)
            choose = partial(self._end_of_stream, segment=segment, target=target, most_silence=most_silence)
            with closing(self._served(candidates, choose)) as tokens:
                start = list(islice(tokens, self.judge.limits.leak if target.prompt_tokens else 0))
                # what has not left yet can still be thrown away, so only the start is ever decoded anew
                if not one.last and self.judge.leaks(start, target):
                    tell_retry(segment, [Fault.leak])
                    continue
                yield from start
                yield from tokens
                return

    def generate(self, segments: Sequence[Segment]) -> Iterator[tuple[int, list[list[int]]]]:
        """(number, choices) of every segment as it is done, its tokens in one or more ways; all are decoded together.

        First comes that of the candidates without fault that has the lowest CTC loss; then, up to `audio_best_of` in
        all, the others that are accepted. Where none is, more are decoded, as `tries` says; at last those that say more
        than their text are cut where it ends, and where words are missing its halves are decoded in its place. What a
        segment gets depends on its own seed alone.

        A text of two languages is decoded in runs of one, where the bundle says so; it comes in one way alone.
        """
        parts = [self._runs(segment) for segment in segments]
        owners = [(number, place) for number, runs in enumerate(parts) for place in range(len(runs))]
        found: list[dict[int, list[list[int]]]] = [{} for _ in segments]
        for flat, ways in self._decode([run for runs in parts for run in runs]):
            number, place = owners[flat]
            found[number][place] = ways
            runs = parts[number]
            if len(found[number]) == len(runs):
                best = [found[number][place][0] for place in range(len(runs))]
                yield number, ways if len(runs) == 1 else [self._joints.runs(runs, best)]

    def _runs(self, segment: Segment) -> list[Segment]:
        return language_runs(segment) if segment.settings.language_runs else [segment]

    def _decode(self, segments: Sequence[Segment]) -> Iterator[tuple[int, list[list[int]]]]:
        """As `generate`, of segments that are not cut any more."""
        waiting, verdicts = list(range(len(segments))), dict[int, list[Verdict]]()
        plans = [tries(segment.settings, segment.language) for segment in segments]
        for attempt in range(max(map(len, plans), default=0)):
            targets = [self._prompter.target(segments[number]) for number in waiting]
            given = zip(waiting, targets, strict=True)
            sets = [self._candidates(segments[number], target, plans[number][attempt]) for number, target in given]
            again = []
            for place in decode_sets(self.bundle.lm, self.bundle.audio_tokens, sets):
                number = waiting[place]
                segment, one = segments[number], plans[number][attempt]
                found = self._ranked(segment, targets[place], sets[place], one, verdicts.get(number, []))
                verdicts[number] = found
                if one.last or found[0].accepted(one.max_nll):
                    tell_faults(segment, found[0])
                    yield number, choices(self.judge, found, one.max_nll, one.audio_best_of)
                else:
                    again.append(number)
            waiting = again

    def _ranked(
        self, segment: Segment, target: Target, candidates: CandidateSet, one: Try, earlier: Sequence[Verdict]
    ) -> list[Verdict]:
        """Verdicts of all tries so far, best first; at the last one it is trimmed, or decoded by halves."""
        fresh = ranked(self.judge, candidates, target, one.audio_best_of)
        found = sorted([*earlier, *fresh], key=lambda verdict: verdict.rank)
        if one.last:
            found[0] = trimmed(self.judge, found[0], candidates, target, one.max_nll)
            found[0] = self._by_halves(found[0], segment, target)
        elif one.competing and not found[0].accepted(one.max_nll):
            tell_retry(segment, fresh[0].faults)
        return found

    def _by_halves(self, best: Verdict, segment: Segment, target: Target) -> Verdict:
        """`best`, or where words are missing at its ends, the tokens of the text's halves, if they say more of it."""
        parts = halves(segment) if LOST & set(best.faults) else []
        if not parts:
            return best
        # they come as they are done: by number they are in the order of the text
        first, second = (tokens for _, (tokens, *_) in sorted(self._decode(parts)))
        return min(best, self.judge.verdict(self._joints.halves(first, second), target), key=lambda one: one.rank)

    def _served(
        self, candidates: CandidateSet, choose: Callable[[CandidateSet], list[int]]
    ) -> Generator[int, None, None]:
        """Tokens by the thread; where another caller closes that just now, by a new one."""
        while True:
            try:
                yield from self._open_service().stream(candidates, choose)
                return
            except ServiceClosedError:
                continue

    def _open_service(self) -> TokenService:
        with self._opening:
            if self._service is not None and self._service.closed and self._end is not None:
                self._end.detach()  # an error ended its thread: its memory may go
                self._service = None
            if self._service is None:
                self._service = TokenService(self.bundle.lm, self.bundle.audio_tokens)
                # when nobody has the generator any more, and before the interpreter ends: a thread that is within
                # torch then aborts the process
                self._end = weakref.finalize(self, TokenService.close, self._service)
            return self._service

    def _candidates(self, segment: Segment, target: Target, one: Try) -> CandidateSet:
        how, first = segment.settings, segment.seed + one.first_seed
        seeds = [first + CANDIDATE_STRIDE * number for number in range(one.candidates)]
        candidates = CandidateSet(self._prompter.requests(segment, seeds, self.bundle.lm))
        if one.competing and one.candidates > 1:
            _compete(candidates, self.judge, target, how)
        return candidates

    def _end_of_stream(
        self, candidates: CandidateSet, segment: Segment, target: Target, most_silence: int | None
    ) -> list[int]:
        """The tokens of a stream whose candidates have ended."""
        (best, *_) = ranked(self.judge, candidates, target, 1)
        best = trimmed(self.judge, best, candidates, target, segment.settings.max_nll)
        return self.judge.without_trailing_silence(best.tokens, most_silence)


def _begin_anew(generator: weakref.ref[TokenGenerator]) -> None:
    """Let a generator that still lives start a thread of this process."""
    if (living := generator()) is not None:
        living._begin()


def _compete(candidates: CandidateSet, judge: Judge, target: Target, how: SynthesisDefaults) -> None:
    """Let candidates be scored and replaced while they are decoded, where the bundle and its defaults allow it."""
    scorer = judge.prefix_scorer(target, len(candidates.requests))
    if how.resampling is None or scorer is None:
        return

    def complete(sequences: Sequence[Sequence[int]]) -> list[bool]:
        ended = [request.tokens for request in candidates.requests if request.ended]
        judge.readings(ended)  # those that are asked about later, too: one forward reads all
        return judge.complete(sequences, target, how.max_nll)

    candidates.resample = ParticleFilter(scorer, how.resampling).after_step
    candidates.complete, candidates.patience = complete, how.resampling.interval
