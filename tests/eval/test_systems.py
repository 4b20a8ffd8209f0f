"""Systems under test: copies, streams and noise do what they say, with real models at a tiny size."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from glmtts.errors import EvaluationError
from glmtts.eval.items import Item
from glmtts.eval.protocols.base import Settings
from glmtts.eval.protocols.speech_tokenizer import TokenHead
from glmtts.eval.systems import SystemSpec, load
from glmtts.eval.utterance import Utterance
from glmtts.synthesis.audio import Audio


def spoken(spec: str, *items: Item) -> list:
    """What a system says."""
    return load(SystemSpec.parse(spec)).speak(items)


@pytest.fixture(scope="module")
def item(tmp_path_factory: pytest.TempPathFactory) -> Item:
    """A line with a recording of two seconds."""
    path = tmp_path_factory.mktemp("sound") / "one.wav"
    soundfile.write(path, 0.3 * np.sin(np.arange(48000) * 0.05), 24000)
    return Item("one", "Hello there.", "en", 3, reference_audio=path)


def test_copies_last_as_long_as_the_recording(item: Item, tiny_folder: Path) -> None:
    for name in ("vocoder", "tokens"):
        (one,) = spoken(f"{name}:{tiny_folder}", item)
        assert one.samples is not None and abs(len(one.samples) / one.rate - 2.0) < 0.1
        (none,) = spoken(f"{name}:{tiny_folder}", Item("two", "Hello.", "en"))
        assert none.samples is None and "no recording" in none.error


def test_noise_has_the_ratio_that_is_asked_for(item: Item) -> None:
    (clean,), (noisy,) = spoken("recordings", item), spoken("noisy?snr=10", item)
    noise = noisy.samples - clean.samples
    ratio = 10 * np.log10(np.mean(clean.samples**2) / np.mean(noise**2))
    assert ratio == pytest.approx(10, abs=0.1)
    assert np.array_equal(noisy.samples, spoken("noisy?snr=10", item)[0].samples)


def test_streams_tell_when_sound_began_and_how_far_it_is_from_the_whole(item: Item, tiny_folder: Path) -> None:
    (one,) = spoken(f"stream:{tiny_folder}", item)
    assert one.samples is not None and one.details["first_chunk"] > 0 and one.details["longest_wait"] >= 0
    assert one.details["mel_distance"] is None or one.details["mel_distance"] >= 0


def test_the_tokens_of_a_recording_are_read_by_the_bundle_s_recogniser(item: Item, tiny_folder: Path) -> None:
    utterance = Utterance(item, audio=item.reference_audio)
    stage = TokenHead(tiny_folder)
    (record,) = stage.work([utterance])().records
    stage.take(utterance, record)
    assert len(utterance.details["tokens"]) == 50 and utterance.details["wanted"]


def test_nothing_is_read_in_a_recording_too_short_for_a_token(tmp_path: Path, tiny_folder: Path) -> None:
    soundfile.write(tmp_path / "short.wav", np.zeros(10), 24000)
    item = Item("short", "Hello there.", "en")
    (record,) = TokenHead(tiny_folder).work([Utterance(item, audio=tmp_path / "short.wav")])().records
    assert record["tokens"] == [] and record["labels"] == [] and record["wanted"]


def test_voices_come_from_prompts_else_in_turn(item: Item, tiny_folder: Path) -> None:
    bundle = load(SystemSpec.parse(f"bundle:{tiny_folder}"))
    cloned = bundle.voice(Item("a", "x", "en", prompt_audio=item.reference_audio, prompt_text="Hello there."))
    assert cloned.text == "Hello there." and bundle.voice(Item("b", "x", "en")).text == "A tone."


def test_digits_are_read_in_the_language_of_their_line(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = load(SystemSpec.parse(f"bundle:{tiny_folder}"))
    asked: list[tuple[list[str], str | None]] = []

    def say_batch(texts: list[str], voices: object, *, seeds: list[int], language: str | None) -> list[Audio]:
        asked.append((texts, language))
        return [Audio(torch.full((8,), float(seed)), 24000, "tiny") for seed in seeds]

    monkeypatch.setattr(system.tts, "say_batch", say_batch)
    lines = [Item(f"l{number}", "10086", lang, number) for number, lang in enumerate(("zh", "en", "zh", "ja"))]
    outputs = system.speak(lines)
    assert asked == [(["10086"] * 2, "zh"), (["10086"], "en"), (["10086"], None)]
    assert [float(one.samples[0]) for one in outputs] == [0, 1, 2, 3]


def test_a_bad_prompt_is_told_and_ends_no_run(item: Item, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    line = Item("one", "Hello.", "en", prompt_audio=broken, reference_audio=tmp_path / "absent.flac")
    clip = Utterance(line, audio=item.reference_audio).clip()
    assert clip.prompt is None and clip.reference is None and len(clip.wave) == 48000
    assert "broken.wav" in caplog.text and "absent.flac" in caplog.text


def test_what_is_no_system_is_refused(tmp_path: Path) -> None:
    for spec, words in (
        ("nothing", "Known are"),
        ("mini:folder", "takes no argument"),
        ("mini?colour=red", "no option 'colour'"),
        ("mini?steps=many", "no number"),
        (f"recordings:{tmp_path}/absent", "no folder"),
        ("noisy", "snr"),
        ("noisy?snr=ten", "no number"),
        ("mini?voice=geroge", "geroge"),
        ("mini?phoneme_in=bogus", "bogus"),
        ("mini?candidates=99", "99"),
        ("mini?batch=no", "batch=0"),
    ):
        with pytest.raises(EvaluationError, match=words):
            load(SystemSpec.parse(spec))
    assert Settings().lists == ()
