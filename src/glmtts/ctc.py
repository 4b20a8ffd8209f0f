"""Connectionist temporal classification (Graves et al., 2006): the best alignment of given labels."""

import numpy as np


def ctc_states(labels_L: np.ndarray, blank: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The labels with blanks around each, (2 L + 1,), and which of these states may come right after the one but last.

    A label may skip the blank before it where the label before that is another.
    """
    states = np.full(2 * len(labels_L) + 1, blank)
    states[1::2] = labels_L
    may_skip = np.zeros(len(states), dtype=bool)
    may_skip[3::2] = states[3::2] != states[1:-2:2]
    return states, may_skip


def ctc_path(log_probs_SV: np.ndarray, labels_L: np.ndarray, blank: int = 0) -> np.ndarray:
    """The label (its place in `labels_L`) that every frame belongs to on the best CTC path, shape (S,).

    A blank belongs to the label before it, the first blanks to the first.

    Raises:
        ValueError: there are fewer frames than the labels need.
    """
    return np.maximum(0, (best_states(log_probs_SV, labels_L, blank) - 1) // 2)


def ctc_spans(log_probs_SV: np.ndarray, labels_L: np.ndarray, blank: int = 0) -> np.ndarray:
    """First frame of each label on the best CTC path, and the frame after its last, (L, 2); blanks are nobody's.

    Raises:
        ValueError: there are fewer frames than the labels need.
    """
    states = best_states(log_probs_SV, labels_L, blank)
    edges = [np.searchsorted(states, 2 * np.arange(len(labels_L)) + 1, side) for side in ("left", "right")]
    return np.stack(edges, axis=1)


def best_states(log_probs_SV: np.ndarray, labels_L: np.ndarray, blank: int = 0) -> np.ndarray:
    """The state of every frame (S,) on the best CTC path (Viterbi): 2 l + 1 is label l, even states are blanks.

    Raises:
        ValueError: there are fewer frames than the labels need.
    """
    frames, count = len(log_probs_SV), len(labels_L)
    states, may_skip = ctc_states(labels_L, blank)
    if frames < count + int((labels_L[1:] == labels_L[:-1]).sum()):
        raise ValueError("There are fewer frames than labels.")
    score = np.full(len(states), -np.inf)
    score[:2] = log_probs_SV[0, states[:2]]
    came = np.zeros((frames, len(states)), dtype=np.int8)
    for frame in range(1, frames):
        one, two = np.full_like(score, -np.inf), np.full_like(score, -np.inf)
        one[1:] = score[:-1]
        two[2:] = np.where(may_skip[2:], score[:-2], -np.inf)
        choices = np.stack([score, one, two])
        came[frame] = choices.argmax(0)
        score = choices.max(0) + log_probs_SV[frame, states]
    state = len(states) - 1 - int(score[-2] > score[-1])
    path = np.zeros(frames, dtype=np.int32)
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        state -= int(came[frame, state])
    return path
