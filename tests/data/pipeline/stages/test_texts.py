"""Transcripts: what two recognisers must agree on, loops, alignment, punctuation by pauses."""

from pathlib import Path

import numpy as np
import pytest

from glmtts.audio.io import load_audio
from glmtts.ctc import ctc_spans
from glmtts.data.pipeline.stages.punctuate import PunctuateConfig, pause_threshold, punctuated, silences
from glmtts.data.pipeline.stages.token_reader import TimedUnit, TokenReader, cut_quietly
from glmtts.data.pipeline.stages.transcribe import TokenOpinion
from glmtts.data.pipeline.stages.units import compared, error_rate, loops, units_of, word_error_rate


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("It's 25.", "it’s twenty five", "en"),
        ("設定29度。", "设定二十九度", "zh"),
        ("Hello, World!", "hello world", "en"),
    ],
)
def test_spellings_of_the_same_words_agree(one: str, other: str, language: str) -> None:
    assert compared(one, language) == compared(other, language)


def test_error_rates() -> None:
    assert error_rate(["a", "b", "d"], ["a", "b", "c", "d"]) == 0.25
    assert error_rate(["a"], []) == 1 and error_rate([], []) == 0


@pytest.mark.parametrize(
    ("heard", "wanted", "errors"),
    [
        ("onto the shoulders", "on to the shoulders", 0),
        ("wood cutters of the Netherlands", "woodcutters of the Netherlands", 0),
        ("nor anyone else", "nor any one else", 0),
        ("every day is an everyday thing", "everyday is an every day thing", 0),
        ("on the shoulders", "on to the shoulders", 1),
        ("horn castles", "horncastle", 2),
    ],
)
def test_words_that_differ_in_blanks_alone_are_the_same(heard: str, wanted: str, errors: int) -> None:
    words = wanted.split()
    assert error_rate(heard.split(), words) == pytest.approx(errors / len(words))


def test_a_word_is_not_heard_where_most_of_it_is_wrong() -> None:
    words = [["a", "b", "c"], ["d", "e"], ["f", "g", "h"], ["i", "j"]]
    assert word_error_rate(["a", "b", "x", "d", "e", "f", "g", "h", "i", "j"], words) == 0  # one of three
    assert word_error_rate(["a", "b", "c", "d", "e", "f", "x", "y", "i", "j"], words) == 0.25  # two of three
    assert word_error_rate(["a", "b", "c", "f", "g", "h", "i", "j"], words) == 0.25  # left out
    assert word_error_rate(["a", "b", "c", "d", "e", "f", "g", "h", "k", "l", "m", "i", "j"], words) == 0.25  # put in
    assert word_error_rate([], words) == 1


@pytest.mark.parametrize(
    ("text", "looped"),
    [("no no no", False), ("no no no no", True), ("we go there we go there we go there we go there", True)],
)
def test_loops_are_what_is_said_more_than_three_times(text: str, looped: bool) -> None:
    assert loops(["so", *text.split(), "then"]) is looped


def test_units_keep_their_marks() -> None:
    assert [(unit.text, unit.mark) for unit in units_of("你好，world! Yes")] == [
        ("你", ""),
        ("好", "，"),
        ("world", "!"),
        ("Yes", ""),
    ]


@pytest.mark.parametrize("text", ["", " ", "…", "?!", "♪ ♪"])
def test_a_recogniser_that_hears_nothing_has_no_units(text: str) -> None:
    assert units_of(text) == compared(text, "en") == compared(text, "zh") == []
    assert error_rate(compared(text, "en"), ["a"]) == 1
    assert error_rate(["a"], compared(text, "en")) == 1


def test_spans_leave_blanks_out() -> None:
    labels = [0, 1, 1, 0, 0, 2, 0, 0]
    log_probs = np.log(np.full((8, 3), 0.05) + 0.8 * np.eye(3)[labels])
    assert ctc_spans(log_probs, np.array([1, 2])).tolist() == [[1, 3], [5, 6]]


def timed(text: str, gaps: list[float], length: float = 0.2) -> list[TimedUnit]:
    """Units of equal length with these pauses after them."""
    found, at = [], 0.0
    for unit, gap in zip(units_of(text), [*gaps, 0.0], strict=True):
        found.append(TimedUnit(unit, at, at + length))
        at += length + gap
    return found


def test_marks_are_kept_added_and_dropped_by_pauses() -> None:
    text, config, gaps = "Well, I know; you do not", PunctuateConfig(spread="std"), [0.0, 0.5, 0.5, 0.0, 0.5]
    made = punctuated(text, timed(text, gaps), [0.0, 0.4, 0.3, 0.0, 0.0], "en", config)
    assert made == "Well I, know; you do not."  # the last interval holds no silence
    assert punctuated("好，的吗？", timed("好，的吗？", [0.0, 0.9]), [0.0, 0.9], "zh", config) == "好的，吗？"


@pytest.mark.parametrize("noise", [0.0001, 0.01])
def test_silence_between_units_is_found_under_noise(noise: float) -> None:
    wave = np.random.default_rng(0).normal(0, noise, 16000)
    wave[:4800] += np.random.default_rng(1).normal(0, 0.1, 4800)
    wave[8000:] += np.random.default_rng(2).normal(0, 0.1, 8000)
    one, other = units_of("you know")
    assert silences(wave, [TimedUnit(one, 0.1, 0.2), TimedUnit(other, 0.6, 0.8)]) == [pytest.approx(0.2, abs=0.03)]


def test_the_variance_hangs_on_the_unit_and_the_deviation_does_not() -> None:
    durations = [0.1, 0.2, 0.3]
    seconds, frames = (PunctuateConfig(frame_seconds=unit) for unit in (1.0, 0.02))
    assert pause_threshold(durations, seconds) == pytest.approx(0.2 + 2.6 * 0.02 / 3)
    assert pause_threshold(durations, frames) == pytest.approx((10 + 2.6 * 50 / 3) * 0.02)
    by_std = [pause_threshold(durations, one.model_copy(update={"spread": "std"})) for one in (seconds, frames)]
    assert by_std[0] == pytest.approx(by_std[1])


def test_long_speech_is_cut_where_it_is_quiet() -> None:
    wave = np.ones(16000 * 5, dtype=np.float32)
    wave[16000 * 3 - 6400 : 16000 * 3 - 3200] = 0
    parts = cut_quietly(wave, 3.0, 1.0)
    assert np.concatenate(parts).tolist() == wave.tolist()
    assert 16000 * 3 - 6400 <= len(parts[0]) <= 16000 * 3 - 3200 and max(map(len, parts)) <= 48000


def test_the_token_reader_hears_and_aligns_real_speech(shared: Path) -> None:
    said = "These facts were represented before the police magistrate"
    path = shared / "corpus/heldout_teacher_en/heldout_teacher_en_00000.opus"
    wave, reader = load_audio(path, 16000).numpy(), TokenReader()
    right, _ = TokenOpinion(reader)(wave, said, "en")
    wrong, _ = TokenOpinion(reader)(wave, "Something quite different was said in this place today", "en")
    assert right < 0.2 < 0.6 < wrong
    found = reader.aligned(reader.log_probs(wave), said)
    assert [one.unit.text for one in found] == said.split()
    starts = [one.start for one in found]
    assert starts == sorted(starts) and starts[0] >= 0 and found[-1].end <= len(wave) / 16000 + 0.04
