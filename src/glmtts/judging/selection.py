"""The choice among candidates that have been decoded, and the end of those that say more than their text."""

from collections.abc import Sequence

from glmtts.judging.faults import Target
from glmtts.judging.judge import Judge, Verdict
from glmtts.lm.candidates import CandidateSet


def ranked(judge: Judge, candidates: CandidateSet, target: Target, count: int) -> list[Verdict]:
    """Verdicts on the candidates, best first, until `count` different ones are without fault.

    They are looked at in the order of their CTC loss, or as they came where nothing can be judged.
    """
    # by tokens: candidates that drew the same are one
    requests = {tuple(request.tokens): request for request in candidates.finished()}
    judge.readings(list(requests))  # in one forward
    found, without_fault = list[Verdict](), 0
    # likely ones first: `count` sound ones are found with few verdicts, each of which takes two more recursions of CTC
    for tokens in sorted(requests, key=lambda one: judge.nll(one, target)):
        found.append(judge.verdict(tokens, target, requests[tokens].finish_reason == "stop"))
        without_fault += not found[-1].faults
        if without_fault == count:
            break
    return sorted(found, key=lambda verdict: verdict.rank)


def trimmed(judge: Judge, best: Verdict, candidates: CandidateSet, target: Target, max_nll: float) -> Verdict:
    """`best`, or where it is not accepted, a better candidate that is cut where its text ends.

    Only speech that is heard after a text that is heard is cut: a lone "嗯", in which the recogniser hears nothing, or
    something else, would lose its end.
    """
    if judge.recogniser is None or not target.phonemes or best.accepted(max_nll):
        return best
    for request in candidates.finished():
        end = judge.text_end(request.tokens, target)
        if judge.speech_after(request.tokens, end):
            # as stopped: the cut is the end of audio that was not drawn
            cut = judge.verdict(request.tokens[:end], target)
            best = min(best, cut, key=lambda verdict: verdict.rank) if cut.nll <= max_nll else best
    return best


def choices(judge: Judge, verdicts: Sequence[Verdict], max_nll: float, count: int) -> list[list[int]]:
    """The tokens of the first verdict, then of others that are accepted, `count` different ones at most.

    All of them without a long silence at their end.
    """
    spoken = [verdicts[0], *(verdict for verdict in verdicts[1:] if verdict.accepted(max_nll))]
    # trimmed first: two that differ in their silence alone are one
    different = {tuple(judge.without_trailing_silence(verdict.tokens)): None for verdict in spoken}
    return [list(tokens) for tokens in different][:count]
