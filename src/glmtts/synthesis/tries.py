"""How often and with how many candidates the language model tries to say a text, and what is logged of it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from glmtts.judging.faults import Fault
from glmtts.judging.judge import Verdict
from glmtts.synthesis.segment import Segment
from glmtts.synthesis.settings import SynthesisDefaults
from glmtts.text.normalisation.languages import Language

logger = logging.getLogger(__name__)
RETRIES = 2  # a text that fails three times mostly fails again
CANDIDATE_STRIDE = 100  # between the seeds of candidates: the next ninety-nine pieces have others
RETRY_STRIDE = 1000  # between the seeds of tries, at least: ten candidates fit


@dataclass(frozen=True)
class Try:
    """One try at a text: how many candidates, where their seeds begin, and whether they compete.

    It is the last where a verdict costs at most `max_nll`, or where it is `last`; at most `audio_best_of` ways of
    saying the text are rendered.
    """

    candidates: int
    first_seed: int
    competing: bool
    max_nll: float
    audio_best_of: int
    last: bool = False


def tries(how: SynthesisDefaults, language: Language) -> list[Try]:
    """The tries at one text in a language, in turn until one is accepted: its drafts, then all candidates, a few times.

    Drafts have the seeds of tries that would come later, since the same ones would draw the same tokens again.
    """
    planned = [draft for draft in how.drafts if language in draft.languages]
    stride = max(RETRY_STRIDE, CANDIDATE_STRIDE * max(how.candidates, *(draft.candidates for draft in planned), 1))
    drafts = [
        Try(draft.candidates, stride * (1 + RETRIES + number), False, draft.max_nll, 1)
        for number, draft in enumerate(planned)
    ]
    whole = [
        Try(how.candidates, stride * number, True, how.max_nll, how.audio_best_of, last=number == RETRIES)
        for number in range(1 + RETRIES)
    ]
    return [*drafts, *whole]


def tell_retry(segment: Segment, found: Sequence[Fault]) -> None:
    """Log that a text is decoded again, and why."""
    logger.warning("A piece of text is decoded again: %s.", "; ".join(found) or "the recogniser doubts it")
    logger.debug("It is: “%s”", segment.piece.text)  # what users write is not logged above this level


def tell_faults(segment: Segment, verdict: Verdict) -> None:
    """Log what is wrong with what is spoken."""
    if verdict.faults:
        logger.warning("A piece of text is spoken with a fault: %s.", "; ".join(verdict.faults))
        logger.debug("It is: “%s”", segment.piece.text)
