"""Texts and voices of a run: what cannot be read or spoken is left out or named before anything is trained."""

import json
import logging
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glmtts.bundle import Bundle
from glmtts.errors import ConfigError, RlError, VoiceError
from glmtts.rl.grpo import PolicyTask
from glmtts.rl.policy import PolicySection, with_adapters
from glmtts.rl.prompts import Line, PromptData, Prompts, read_lines
from glmtts.rl.readable import sure_reader
from glmtts.rl.settings import RolloutSection
from glmtts.synthesis.synthesizer import Synthesizer
from glmtts.text.frontend import Piece, TextFrontend, phonemes_of
from tests.rl.conftest import TEXTS


@pytest.fixture
def task(make_run: Any) -> PolicyTask:
    return PolicyTask(make_run())


def prompts(task: PolicyTask, path: Path, written: str, phonemes: bool = False, **changes: Any) -> Prompts:
    path.write_text(written, encoding="utf-8")
    return Prompts(PromptData(texts=(path,), **{"held_out": 2, **changes}), task.synthesizer, phonemes)


def test_unreadable_texts_are_left_out_with_one_warning(
    task: PolicyTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "glmtts.rl.prompts"):
        found = prompts(task, tmp_path / "t.tsv", TEXTS + "en\t......\nzh\t……？！\n")
    assert len(found.trained) + len(found.held_out) == 6
    assert [record.getMessage() for record in caplog.records] == [
        "2 texts cannot be read and are left out; the first is '......'."
    ]
    assert all(found.prompt(line, "tone", 0).segment.phonemes for line in found.held_out)
    with pytest.raises(RlError, match="There are 0 readable texts"):
        prompts(task, tmp_path / "t.tsv", "en\t......\n", held_out=1)


def test_texts_without_phonemes_are_none_for_diffro(task: PolicyTask, tmp_path: Path) -> None:
    for phonemes, count in ((False, 7), (True, 6)):
        found = prompts(task, tmp_path / "t.tsv", TEXTS + "zh\t哟哟哟哟。\n", phonemes)
        assert len(found.trained) + len(found.held_out) == count


