"""Which speech tokens are blamed."""

import random

import numpy as np
import pytest
import torch

from glmtts.judging.reading import Reading
from glmtts.rl.credit import syllables_of, token_advantages, wrong_places, wrong_tokens
from glmtts.text.edits import aligned, error_rate
from glmtts.text.labels import LABEL_IDS, LABELS
from tests.rl import reference


def reading_of(labels: list[str]) -> Reading:
    """A recogniser that is sure of one label a token."""
    log_probs = torch.full((len(labels), len(LABELS)), -12.0)
    for place, label in enumerate(labels):
        log_probs[place, LABEL_IDS[label]] = 0.0
    return Reading(log_probs.log_softmax(1).numpy())


def test_error_rates_are_those_of_the_reference() -> None:
    rng = random.Random(0)
    for _ in range(100):
        wanted, heard = ([rng.choice("abc") for _ in range(rng.randint(0, 8))] for _ in range(2))
        assert error_rate(wanted, heard) == pytest.approx(reference.wer(wanted, heard))
        edits = sum(
            p.wanted is None or p.heard is None or wanted[p.wanted] != heard[p.heard] for p in aligned(wanted, heard)
        )
        assert edits / max(1, len(wanted)) == pytest.approx(error_rate(wanted, heard))


def test_wrong_places() -> None:
    assert wrong_places(list("abcd"), list("abcd")) == set()
    assert wrong_places(list("abcd"), list("axcd")) == {1}
    assert wrong_places(list("abcd"), list("abd")) == {2}
    assert wrong_places(list("abcd"), list("abxcd")) == {1}


def test_the_tokens_of_the_wrong_syllable_are_blamed() -> None:
    wanted = ["N", "I3", "|", "H", "AO3", "|", "M", "A5"]
    said = ["N", "I3", "|", "H", "AO4", "|", "M", "A5"]
    assert syllables_of(wanted) == [0, 0, 0, 1, 1, 1, 2, 2]
    tokens = [label for label in said for _ in range(2)]
    wrong = wrong_tokens(reading_of(tokens), wanted, context=0)
    assert wrong.tolist() == [False] * 6 + [True] * 6 + [False] * 4
    assert wrong_tokens(reading_of(tokens), wanted, context=1).tolist() == [False] * 5 + [True] * 8 + [False] * 3
    assert not wrong_tokens(reading_of([x for x in wanted for _ in range(2)]), wanted, context=2).any()


def test_blame_is_shared_and_praise_is_not() -> None:
    wrong = np.array([False, True, False])
    assert token_advantages(-1.0, 4, wrong, 0.25).tolist() == [-0.25, -1.0, -0.25, -1.0]
    assert token_advantages(2.0, 4, wrong, 0.25).tolist() == [2.0] * 4
    assert token_advantages(-1.0, 4, None, 0.25).tolist() == [-1.0] * 4
