"""Connectionist temporal classification (Graves et al., 2006): the best alignment of given labels."""

import numpy as np


def ctc_states(labels_L: np.ndarray, blank: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The labels with blanks around each, (2 L + 1,), and which of these states may come right after the one but last.

    A label may skip the blank before it where the label before that is another.
    """
    states = np.full(2 * len(labels_L) + 1, blank)
    states[1::2] = labels_L
    may_skip = np.zeros(len(states), dtype=bool)
    # between equal labels the blank must stay: without it they are one
    may_skip[3::2] = states[3::2] != states[1:-2:2]
    return states, may_skip


def ctc_path(log_probs_SV: np.ndarray, labels_L: np.ndarray, blank: int = 0) -> np.ndarray:
    """The label (its place in `labels_L`) that every frame belongs to on the best CTC path, shape (S,).

    A blank belongs to the label before it, the first blanks to the first.

    Raises:
        ValueError: there are fewer frames than the labels need, or no labels.
    """
    # states 2 l + 1 and 2 l + 2 are label l and the blank behind it; state 0 gives −1
    return np.maximum(0, (best_states(log_probs_SV, labels_L, blank) - 1) // 2)


def ctc_spans(log_probs_SV: np.ndarray, labels_L: np.ndarray, blank: int = 0) -> np.ndarray:
    """First frame of each label on the best CTC path, and the frame after its last, (L, 2); blanks are nobody's.

    Raises:
        ValueError: there are fewer frames than the labels need, or no labels.
    """
    states = best_states(log_probs_SV, labels_L, blank)
    # a path never goes back, so its states are sorted
    edges = [np.searchsorted(states, 2 * np.arange(len(labels_L)) + 1, side) for side in ("left", "right")]
    return np.stack(edges, axis=1)


def best_states(log_probs_SV: np.ndarray, labels_L: np.ndarray, blank: int = 0) -> np.ndarray:
    """The state of every frame (S,) on the best CTC path (Viterbi): 2 l + 1 is label l, even states are blanks.

    Raises:
        ValueError: there are fewer frames than the labels need, or no labels.
    """
    frames, count = len(log_probs_SV), len(labels_L)
    if not count:
        raise ValueError("There are no labels.")
    states, may_skip = ctc_states(labels_L, blank)
    # two equal labels in a row need a blank between them
    if frames < count + int((labels_L[1:] == labels_L[:-1]).sum()):
        raise ValueError("There are fewer frames than labels.")
    score = np.full(len(states), -np.inf)
    # a path begins with the first blank or the first label
    score[:2] = log_probs_SV[0, states[:2]]
    # how many states back the best path into (frame, state) came from: 0, 1 or 2
    came = np.zeros((frames, len(states)), dtype=np.int8)
    for frame in range(1, frames):
        one, two = np.full_like(score, -np.inf), np.full_like(score, -np.inf)
        one[1:] = score[:-1]
        two[2:] = np.where(may_skip[2:], score[:-2], -np.inf)
        choices = np.stack([score, one, two])
        came[frame] = choices.argmax(0)
        score = choices.max(0) + log_probs_SV[frame, states]
    # a path ends with the last label or the blank after it
    state = len(states) - 1 - int(score[-2] > score[-1])
    path = np.zeros(frames, dtype=np.int32)
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        state -= int(came[frame, state])
    return path


def advanced(alpha_NL: np.ndarray, emitted_NL: np.ndarray, may_skip_L: np.ndarray, first: bool) -> np.ndarray:
    """The forward variables (N, L) of CTC in log after one more frame, which emits `emitted_NL`."""
    if first:
        begun = np.full_like(alpha_NL, -np.inf)
        begun[:, :2] = emitted_NL[:, :2]
        return begun
    # α(s) + α(s − 1), and α(s − 2) where the blank between may be skipped
    summed = alpha_NL.copy()
    summed[:, 1:] = np.logaddexp(summed[:, 1:], alpha_NL[:, :-1])
    skipping = np.where(may_skip_L[2:], alpha_NL[:, :-2], -np.inf)
    summed[:, 2:] = np.logaddexp(summed[:, 2:], skipping)
    return np.asarray(summed + emitted_NL)


def ctc_costs(log_probs_SV: np.ndarray, labels_L: np.ndarray, blank: int = 0) -> np.ndarray:
    """−log P(labels | the first s + 1 frames) at s, (S,): infinite where they do not fit.

    The recursion runs on probabilities that are scaled at every frame (Rabiner, 1989), which takes a quarter of the
    time of logarithms; where the labels are so improbable that nothing is left of them, it runs again on those.
    """
    states, may_skip = ctc_states(labels_L, blank)
    emitted_SL = log_probs_SV[:, states].astype(np.float64)
    costs = _scaled_costs(emitted_SL, may_skip)
    # before the labels fit, costs are infinite; at the end: too few frames, or scaling has lost them
    if not len(costs) or np.isfinite(costs[-1]):
        return costs
    alpha, found = np.full((1, len(states)), -np.inf), np.empty(len(emitted_SL))
    for frame, emitted_L in enumerate(emitted_SL):
        alpha = advanced(alpha, emitted_L[None], may_skip, first=frame == 0)
        found[frame] = -np.logaddexp.reduce(alpha[0, -2:])
    return found


def _scaled_costs(emitted_SL: np.ndarray, may_skip_L: np.ndarray) -> np.ndarray:
    """See `ctc_costs`; states stand behind two that are never reached, so that one product and two sums move them."""
    # taken out of each frame before exp, which a frame of very improbable labels would else underflow
    top_S = emitted_SL.max(1)
    probabilities_SL = np.exp(emitted_SL - top_S[:, None])
    alpha, moved = np.zeros(len(may_skip_L) + 2), np.empty(len(may_skip_L))
    alpha[2] = 1.0  # before the first frame: it moves to the first blank and the first label
    skip_L, totals, ends = may_skip_L.astype(np.float64), np.zeros(len(emitted_SL)), np.zeros(len(emitted_SL))
    for frame, probabilities_L in enumerate(probabilities_SL):
        np.multiply(skip_L, alpha[:-2], out=moved)
        moved += alpha[1:-1]
        moved += alpha[2:]
        moved *= probabilities_L
        totals[frame] = total = moved.sum()
        if total == 0:  # every path has died
            break
        # the forward variables sum to 1 at every frame; −log of the factors is added up at the end
        np.divide(moved, total, out=alpha[2:])
        ends[frame] = alpha[-1] + alpha[-2]
    with np.errstate(divide="ignore"):  # log 0: such frames cost infinitely much
        return np.asarray(-np.log(ends) - np.cumsum(np.log(totals) + top_S))
