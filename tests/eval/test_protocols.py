"""What single protocols count: rewards, emotions, forced readings, phonemes, drift, codes."""

from dataclasses import replace
from pathlib import Path

import pytest

from glmtts.eval import protocols, scorers
from glmtts.eval.closed_choice import written_as
from glmtts.eval.items import EvalList, Item
from glmtts.eval.long_text import long_text
from glmtts.eval.protocols.base import Settings
from glmtts.eval.protocols.emotion import PROTOCOL as EMOTION
from glmtts.eval.protocols.emotion import heard_emotion
from glmtts.eval.protocols.forced import readings_of, rows, stands_at, usual_reading
from glmtts.eval.protocols.laughter import found, reward
from glmtts.eval.protocols.speech_tokenizer import PROTOCOL as TOKENIZER
from glmtts.eval.runner import Row
from glmtts.eval.systems import SystemSpec
from glmtts.eval.units import MIXED, PUBLISHED, SPOKEN, mixed, syllables, symbols_of
from glmtts.eval.utterance import Utterance

SPEC = SystemSpec.parse("mini")


def heard(text: str, hypothesis: str, language: str = "en", **labels: str) -> Utterance:
    """An utterance that a recogniser heard."""
    return Utterance(Item("a", text, language, labels=labels), hypothesis=hypothesis)


def row(*utterances: Utterance) -> Row:
    """A row of these."""
    items = [Item(f"u{n}", one.item.text, one.item.language) for n, one in enumerate(utterances)]
    return Row(EvalList("list", tuple(items)), SPEC, list(utterances), {})


def test_every_protocol_is_there_and_names_what_it_needs() -> None:
    for name in protocols.NAMES:
        protocol = protocols.load(name)
        assert protocol.name == name and protocol.title and protocol.source
        assert set(protocol.recognisers) <= {"en", "zh", "ja", "ko"}


def test_laughter_is_rewarded_where_it_is_found_and_not_written() -> None:
    laugh = {"laughter_seconds": 0.8}
    cases = [
        ("Ha ha, very funny.", "Very funny.", laugh, 1.0),
        ("Ha ha, very funny.", "Ha ha, very funny.", laugh, 0.0),
    ]
    cases += [("哈哈，真好。", "真好。", {"laughter_seconds": 0.0}, 0.0), ("他在河边。", "他在河边。", laugh, None)]
    for text, hypothesis, scores, wanted in cases:
        one = heard(text, hypothesis)
        one.scores.update(scores)
        assert reward(one) == wanted, text
    assert found(heard("Ha ha!", "")) is None  # no detector


def test_the_likeliest_emotion_is_compared_with_the_wanted_one_also_by_level() -> None:
    angry = heard("x", "x", emotion="angry", level="high")
    angry.scores.update({"emotion_target": 0.7, "emotion_hit": 1.0, "emotion_angry": 0.7, "emotion_disgust": 0.3})
    other = heard("x", "x", emotion="happy", level="low")
    other.scores.update({"emotion_calm": 0.6, "emotion_happy": 0.4, "dnsmos_overall": 3.0})
    assert heard_emotion(angry) == "angry" and heard_emotion(other) == "neutral"
    values = {column.key: [column.value(one) for one in (angry, other)] for column in EMOTION.columns}
    assert values["emo"] == [1.0, 0.0] and values["emo_high"] == [1.0, None] and values["emo_low"] == [None, 0.0]
    (table,) = EMOTION.extra([row(angry, other)]).values()
    assert ["angry", 1, 0, 0] in table["rows"]


def test_errors_by_words_syllables_and_both() -> None:
    values = {c.key: c.value(heard("I have 3 cats.", "I have three cats.")) for c in (*PUBLISHED, *SPOKEN, MIXED)}
    assert values["wer"] == pytest.approx(1 / 4) and values["wer_spoken"] == 0 and values["cer"] is None
    one = heard("他在这里等了3天。", "她在这里等了三天", "zh")
    values = {c.key: c.value(one) for c in (*PUBLISHED, *SPOKEN, MIXED)}
    assert values["syllables"] == 0 and values["cer"] == pytest.approx(2 / 8) and values["mixed"] is None
    assert mixed("今天的Meeting改到3点。") == ["jin1", "tian1", "de5", "meeting", "gai3", "dao4", "san1", "dian3"]
    assert symbols_of(syllables("好啊")) == ["H", "AO3", "A5"] or symbols_of(syllables("好啊"))[:2] == ["H", "AO3"]


def test_forced_readings_stand_at_their_place() -> None:
    assert stands_at(1, "dan4", ["ji1", "shi2"], ["ji1", "dan4"])
    assert not stands_at(1, "dan4", ["ji1", "shi2"], ["dan4", "shi2"])
    lists = {one.name: one for one in protocols.load("forced").lists(Settings())}
    assert sum(len(one.items) for name, one in lists.items() if name.startswith("forced")) == len(rows())
    assert all("{" not in item.text for item in lists["usual-polyphone"].items)
    first = rows()[0]
    readings = readings_of(first)
    assert readings is not None and {first[2], usual_reading(first)} <= readings.keys()
    assert written_as("dog") == ["dog"] and written_as("xyz9") == []


def test_long_texts_are_as_long_as_asked_and_the_same_again() -> None:
    assert 1.9 < len(long_text("en", 2).split()) / 170 < 2.2 and 1.9 < len(long_text("zh", 2)) / 260 < 2.2
    assert long_text("zh", 1) == long_text("zh", 1)


def test_the_head_s_errors_and_the_codes_in_use() -> None:
    one = heard("你好", "你好", "zh")
    one.audio = Path("x")
    one.details |= {
        "tokens": [1, 1, 2, 3],
        "labels": ["N", "I3", "|", "H", "AO4"],
        "wanted": ["N", "I3", "|", "H", "AO3"],
    }
    values = {column.key: column.value(one) for column in TOKENIZER.columns}
    assert values["head_phonemes"] == pytest.approx(1 / 4) and values["head_words"] == pytest.approx(1 / 2)
    assert TOKENIZER.extra([row(one)])["Codes"]["rows"] == [["list", "mini", 4, 3, 2.8]]


class Optional:
    """A scorer that takes weights of one's own."""

    columns: tuple[str, ...] = ("value",)
    stand_in_for = None

    def __init__(self, weights: str = "") -> None:
        self.weights = weights


def test_a_scorer_with_options_is_measured() -> None:
    """Options choose its weights; only those of which there is nothing are said to be missing."""
    scorers.register("optional", f"{__name__}:Optional")
    protocol = replace(protocols.load("vocoder"), scorers=("optional", "utmos"))
    assert protocol.stand_ins(Settings(), ["optional?weights=own.safetensors"]) == ["not measured here: utmos"]
