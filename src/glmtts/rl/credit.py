"""Token-level credit: an answer's blame goes to the speech tokens of the syllables that were not understood.

One advantage for all tokens of an answer teaches that a whole sentence was bad because one syllable was. The token
recogniser knows which tokens speak which phoneme (CTC alignment), and the edit distance which phonemes are wrong.
"""

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from glmtts.config import StrictConfig
from glmtts.judging.reading import Reading
from glmtts.text.edits import aligned
from glmtts.text.labels import BOUNDARY, without_boundaries


class CreditConfig(StrictConfig):
    """`elsewhere` is the share of a negative advantage for tokens outside of wrong syllables; 1 gives all the same.

    `context` are tokens on both sides of a wrong syllable that are blamed with it: a slip begins before it is heard. It
    is not read where `elsewhere` is 1, nor is either with `advantages.learn_from` "best", which blames nobody.
    """

    elsewhere: float = Field(default=1.0, ge=0, le=1)
    context: int = Field(default=2, ge=0)


def wrong_places(wanted: Sequence[str], heard: Sequence[str]) -> set[int]:
    """Places of the wanted phonemes that were changed or left out, or beside which something was added."""
    wrong, last = set[int](), 0
    for pair in aligned(wanted, heard):
        if pair.wanted is None:
            # what was added has no place among the wanted: the phoneme before it is blamed
            wrong.add(min(last, len(wanted) - 1))
        elif pair.heard is None or wanted[pair.wanted] != heard[pair.heard]:
            wrong.add(pair.wanted)
        last = last if pair.wanted is None else pair.wanted
    return wrong if wanted else set()


def syllables_of(labels: Sequence[str]) -> list[int]:
    """The syllable or word that each label belongs to; a boundary belongs to what it follows."""
    numbers, number, open_ = [], 0, False
    for label in labels:
        if label != BOUNDARY and open_:
            number, open_ = number + 1, False
        open_ = open_ or label == BOUNDARY
        numbers.append(number)
    return numbers


def wrong_tokens(reading: Reading, labels: Sequence[str], context: int) -> np.ndarray:
    """True for the speech tokens (S,) of the wrong syllables and words of `labels`; all where none can be aligned."""
    size = len(reading.log_probs_SV)
    path_S = reading.align(labels)
    if not len(path_S):
        # fewer tokens than labels need: which of them are wrong cannot be told, so all are blamed
        return np.ones(size, dtype=bool)
    # edits are found without boundaries, the CTC path is over labels with them: `spoken` leads back
    spoken = [place for place, label in enumerate(labels) if label != BOUNDARY]
    places = wrong_places(without_boundaries(labels), without_boundaries(reading.labels))
    syllables = np.array(syllables_of(labels))
    # from phonemes to whole syllables, so that an initial shares the blame of its final
    wrong = np.isin(syllables, [syllables[spoken[place]] for place in places])
    return _widened(wrong[path_S], context)


def _widened(chosen_S: np.ndarray, context: int) -> np.ndarray:
    wide = chosen_S.copy()
    for shift in range(1, context + 1):
        wide[:-shift] |= chosen_S[shift:]
        wide[shift:] |= chosen_S[:-shift]
    return wide


def token_advantages(advantage: float, draws: int, wrong_S: np.ndarray | None, elsewhere: float) -> np.ndarray:
    """The advantage of each draw of an answer (draws,): less blame where its syllable was right, praise for all.

    The end of audio, the draw after the last speech token, keeps the whole advantage.
    """
    values = np.full(draws, advantage)
    if wrong_S is not None and advantage < 0:
        values[: len(wrong_S)] *= np.where(wrong_S, 1.0, elsewhere)[:draws]
    return values