def counted(task: PolicyTask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are read from now on."""
    read, prepare = list[str](), task.synthesizer.frontend.prepare

    def noted(text: str, language: str | None = None) -> list[Piece]:
        read.append(text)
        return prepare(text, language)

    monkeypatch.setattr(task.synthesizer.frontend, "prepare", noted)
    return read


def test_texts_are_read_when_they_are_asked_for_and_once(
    task: PolicyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = counted(task, monkeypatch)
    found = prompts(task, tmp_path / "t.tsv", TEXTS + "en\tRoom 12, please.\n")
    # of a text with figures its characters do not tell whether it can be read
    assert read == ["Room 12, please."]
    line = next(line for line in found.trained if line.text != "Room 12, please.")
    for seed in (0, 1):
        assert found.prompt(line, "tone", seed).segment.seed == seed
    assert read == ["Room 12, please.", line.text]


MARKS, LETTERS = " ,.?!'。，！？、", "abcdefghijklmnopqrstuvwxyzABTVWEIX"


@cache
def front_end() -> TextFrontend:
    return Bundle.open().frontend()


@settings(max_examples=100, deadline=None)
@given(
    text=st.text(st.sampled_from(f"{LETTERS}{MARKS}天气很好了的行长哟")).map(str.strip),
    language=st.sampled_from(["en", "zh"]),
)
@example(text="WEBVTT part", language="en")
@example(text="I. B. A", language="zh")
def test_a_text_that_is_sure_to_be_read_has_phonemes(text: str, language: str) -> None:
    front = front_end()
    if sure_reader(front, phonemes=True)(text):
        first = front.prepare(text, language)[0]
        assert phonemes_of(front.with_mode("all").to_hybrid(first.closed))


def test_only_plain_texts_are_sure(task: PolicyTask) -> None:
    front = task.synthesizer.frontend
    sure, spelled = (sure_reader(front, phonemes) for phonemes in (False, True))
    assert all(map(sure, ("How are you?", "I'm well.", "你好，世界。")))
    assert not any(map(sure, ("", "...", "Room 12", "WEBVTT", "<b>No</b>", "😀", "{行|hang2}", "㐀㐁", "a" * 9999)))
    # a user's own word may stand for anything
    own = TextFrontend(front.config.model_copy(update={"replacements": {"well": "."}}), front.tokenizer)
    assert spelled("All is well.") and not sure_reader(own, phonemes=True)("All is well.")


@pytest.mark.parametrize(
    "values", [{"text": 123}, {"emotion": ["happy"]}, {"lang": ["en"]}, {"lang": "fr"}, {"text": " "}, {"text": None}]
)
def test_values_of_another_kind_are_named(values: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text(json.dumps({"text": "fine", "lang": "en", **values}))
    with pytest.raises(RlError, match=r'line 1, is not an object with strings "text" and "lang"'):
        read_lines(path)
    path.write_text(json.dumps({"text": "fine", "lang": "en", "emotion": "happy"}))
    assert read_lines(path) == [Line("fine", "en", "happy")]


def test_a_language_without_a_voice_is_named(task: PolicyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VoiceError, match="nobody"):
        prompts(task, tmp_path / "t.tsv", TEXTS, voices={"en": ("nobody",)})
    monkeypatch.setattr(Synthesizer, "voices", {})
    with pytest.raises(RlError, match=r"no voice that could speak zh.*data.voices"):
        prompts(task, tmp_path / "t.tsv", TEXTS, voices={"en": ("tone",)})
    with pytest.raises(ConfigError, match=r"voices.cn"):
        PromptData.parse({"texts": ["t.tsv"], "voices": {"cn": ["tone"]}})


def test_a_voice_given_as_a_file_is_read_once(task: PolicyTask, bundle: Path, tmp_path: Path) -> None:
    own = str(bundle / "voices" / "tone.safetensors")
    found = prompts(task, tmp_path / "t.tsv", TEXTS, voices={"en": (own,), "zh": (own,)})
    spoken = {id(found.prompt(line, own, n).segment.voice.mel) for n, line in enumerate(found.trained)}
    assert len(spoken) == 1


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"sampling": {"top_k": 0}}, "top_k"),
        ({"sampling": {"top_p": 0}}, "top_p"),
        ({"sampling": {"top_p": float("nan")}}, "top_p"),
        ({"sampling": {"repetition_window": 0}}, "repetition_window"),
        ({"sampling": {"max_ratio": float("inf")}}, "max_ratio"),
        ({"sampling": {"temperature": 0}}, "drawn at 0.001 or more"),
        ({"temperature": -0.5}, "drawn at 0.001 or more"),
        ({"temperature": {"start": 1.0, "end": 0.0}}, "drawn at 0.001 or more"),
    ],
)
def test_answers_are_drawn(values: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        RolloutSection.parse({"texts": ["t.tsv"], **values})
    RolloutSection.parse({"texts": ["t.tsv"], "sampling": {"temperature": 0}, "temperature": 0.8})


def test_a_bundle_that_does_not_draw_needs_a_temperature(make_run: Any) -> None:
    task = PolicyTask(make_run(data={"sampling": None}))
    defaults = task.synthesizer.defaults
    greedy = defaults.sampling.model_copy(update={"temperature": 0.0})
    task.synthesizer.defaults = defaults.model_copy(update={"sampling": greedy})
    with pytest.raises(ConfigError, match=r"data\.temperature"):
        task.sampling(0)


def test_a_small_alpha_is_not_rounded_away(task: PolicyTask) -> None:
    try:
        import peft  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"needs peft: {error}")
    model = with_adapters(task.build(), PolicySection(lora_rank=2, lora_alpha=0.4, lora_targets=("q_proj",)))
    scales = {module.scaling["default"] for module in model.modules() if hasattr(module, "scaling")}
    assert scales == {0.2}


@pytest.mark.parametrize("between", ["\u2028", "\u2029", "\x85", "\x0c"])
def test_a_line_ends_where_the_file_says_so(between: str, tmp_path: Path) -> None:
    """JSON may hold other ends of lines within a string, as they are."""
    path = tmp_path / "texts.jsonl"
    line = json.dumps({"text": f"one{between}two", "lang": "en"}, ensure_ascii=False)
    path.write_text(f"{line}\r\n{line}\n", encoding="utf-8", newline="")
    if between != "\x0c":  # which json escapes
        assert between in path.read_text(encoding="utf-8")
    assert read_lines(path) == [Line(f"one{between}two", "en")] * 2
    path.write_text("")
    assert read_lines(path) == []
    path.write_text("en\tfine\n\n")
    with pytest.raises(RlError, match=r"line 2, is not"):
        read_lines(path.rename(tmp_path / "texts.tsv"))


def test_a_text_with_another_emotion_is_not_trained_on_and_held_out(task: PolicyTask, tmp_path: Path) -> None:
    emotions = "".join(f"en\tText number {n}.\t{emotion}\n" for n in "abcdef" for emotion in ("happy", "sad", "calm"))
    found = prompts(task, tmp_path / "t.tsv", emotions)
    assert len(found.held_out) == 2
    unseen = {line.text for line in found.held_out}
    assert {line.text for line in found.trained} == {f"Text number {n}." for n in "abcdef"} - unseen
    assert len(found.trained) == 3 * (6 - len(unseen))
    with pytest.raises(RlError, match="There are 3 readable texts"):
        prompts(task, tmp_path / "t.tsv", emotions.split("en\tText number b")[0], held_out=1)


def test_the_texts_of_a_run_are_divided_as_before(task: PolicyTask, tmp_path: Path) -> None:
    """A run that goes on with a later version must hold out the texts that it held out."""
    found = prompts(task, tmp_path / "t.tsv", TEXTS)
    lines = [line.split("\t")[1] for line in TEXTS.splitlines()]
    order = np.random.default_rng(0).permutation(6)
    assert [line.text for line in [*found.trained, *found.held_out]] == [lines[number] for number in order]


def test_an_empty_emotion_is_none(tmp_path: Path) -> None:
    """A third column that is empty in most lines: the same text, once."""
    path = tmp_path / "texts.tsv"
    path.write_text("en\tAll is well.\t\nen\tAll is well.\nen\tAll is well.\t happy \n", encoding="utf-8")
    assert [line.emotion for line in read_lines(path)] == [None, None, "happy"]
