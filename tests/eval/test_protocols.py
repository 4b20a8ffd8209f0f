"""What single protocols count: rewards, emotions, forced readings, phonemes, drift, codes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from glmtts.errors import EvaluationError
from glmtts.eval import protocols, scorers
from glmtts.eval.closed_choice import chooses, written_as
from glmtts.eval.items import EvalList, Item
from glmtts.eval.long_text import long_text
from glmtts.eval.protocols import long_form
from glmtts.eval.protocols.base import Settings
from glmtts.eval.protocols.emotion import PROTOCOL as EMOTION
from glmtts.eval.protocols.emotion import heard_emotion
from glmtts.eval.protocols.forced import PROTOCOL as FORCED
from glmtts.eval.protocols.forced import readings_of, rows, stands_at, usual_reading
from glmtts.eval.protocols.laughter import found, reward
from glmtts.eval.protocols.mini import PROTOCOL as MINI
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
    words = ("Hey, he left already.", "Hey, hee is no word.", "他喜欢嘻哈音乐。", "哈哈镜里的人很胖。")
    laughs = ("Haha, no.", "heh heh", "Ha, ha, ha!", "嘿嘿，来了。")
    for text, wanted in (*((one, False) for one in words), *((one, True) for one in laughs)):
        one = heard(text, "")
        one.scores |= laugh
        assert (found(one) is not None) == wanted, text
    assert found(heard("Ha ha!", "")) is None  # no detector


def test_the_likeliest_emotion_is_compared_with_the_wanted_one_also_by_level() -> None:
    angry = heard("x", "x", emotion="angry", level="high")
    angry.scores.update({"emotion_target": 0.7, "emotion_hit": 1.0, "emotion_angry": 0.7, "emotion_disgust": 0.3})
    other = heard("x", "x", emotion="happy", level="low")
    other.scores.update({"emotion_calm": 0.6, "emotion_happy": 0.4, "dnsmos_overall": 3.0})
    assert heard_emotion(angry) == "angry" and heard_emotion(other) == "neutral"
    two = heard("x", "x")  # probabilities of two scorers do not compare
    two.scores.update({"emotion2vec_sad": 0.6, "emotion2vec_happy": 0.4, "emotion_happy": 0.9})
    assert heard_emotion(two) == "sad"
    values = {column.key: [column.value(one) for one in (angry, other)] for column in EMOTION.columns}
    assert values["emo"] == [1.0, 0.0] and values["emo_high"] == [1.0, None] and values["emo_low"] == [None, 0.0]
    (table,) = EMOTION.extra([row(angry, other)]).values()
    assert ["angry", 1, 0, 0] in table["rows"]


def test_emotions_are_compared_whatever_their_case_and_name() -> None:
    happy = {"emotion_happy": 0.9, "emotion_sad": 0.1}
    columns = {column.key: column for column in EMOTION.columns}
    for wanted, right in (("happy", 1), ("Happy", 1), ("HAPPINESS", 1), ("Sad", 0), ("sadness", 0)):
        one = heard("x", "x", emotion=wanted, level="High")
        one.scores.update(happy)
        assert columns["emo"].value(one) == columns["emo_high"].value(one) == right, wanted
    (table,) = EMOTION.extra([row(one)]).values()
    assert table["heads"] == ["wanted", "happy", "sad"] and ["sad", 1, 0] in table["rows"]


def test_emotions_that_no_scorer_names_are_refused() -> None:
    def lists(*emotions: str) -> list[EvalList]:
        items = [Item(f"a{n}", "x", "en", labels={"emotion": one}) for n, one in enumerate(emotions)]
        return [EvalList("l", tuple(items))]

    names = ["emotion_target", "emotion_hit", "emotion_happy", "emotion_calm", "emotion_disgust", "utmos"]
    EMOTION.check(lists("Happy", "calm", "neutral", "disgusted"), names)
    EMOTION.check(lists("joy"), ["utmos"])  # nobody is asked
    for wrong in ("joy", "hppy", "angry", "target"):
        with pytest.raises(EvaluationError, match=f"The emotion '{wrong}' of 'a1' in the list 'l' is none"):
            EMOTION.check(lists("happy", wrong), names)


def test_lines_without_units_of_a_column_have_no_rate_in_it() -> None:
    for text, language, wanted in (
        ("OK.", "zh", {"cer", "mixed"}),
        ("3", "zh", {"cer", "syllables"}),
        ("好OK。", "zh", {"cer", "syllables", "mixed"}),
        ("你好。", "en", {"wer"}),
        ("7!", "en", {"wer", "wer_spoken"}),
    ):
        columns = (*PUBLISHED, *SPOKEN, MIXED)
        values = {column.key: column.value(heard(text, "欧克欧克欧克", language)) for column in columns}
        assert {key for key, value in values.items() if value is not None} == wanted, text


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


def test_a_forced_reading_that_nobody_listened_to_is_not_counted_as_unheard() -> None:
    first = rows()[0]
    item = Item("a", first[1], "zh", labels={"marked": first[1], "kind": first[0], "unit": first[2]})
    columns = {column.key: column for column in FORCED.columns}
    assert columns["with_tone"].value(Utterance(item)) is None
    assert columns["with_tone"].value(Utterance(item, hypothesis="")) == 0


def test_only_a_whisper_of_faster_whisper_can_choose() -> None:
    for name in ("whisper-base", "whisper:folder", "whisper:openai/whisper-hf"):
        assert chooses(name), name
    for name in ("whisper-hf", "whisper-hf:folder", "paraformer-zh", "none", "sensevoice:whisper-base"):
        assert not chooses(name), name


def test_windows_of_a_language_without_recogniser_have_no_rate_and_no_transcript(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Alike:
        columns = ("alike",)

        def score(self, clips: list[scorers.Clip]) -> list[scorers.Score]:
            return [{"alike": 1.0} for _ in clips]

    monkeypatch.setattr(long_form, "scorer_of", lambda name: Alike())
    wave = np.sin(np.arange(50 * 16000) * 0.05).astype(np.float32)
    (record,) = long_form._measure({}, "cpu", [("a", "en", wave)]).records
    assert record["hypothesis"] is None and [window["rate"] for window in record["windows"]] == [None, None]
    assert record["windows"][1]["similarity"] == 1.0


def test_the_recogniser_of_long_texts_is_told() -> None:
    settings = Settings(recognisers={"en": "whisper:a/model", "zh": "none"}, scorers=())
    assert long_form.PROTOCOL.stand_ins(settings, ()) == [
        "whisper:model in place of whisper-base for en",
        "nothing in place of whisper-base for zh",
    ]


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
    one.hypothesis = ""  # the run's recogniser is another than the head
    assert TOKENIZER.columns[0].value(one) == pytest.approx(1 / 4)
    short = heard("你好", "你好", "zh")
    short.details |= {"tokens": [], "labels": [], "wanted": ["N", "I3", "|", "H", "AO3"]}
    assert [column.value(short) for column in TOKENIZER.columns[:2]] == [1.0, 1.0]
    assert TOKENIZER.extra([row(one)])["Codes"]["rows"] == [["list", "mini", 4, 3, 2.8]]


def test_copies_go_through_the_bundle_that_is_measured() -> None:
    assert [one.text for one in TOKENIZER.default_systems(Settings())] == ["recordings", "tokens"]
    specs = TOKENIZER.default_systems(Settings(bundle=Path("a?b/model")))
    assert [(one.label, one.name, one.argument) for one in specs] == [
        ("recordings", "recordings", None),
        ("tokens", "tokens", "a?b/model"),
    ]


class Optional:
    """A scorer that takes weights of one's own."""

    name = "optional"
    columns: tuple[str, ...] = ("value",)
    higher_is_better: dict[str, bool] = {}  # noqa: RUF012
    stand_in_for = None

    def __init__(self, weights: str = "") -> None:
        self.weights = weights


def test_a_scorer_with_options_is_measured() -> None:
    """Options choose its weights; only those of which there is nothing are said to be missing."""
    scorers.register("optional", f"{__name__}:Optional")
    protocol = replace(protocols.load("vocoder"), scorers=("optional", "utmos"))
    assert protocol.stand_ins(Settings(), ["optional?weights=own.safetensors"]) == ["not measured here: utmos"]


def test_a_reference_that_cannot_be_read_has_no_length(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "one.wav", np.zeros(8000, np.float32), 16000)
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.float32), 16000)
    (tmp_path / "broken.flac").write_bytes(b"fLaC")
    get = next(column.get for column in MINI.columns if getattr(column, "key", "") == "length")
    for name, length in (("one.wav", 2.0), ("empty.wav", None), ("broken.flac", None), ("absent.wav", None)):
        assert get(Utterance(Item("a", "x", "en", reference_audio=tmp_path / name), seconds=1.0)) == length
