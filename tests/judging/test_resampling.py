"""Candidates that compete: scores of prefixes, copies that go on by themselves, rounds that find what is wanted."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from glmtts.errors import ConfigError
from glmtts.judging.prefix import REWARD, PrefixScorer
from glmtts.judging.recogniser import TokenRecogniser
from glmtts.judging.resampling import ParticleFilter, ResamplingConfig
from glmtts.lm.batch import DecodingBatch
from glmtts.lm.candidates import CandidateSet, decode_sets
from glmtts.lm.request import Request
from glmtts.text.labels import LABEL_IDS, LABELS
from tests.lm.test_batch import LAYOUT
from tests.tiny import CODES, SAMPLING, tiny_lm, tiny_speech_tokenizer

SPOKEN = ["N", "I3", "|", "H", "AO3", "AO3"]


@pytest.fixture
def recogniser() -> TokenRecogniser:
    torch.manual_seed(0)
    return TokenRecogniser(tiny_speech_tokenizer().config).eval()


class TableRecogniser:
    """Reads code n as label n without a doubt; half of the codes are silence."""

    longest = 1000

    def log_probs(self, tokens_BS: torch.Tensor, start: int = 0, lengths_B: torch.Tensor | None = None) -> torch.Tensor:
        labels = torch.where(tokens_BS < CODES // 2, tokens_BS, 0)
        return torch.full((*tokens_BS.shape, len(LABELS)), -9.0).scatter(2, labels[..., None], 0.0)


def test_a_score_is_the_probability_of_the_best_prefix(recogniser: TokenRecogniser) -> None:
    tokens = torch.randint(0, CODES, (3, 20), generator=torch.Generator().manual_seed(1))
    scores = PrefixScorer(recogniser, SPOKEN, 3).score(tokens.numpy())
    log_probs = recogniser.log_probs(tokens)
    for row in range(3):
        values = [log_probs[row, :, 0].sum()]
        for count in range(1, len(SPOKEN) + 1):
            wanted = torch.tensor([[LABEL_IDS[label] for label in SPOKEN[:count]]])
            lengths = torch.tensor([20]), torch.tensor([count])
            values.append(-F.ctc_loss(log_probs[row][:, None], wanted, *lengths, reduction="sum") + REWARD * count)
        assert scores[row] == pytest.approx(max(float(value) for value in values), abs=1e-3)


def test_scores_grow_with_the_tokens_and_follow_the_copies() -> None:
    labels = [LABELS[number] for number in (3, 4, 5, 6)]
    tokens = np.array([[3, 3, 0, 4, 0, 0, 5, 6], [3, 4, 7, 7, 7, 7, 7, 7]])
    whole = PrefixScorer(TableRecogniser(), labels, 2).score(tokens)
    assert whole[0] > whole[1] + 20
    parts = PrefixScorer(TableRecogniser(), labels, 2)
    for length in (2, 5, 7):
        parts.score(tokens[:, :length])
    np.testing.assert_allclose(parts.score(tokens), whole, atol=1e-4)
    longer = np.tile(tokens, 2)
    parts.score(longer)
    parts.reorder([0, 0])
    again = parts.score(longer[[0, 0]])
    assert again[0] == again[1]


def requests(count: int, least: int = 24) -> list[Request]:
    sampling = SAMPLING.model_copy(
        update={"min_ratio": least, "max_ratio": 2 * least, "temperature": 2.0, "top_p": 1.0}
    )
    return [Request([1, 2, LAYOUT.begin], sampling, 1, torch.Generator().manual_seed(n)) for n in range(count)]


def test_a_copy_goes_on_as_its_source_would() -> None:
    model = tiny_lm(56).eval()
    batch, (first, second, alone) = DecodingBatch(model, LAYOUT), requests(3)
    batch.join([first, second])
    other = DecodingBatch(model, LAYOUT)
    other.join([alone])
    alone.generator.manual_seed(0)
    for step in range(12):
        if step == 5:
            batch.continue_as([(second, first)])
            assert second.tokens == first.tokens
            second.generator.set_state(first.generator.get_state())
        batch.step()
        other.step()
    assert first.tokens == second.tokens == alone.tokens


def test_candidates_that_compete_say_more_of_what_is_wanted() -> None:
    model = tiny_lm(56).eval()
    labels = [LABELS[number] for number in (3, 4, 5, 6, 7, 8)]

    def score(compete: bool) -> float:
        candidates = CandidateSet(requests(8))
        if compete:
            scorer = PrefixScorer(TableRecogniser(), labels, 8)
            candidates.resample = ParticleFilter(scorer, ResamplingConfig(interval=2, keep=2)).after_step
        list(decode_sets(model, LAYOUT, [candidates]))
        length = min(len(request.tokens) for request in candidates.requests)
        tokens = np.array([request.tokens[:length] for request in candidates.requests])
        return float(PrefixScorer(TableRecogniser(), labels, 8).score(tokens).max()) / length

    assert score(compete=True) > score(compete=False) + 0.5


@pytest.mark.parametrize("key", ["interval", "keep", "survivors"])
def test_a_filter_that_never_comes_due_or_keeps_nobody_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match="interval" if key == "interval" else "keep"):
        ResamplingConfig.parse({key: 0})
