"""Word errors by a recogniser, and emotions by labels."""

from collections.abc import Sequence

import numpy as np
import pytest

from glmtts import asr
from glmtts.eval import scorers
from glmtts.eval.scorers.emotion2vec import emotion_columns, probabilities

pytest.importorskip("jiwer")
pytest.importorskip("zhon")


class Listener:
    """Hears what the lengths of waves stand for."""

    name = "listener"

    def __init__(self) -> None:
        self.asked: list[tuple[int, str | None]] = []

    def transcribe(self, waves: Sequence[np.ndarray], language: str | None) -> list[asr.Transcript]:
        self.asked.append((len(waves), language))
        texts = {16000: "the cat sat", 32000: "今天天氣好"}
        return [asr.Transcript(texts[len(wave)], language or "") for wave in waves]


def test_errors_and_counts_have_versas_columns(made, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener()
    monkeypatch.setattr(asr, "load", lambda name, device, **options: listener)
    scorer = scorers.load("whisper_wer", model="whisper-base")
    english = made(np.zeros(16000, np.float32), 16000, "The cat sat down.")
    mandarin = made(np.zeros(32000, np.float32), 16000, "今天天气真好。", "zh")
    known = made(np.zeros(5, np.float32), 16000, "Yes!", hypothesis="yes")
    found = scorer.score([mandarin, english, known])
    assert [score["whisper_wer"] for score in found] == pytest.approx([1 / 6, 1 / 4, 0])
    assert found[1]["whisper_wer_delete"] == 1 and found[1]["whisper_wer_equal"] == 3
    assert found[1]["whisper_cer"] == pytest.approx(4 / 13)
    assert found[0]["whisper_cer"] == found[0]["whisper_wer"]
    assert all(set(score) == set(scorer.columns) for score in found)
    assert sorted(listener.asked, key=str) == [(1, "en"), (1, "zh")]
    assert scorer.stand_in_for == "Whisper-large-v3"


def test_a_text_without_a_word_has_no_error_rate(made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asr, "load", lambda name, device, **options: Listener())
    scorer = scorers.load("whisper_wer", model="whisper-base")
    waves = np.zeros(16000, np.float32)
    for score in scorer.score([made(waves, 16000, "!!!"), made(waves, 16000, "。", "zh")]):
        assert score["whisper_wer"] is None and score["whisper_cer"] is None and score["whisper_wer_insert"]


def test_an_emotion_is_hit_where_it_is_the_likeliest() -> None:
    result = {"labels": ["生气/angry", "难过/sad", "<unk>"], "scores": [0.7, 0.2, 0.1]}
    found = probabilities(result)
    assert found == {"angry": 0.7, "sad": 0.2, "unknown": 0.1}
    assert emotion_columns("e", found, "anger") == {
        "e_target": 0.7, "e_hit": 1.0, "e_angry": 0.7, "e_sad": 0.2, "e_unknown": 0.1
    }  # fmt: skip
    assert emotion_columns("e", found, "sad")["e_hit"] == 0
    assert [emotion_columns("e", found, name)["e_hit"] for name in ("Angry", " ANGER ", "Sadness")] == [1, 1, 0]
    assert emotion_columns("e", found, None)["e_target"] is None
    assert emotion_columns("e", found, "bored")["e_target"] is None
    assert emotion_columns("e", {"disgust": 0.6, "calm": 0.3, "neutral": 0.1}, "disgusted")["e_hit"] == 1
    assert emotion_columns("e", {"disgust": 0.6, "calm": 0.3, "neutral": 0.1}, "neutral")["e_target"] == 0.1
