"""The emotion classifier: its file, its features and its head, at tiny sizes."""

from pathlib import Path

import pytest
import torch

from glmtts.errors import EvaluationError
from glmtts.eval import scorers
from glmtts.eval.scorers.networks.emotion import LABELS, EmotionClassifier, EmotionConfig, EmotionHead
from glmtts.eval.scorers.networks.whisper_states import WhisperStates, WhisperStatesConfig
from tests.eval.scorers.conftest import vowel

TINY = WhisperStatesConfig(width=16, heads=2, ffn=32, layers=2, positions=200)


def test_states_of_every_layer_come_five_a_second() -> None:
    encoder = WhisperStates(TINY).eval()
    with torch.inference_mode():
        states = encoder(torch.from_numpy(vowel(rate=16000, seconds=1.3)))
        longest = encoder(torch.from_numpy(vowel(rate=16000, seconds=9)))
    assert states.shape == (3, 7, 16)
    assert longest.shape == (3, 20, 16)  # no more than it has positions for


def test_padding_does_not_change_the_logits() -> None:
    head = EmotionHead(EmotionConfig(encoder=TINY, hidden=8)).eval()
    states = torch.randn(1, 3, 7, 16)
    padded = torch.cat([states, 5 * torch.randn(1, 3, 4, 16)], dim=2)
    alone = head(states, torch.ones(1, 7, dtype=torch.bool))
    together = head(padded, torch.arange(11)[None] < 7)
    assert torch.allclose(alone, together, atol=1e-5)


def test_a_saved_classifier_scores_the_same(tmp_path: Path, made) -> None:
    model = EmotionClassifier(EmotionConfig(encoder=TINY, heads=2, hidden=8)).half().float().eval()
    path = tmp_path / "emotion.safetensors"
    model.save(path, {"training": "none"})
    scorer = scorers.load("emotion", weights=path)
    happy, unlabelled, short = scorer.score(
        [made(vowel(), labels={"emotion": "happy"}), made(vowel()), made(vowel(seconds=0.1))]
    )
    wanted = model.probabilities(torch.from_numpy(made(vowel()).at(16000)))
    assert [happy[f"emotion_{label}"] for label in LABELS] == pytest.approx(wanted.tolist(), abs=1e-4)
    assert happy["emotion_target"] == happy["emotion_happy"] and unlabelled["emotion_hit"] is None
    assert set(short.values()) == {None}


def test_a_file_cut_short_is_told(tmp_path: Path) -> None:
    path = tmp_path / "emotion.safetensors"
    EmotionClassifier(EmotionConfig(encoder=TINY, heads=1, hidden=8)).save(path, {})
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(EvaluationError, match="no emotion classifier"):
        scorers.load("emotion", weights=path)
