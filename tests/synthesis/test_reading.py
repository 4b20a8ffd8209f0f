"""Long texts: read in pieces, resumed after a break, with subtitles."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner

import glmtts
from glmtts.audio.provenance import synthetic_mark
from glmtts.cli import app
from glmtts.errors import AudioError, ConfigError, TextError
from glmtts.judging.reading import Reading
from glmtts.synthesis.adapter_pool import StoredAdapter
from glmtts.synthesis.journal import Journal
from glmtts.synthesis.reading import _about, read_book
from glmtts.synthesis.subtitles import Cue, write_subtitles
from glmtts.synthesis.synthesizer import Synthesizer
from glmtts.synthesis.timing import Timed, word_times
from glmtts.text.frontend import Piece
from glmtts.text.labels import LABEL_IDS

LINES = ["今天天气很好，我们去公园散步吧。\n", "Good morning. How are you?\n", "再见！\n"]


@pytest.fixture(scope="module")
def tts(tiny_folder: Path) -> Synthesizer:
    return glmtts.load(tiny_folder)


@pytest.mark.parametrize("suffix", [".srt", ".vtt"])
def test_text_that_is_not_utf8_is_read_and_shown_as_it_is_spoken(tts: Synthesizer, tmp_path: Path, suffix: str) -> None:
    read_book(tts, "Good \udcffmorning.\ud83d", tmp_path / "a.wav", subtitles=tmp_path / f"a{suffix}")
    shown = (tmp_path / f"a{suffix}").read_text(encoding="utf-8")
    assert "morning." in shown and "�" not in shown
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", "a.wav"]


def test_a_broken_reading_goes_on_and_equals_the_whole(tts: Synthesizer, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole.wav", tmp_path / "broken.wav"
    seconds = read_book(tts, LINES, whole, seed=5, subtitles=tmp_path / "whole.srt")
    assert f"with the model {tts.bundle.config.name}" in (synthetic_mark(whole) or "")
    seen: list[str] = []

    def interrupt(piece: str) -> None:
        seen.append(piece)
        if len(seen) == 2:
            raise KeyboardInterrupt

    def interrupt_at_last(piece: str) -> None:
        if piece == "再见！":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_book(tts, LINES, broken, seed=5, progress=interrupt)
    journal = next(tmp_path.glob(".broken.wav.part")) / "journal.jsonl"
    with journal.open("a", encoding="utf-8") as file:
        file.write('{"line": {"text": "cut o')
    with (journal.parent / "audio.raw").open("ab") as file:
        file.write(b"x" * 777)
    assert not broken.exists()
    with pytest.raises(KeyboardInterrupt):  # and again, where the disk was full within a character
        read_book(tts, LINES, broken, seed=5, progress=interrupt_at_last)
    with journal.open("ab") as cut:
        cut.write("再".encode()[:2])
    read_book(tts, LINES, broken, seed=5)
    ours, theirs = soundfile.read(broken)[0], soundfile.read(whole)[0]
    assert len(ours) == round(seconds * 24000)
    assert np.array_equal(ours, theirs)
    assert not list(tmp_path.glob(".*"))
    assert (tmp_path / "whole.srt").read_text("utf-8").startswith("1\n00:00:00,000 --> 00:00:0")


def test_a_given_reading_is_written_as_its_word_and_speed_counts(
    tts: Synthesizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed: list[tuple[str, float]] = []

    def times(reading: object, piece: str, phonemes: object, token_rate: float) -> list[Timed]:
        timed.append((piece, token_rate))
        return []

    monkeypatch.setattr("glmtts.synthesis.timing.word_times", times)
    line = ["他在银{行|hang2}工作。"]
    usual = read_book(tts, line, tmp_path / "usual.wav", subtitles=tmp_path / "usual.srt")
    fast = read_book(tts, line, tmp_path / "fast.wav", speed=2.0)
    assert fast == pytest.approx(usual / 2, abs=0.01)
    assert timed == [("他在银行工作。", 25.0), ("他在银行工作。", 50.0)]
    assert "他在银行工作。" in (tmp_path / "usual.srt").read_text("utf-8")


def test_breaks_before_a_sentence_are_silence(tts: Synthesizer, tmp_path: Path) -> None:
    lines = ['<break time="0.5s"/>Good morning.\n', '<break time="1s"/>\n', "Hello there.\n"]
    read_book(tts, [lines[0], lines[2]], tmp_path / "one.wav")
    read_book(tts, lines, tmp_path / "two.wav", subtitles=tmp_path / "two.srt")
    read_book(tts, ["Good morning.\n"], tmp_path / "plain.wav")
    one, two, plain = (soundfile.read(tmp_path / f"{name}.wav")[0] for name in ("one", "two", "plain"))
    assert np.abs(one[:12000]).max() == 0
    assert np.array_equal(one[12000 : 12000 + len(plain)], plain)
    assert np.array_equal(two[: 12000 + len(plain)], one[: 12000 + len(plain)])
    assert np.abs(two[12000 + len(plain) :][:24000]).max() == 0
    assert np.array_equal(two[12000 + len(plain) + 24000 :], one[12000 + len(plain) :])
    assert (tmp_path / "two.srt").read_text("utf-8").startswith("1\n00:00:00,500 --> ")


def test_another_text_or_seed_is_no_continuation(tts: Synthesizer, tmp_path: Path) -> None:
    def stop(piece: str) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out.flac"
    with pytest.raises(KeyboardInterrupt):
        read_book(tts, LINES, out, progress=stop)
    with pytest.raises(ConfigError, match="--restart"):
        read_book(tts, ["Another text.\n"], out)
    with pytest.raises(ConfigError, match="other settings"):
        read_book(tts, LINES, out, seed=1)
    assert read_book(tts, ["Another text.\n"], out, seed=1, restart=True) > 0


def test_a_second_run_is_refused_and_the_first_goes_on(tts: Synthesizer, tmp_path: Path) -> None:
    whole, out, refused = tmp_path / "whole.wav", tmp_path / "out.wav", list[bool]()
    read_book(tts, LINES, whole)

    def meanwhile(piece: str) -> None:
        with pytest.raises(ConfigError, match="Another run"):
            read_book(tts, LINES, out, restart=bool(refused))
        refused.append(True)

    read_book(tts, LINES, out, progress=meanwhile)
    assert len(refused) > 1
    assert np.array_equal(soundfile.read(out)[0], soundfile.read(whole)[0])
    assert not list(tmp_path.glob(".*"))


def test_whatever_is_heard_of_a_voice_decides_whether_a_reading_goes_on(tts: Synthesizer, tmp_path: Path) -> None:
    voice = tts.voice()
    others = replace(voice, text="Mine."), replace(voice, f0=voice.f0 + 1), replace(voice, adaptation=torch.ones(2, 3))
    about = [_about(tts, one, 0, {}) for one in (voice, *others)]
    trained = replace(voice, adapter=StoredAdapter(tmp_path / "a.glmvoice", ("lm",), {}, "tiny", tts.adapters))
    for weights in (b"first", b"trained anew under the same name"):
        (tmp_path / "a.glmvoice").write_bytes(weights)
        about.append(_about(tts, trained, 0, {}))
    about.append(_about(tts, voice, 0, {"steps": 1}))
    assert len({json.dumps(one, sort_keys=True) for one in about}) == len(about)
    assert _about(tts, voice, 0, {}) == _about(tts, voice, 0, {"steps": None}) == about[0]


def test_bad_input_is_refused(tts: Synthesizer, tmp_path: Path) -> None:
    with pytest.raises(TextError, match="nothing to speak"):
        read_book(tts, ["…\n", "😀"], tmp_path / "out.wav")
    with pytest.raises(AudioError, match="subtitles"):
        read_book(tts, LINES, tmp_path / "out.wav", subtitles=tmp_path / "out.txt")
    (tmp_path / "latin.txt").write_bytes(b"\xff\xfe\xff")
    result = CliRunner().invoke(app, ["read", str(tmp_path / "latin.txt"), "-o", str(tmp_path / "o.wav")])
    assert isinstance(result.exception, TextError)
    assert "UTF-8" in str(result.exception)


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / ".x.part", {"rate": 24000}, restart=False)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal, "_append", full)
    with pytest.raises(AudioError, match="Free some space and run the same command again"):
        journal.add(Piece("Hello."), torch.zeros(100), (0, 10), [])
    assert journal.cues == []


def test_words_lie_where_their_tokens_are() -> None:
    spoken = ["", "N", "I3", "|", "|", "H", "AO3", "", ""]
    log_probs = torch.full((len(spoken), len(LABEL_IDS)), -9.0)
    log_probs[torch.arange(len(spoken)), [LABEL_IDS[label] for label in spoken]] = -0.1
    phonemes, log_probs = ["N", "I3", "|", "H", "AO3"], log_probs.numpy()
    times = word_times(Reading(log_probs), "你好", phonemes, 25)
    assert [(word.text, word.start, word.end) for word in times] == [("你", 0.0, 0.2), ("好", 0.2, 0.36)]
    assert word_times(Reading(log_probs), "你好吗", phonemes, 25) == []
    assert word_times(Reading(log_probs[:3]), "你好", phonemes, 25) == []


def test_vtt_has_a_time_for_every_word(tmp_path: Path) -> None:
    words = [Timed("Hi", 1.0, 1.5), Timed("there", 1.5, 2.0), Timed("你", 2.0, 2.2)]
    write_subtitles(tmp_path / "x.vtt", [Cue(Timed("Hi there 你", 1.0, 3661.5), words)])
    lines = (tmp_path / "x.vtt").read_text("utf-8").splitlines()
    assert lines[0] == "WEBVTT"
    assert lines[2] == "00:00:01.000 --> 01:01:01.500"
    assert lines[3] == "<00:00:01.000>Hi <00:00:01.500>there <00:00:02.000>你"
