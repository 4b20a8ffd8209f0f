"""The first stage: the language model generates the speech tokens of pieces of text, and the judge chooses."""

import logging
import os
import weakref
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import islice
from threading import Lock

from glmtts.bundle import Bundle
from glmtts.judging.faults import Fault, Target
from glmtts.judging.judge import Judge, Verdict
from glmtts.judging.resampling import ParticleFilter
from glmtts.judging.selection import choices, ranked, trimmed
from glmtts.lm.candidates import CandidateSet, decode_sets
from glmtts.lm.service import TokenService
from glmtts.synthesis.segment import Prompter, Segment
from glmtts.text.frontend import TextFrontend

logger = logging.getLogger(__name__)
RETRIES = 2  # a text that fails three times mostly fails again
CANDIDATE_STRIDE, RETRY_STRIDE = 100, 1000  # seeds of candidates and of retries stay apart, also of following pieces


class TokenGenerator:
    """Generates speech tokens with the language model of one bundle; `close` ends its thread."""

    def __init__(self, bundle: Bundle, frontend: TextFrontend, judge: Judge) -> None:
        self.bundle, self.judge = bundle, judge
        self._prompter = Prompter(frontend, bundle.audio_tokens)
        self._begin()
        if hasattr(os, "register_at_fork"):  # the decoding thread does not live on in a forked child
            os.register_at_fork(after_in_child=partial(_begin_anew, weakref.ref(self)))

    def _begin(self) -> None:
        self._service: TokenService | None = None
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
        said or paused for after the text is trimmed, as far as it has not left.
        """
        service = self._open_service()
        segment = replace(segment, settings=segment.settings.for_streams(self.bundle.clock.frames_per_token))
        target = self._prompter.target(segment)
        for attempt in range(1 + RETRIES):
            candidates = self._candidates(segment, target, attempt)
            choose = partial(self._end_of_stream, segment=segment, target=target)
            with closing(service.stream(candidates, choose)) as tokens:
                start = list(islice(tokens, self.judge.limits.leak if target.prompt_tokens else 0))
                if attempt < RETRIES and self.judge.leaks(start, target):
                    _warn(segment, attempt, [Fault.leak])
                    continue
                yield from start
                yield from tokens
                return

    def generate(self, segments: Sequence[Segment]) -> Iterator[tuple[int, list[list[int]]]]:
        """(number, choices) of every segment as it is done, its tokens in one or more ways; all are decoded together.

        First comes that of the candidates without fault that has the lowest CTC loss; then, up to `audio_best_of` in
        all, the others that are accepted. Where none is, all are decoded again with other seeds, a few times; at last
        those that say more than their text are cut where it ends. What a segment gets depends on its own seed alone.
        """
        waiting, verdicts = list(range(len(segments))), dict[int, list[Verdict]]()
        for attempt in range(1 + RETRIES):
            targets = [self._prompter.target(segments[number]) for number in waiting]
            sets = [self._candidates(segments[n], t, attempt) for n, t in zip(waiting, targets, strict=True)]
            again = []
            for place in decode_sets(self.bundle.lm, self.bundle.audio_tokens, sets):
                number, how = waiting[place], segments[waiting[place]].settings
                fresh = ranked(self.judge, sets[place], targets[place], how.audio_best_of)
                found = sorted(verdicts.get(number, []) + fresh, key=lambda verdict: verdict.rank)
                if attempt == RETRIES:
                    found[0] = trimmed(self.judge, found[0], sets[place], targets[place], how.max_nll)
                verdicts[number] = found
                if attempt < RETRIES and not found[0].accepted(how.max_nll):
                    _warn(segments[number], attempt, fresh[0].faults)
                    again.append(number)
                else:
                    _tell_faults(segments[number], found[0])
                    yield number, choices(self.judge, found, how.max_nll, how.audio_best_of)
            waiting = again

    def _open_service(self) -> TokenService:
        with self._opening:
            if self._service is None:
                self._service = TokenService(self.bundle.lm, self.bundle.audio_tokens)
                # when nobody has the generator any more, and before the interpreter ends: a thread that is within
                # torch then aborts the process
                weakref.finalize(self, TokenService.close, self._service)
            return self._service

    def _candidates(self, segment: Segment, target: Target, attempt: int) -> CandidateSet:
        first, how = segment.seed + RETRY_STRIDE * attempt, segment.settings
        seeds = [first + CANDIDATE_STRIDE * number for number in range(how.candidates)]
        candidates = CandidateSet(self._prompter.requests(segment, seeds, self.bundle.lm))
        scorer = self.judge.prefix_scorer(target, how.candidates) if how.candidates > 1 else None
        if how.resampling is None or scorer is None:
            return candidates

        def complete(sequences: Sequence[Sequence[int]]) -> list[bool]:
            ended = [request.tokens for request in candidates.requests if request.ended]
            self.judge.readings(ended)  # those that are asked about later, too: one forward reads all
            return self.judge.complete(sequences, target, how.max_nll)

        candidates.resample = ParticleFilter(scorer, how.resampling).after_step
        candidates.complete, candidates.patience = complete, how.resampling.interval
        return candidates

    def _end_of_stream(self, candidates: CandidateSet, segment: Segment, target: Target) -> list[int]:
        """The tokens of a stream whose candidates have ended."""
        (best, *_) = ranked(self.judge, candidates, target, 1)
        best = trimmed(self.judge, best, candidates, target, segment.settings.max_nll)
        return self.judge.without_trailing_silence(best.tokens)


def _begin_anew(generator: "weakref.ref[TokenGenerator]") -> None:
    """Let a generator that still lives start a thread of this process."""
    if (living := generator()) is not None:
        living._begin()


def _warn(segment: Segment, attempt: int, found: Sequence[Fault]) -> None:
    why = "; ".join(found) or "the recogniser doubts it"
    logger.warning("A piece of text is decoded again (attempt %d): %s.", attempt + 1, why)
    logger.debug("It is: “%s”", segment.piece.text)  # what users write is not logged above this level


def _tell_faults(segment: Segment, verdict: Verdict) -> None:
    if verdict.faults:
        logger.warning("A piece of text is spoken with a fault: %s.", "; ".join(verdict.faults))
        logger.debug("It is: “%s”", segment.piece.text)
