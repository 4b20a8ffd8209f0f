"""Strengths of systems from preferences between two (Bradley and Terry 1952).

The model says that A is preferred to B with the probability 1 / (1 + exp(b − a)) of their strengths a and b. The most
likely ones are found by the MM algorithm of Hunter (2004).
"""

import numpy as np

CLOSE = 1e-9  # a step that moves no strength by more is the last one
STEPS = 10_000  # the most; a dozen systems that were all compared need some hundred
HALF = 0.5  # an answer that is given to both sides of a pair where there is no maximum


def connected(answers_RSS: np.ndarray) -> np.ndarray:
    """Whether all systems were compared, be it through others, in each of R tables of answers (R, S, S): (R,)."""
    return np.asarray(_reachable(answers_RSS + answers_RSS.swapaxes(1, 2)).all(axis=(1, 2)))


def determined(answers_RSS: np.ndarray) -> np.ndarray:
    """Whether the likelihood has a maximum (R,): of any two groups of systems, each won some answer (Ford 1957)."""
    return np.asarray(_reachable(answers_RSS).all(axis=(1, 2)))


def smoothed(answers_RSS: np.ndarray) -> np.ndarray:
    """The answers; where they have no maximum, with half an answer more on both sides of every pair with answers.

    Who won everything would have an infinite strength, which has no interval and no order among several.
    """
    pairs_RSS = (answers_RSS + answers_RSS.swapaxes(1, 2)) > 0
    return np.where(determined(answers_RSS)[:, None, None], answers_RSS, answers_RSS + HALF * pairs_RSS)


def strengths(answers_RSS: np.ndarray) -> np.ndarray:
    """Strengths (R, S) with a mean of 0 each, of R tables that are `connected` and `determined`.

    `answers_RSS[r, i, j]` is how often i was preferred to j; an answer for neither counts as half of one for each.
    """
    both_RSS, won_RS = answers_RSS + answers_RSS.swapaxes(1, 2), answers_RSS.sum(axis=2)
    found_RS = np.zeros(won_RS.shape)
    open_R = np.arange(len(found_RS))
    for _ in range(STEPS):
        odds_RS = np.exp(found_RS[open_R])
        # equation 3 of Hunter: what i won, over the sum of its answers to j by the odds of both
        shares_RS = (both_RSS[open_R] / (odds_RS[:, :, None] + odds_RS[:, None, :])).sum(axis=2)
        next_RS = np.log(won_RS[open_R] / shares_RS)
        next_RS -= next_RS.mean(axis=1, keepdims=True)
        moved_R = abs(next_RS - found_RS[open_R]).max(axis=1)
        found_RS[open_R] = next_RS
        open_R = open_R[moved_R > CLOSE]
        if not len(open_R):
            break
    return found_RS


def _reachable(edges_RSS: np.ndarray) -> np.ndarray:
    """Whether a chain of edges leads from one to the other (R, S, S); each reaches itself."""
    reached = (edges_RSS > 0) | np.eye(edges_RSS.shape[1], dtype=bool)
    for _ in range(edges_RSS.shape[1].bit_length()):
        # chains of twice the length
        reached = (reached.astype(np.int64) @ reached.astype(np.int64)) > 0
    return reached
