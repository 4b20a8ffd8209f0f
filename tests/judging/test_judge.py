"""One reading a sequence, whatever is asked and however often."""

import pytest
import torch

from glmtts.judging.faults import Fault, Target
from glmtts.judging.judge import Judge
from glmtts.judging.recogniser import TokenRecogniser
from glmtts.text.labels import LABELS
from tests.tiny import CODES, tiny_speech_tokenizer

TARGET = Target(["N", "I3", "|", "H", "AO3"])


class Counting:
    """A recogniser that counts its forwards."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.inner = TokenRecogniser(tiny_speech_tokenizer().config).eval()
        self.forwards = 0

    @property
    def longest(self) -> int:
        return self.inner.longest

    def log_probs(self, tokens_BS: torch.Tensor, start: int = 0, lengths_B: torch.Tensor | None = None) -> torch.Tensor:
        self.forwards += 1
        return self.inner.log_probs(tokens_BS, start, lengths_B)


@pytest.fixture
def recogniser() -> Counting:
    return Counting()


def sequences() -> list[list[int]]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(CODES, (length,), generator=generator).tolist() for length in (30, 12, 30, 21)]


def test_all_questions_are_answered_from_one_forward(recogniser: Counting) -> None:
    judge, asked = Judge(recogniser, 25), sequences()
    judge.readings(asked)
    assert recogniser.forwards == 1
    for tokens in asked:
        judge.verdict(tokens, TARGET)
        judge.text_end(tokens, TARGET)
        judge.without_trailing_silence(tokens)
        judge.leaks(tokens, TARGET)
    judge.complete(asked, TARGET, 1.0)
    assert recogniser.forwards == 1


def test_a_reading_in_a_batch_is_that_alone(recogniser: Counting) -> None:
    together = Judge(recogniser, 25).readings(sequences())
    for tokens, reading in zip(sequences(), together, strict=True):
        alone = Judge(recogniser, 25).reading(tokens)
        assert reading is not None and alone is not None
        assert reading.log_probs_SV.shape == (len(tokens), len(LABELS))
        torch.testing.assert_close(reading.log_probs_SV, alone.log_probs_SV, atol=1e-5, rtol=0)


def test_what_cannot_be_read_has_no_reading(recogniser: Counting) -> None:
    judge = Judge(recogniser, 25)
    assert judge.readings([[], [1] * (recogniser.longest + 1)]) == [None, None]
    assert judge.nll([], TARGET) == float("inf")
    assert Judge(None, 25).nll([1, 2], TARGET) == 0
    assert recogniser.forwards == 0


def test_old_readings_are_forgotten(recogniser: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glmtts.judging.judge.READINGS_KEPT", 2)
    judge, asked = Judge(recogniser, 25), sequences()
    judge.readings(asked)
    judge.reading(asked[-1])
    assert recogniser.forwards == 1
    judge.reading(asked[0])
    assert recogniser.forwards == 2


def test_bounds_in_seconds_follow_the_token_rate() -> None:
    """A second and a half of the same sound is a loop at any rate; half a second is none."""
    for rate in (12.5, 25, 50):
        loop, short = [7] * round(1.5 * rate), [7] * round(0.5 * rate)
        target = Target(["EN_AA1"])
        assert Judge(None, rate).verdict(loop, target).faults == [Fault.loop]
        assert Judge(None, rate).verdict(short, target).faults == []
