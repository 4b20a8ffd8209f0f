"""Sentences of two languages, decoded in runs of one."""

from dataclasses import replace
from pathlib import Path

import pytest

import glmtts
from glmtts.lm.candidates import CandidateSet
from glmtts.synthesis.cuts import MARK_SECONDS, PART_SEED, RUNS_SECONDS, Joints, language_runs
from glmtts.synthesis.segment import Segment, is_english
from glmtts.synthesis.synthesizer import Synthesizer
from glmtts.text.frontend import Piece, phonemes_of
from glmtts.text.labels import BOUNDARY, LABEL_IDS
from tests.synthesis.label_reader import reading_labels

MIXED = "他有点儿nervous，on Monday我们再谈吧。"
SILENCE = 0  # the label that is no phoneme, in the token of that number


@pytest.fixture(scope="module")
def loaded(tiny_folder: Path) -> Synthesizer:
    return glmtts.load(tiny_folder)


@pytest.fixture
def tts(loaded: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> Synthesizer:
    return reading_labels(loaded, monkeypatch)


def segment_of(tts: Synthesizer, text: str = MIXED, mode: str = "all", seed: int = 3) -> Segment:
    (segment,) = tts.segments([Piece(text)], None, seed, {"phoneme_in": mode})  # type: ignore[typeddict-item]
    return replace(segment, settings=segment.settings.model_copy(update={"language_runs": True}))


def said(run: Segment, before: int, after: int) -> list[int]:
    """Tokens that say a run, between silences of so many tokens."""
    return [SILENCE] * before + [LABEL_IDS[label] for label in run.phonemes] + [SILENCE] * after


def test_a_run_holds_the_words_of_one_language(tts: Synthesizer) -> None:
    segment = segment_of(tts)
    runs = language_runs(segment)
    assert [is_english(run.phonemes) for run in runs] == [False, True, False]
    assert [label for run in runs for label in (*run.phonemes, BOUNDARY)][:-1] == list(segment.phonemes)
    assert [phonemes_of(run.hybrid) for run in runs] == [list(run.phonemes) for run in runs]
    assert [run.seed for run in runs] == [3, 3 + PART_SEED, 3 + 2 * PART_SEED]


def test_a_run_ends_with_a_mark_of_its_language(tts: Synthesizer) -> None:
    hybrids = [run.hybrid for run in language_runs(segment_of(tts, "我说，hello，他有点儿nervous。"))]
    assert [hybrid[-1] for hybrid in hybrids] == ["，", ",", "，", "."]
    assert [hybrid[-2] for hybrid in hybrids] == [">"] * 4, "a mark of the text is not doubled"


def test_what_joins_two_words_is_no_mark(tts: Synthesizer) -> None:
    """A hyphen or a slash does not end a clause; a dash between blanks does, and a mark within a quotation."""
    for text in ("这是A-股票。", "这是A/股票。"):
        _, second, third = language_runs(segment_of(tts, text))
        assert second.hybrid.endswith("|>,") and second.piece.cut
        assert phonemes_of(third.hybrid) == list(third.phonemes)
    for text in ("今天 - Monday很好。", "他说：“Hello!”今天很好。"):
        runs = language_runs(segment_of(tts, text))
        marked = runs[0] if " - " in text else runs[1]
        assert not marked.piece.cut and not marked.hybrid.endswith(("，", ",")), text


def test_one_language_is_not_cut(tts: Synthesizer) -> None:
    for text in ("他在河边的老桥上慢慢地走着。", "And the quiet river runs along."):
        segment = segment_of(tts, text)
        assert language_runs(segment) == [segment]


def test_what_stays_text_is_not_cut(tts: Synthesizer) -> None:
    """Beside text without phonemes nobody could say which words a run holds."""
    segment = segment_of(tts, mode="off")
    assert phonemes_of(segment.hybrid) != list(segment.phonemes)
    assert language_runs(segment) == [segment]


def test_runs_join_with_a_breath_and_pause_at_a_mark(tts: Synthesizer) -> None:
    runs = language_runs(segment_of(tts, "我说，hello他很忙。"))
    rate = tts.bundle.clock.token_rate
    joined = Joints(tts.judge, rate).runs(runs, [said(run, 9, 9) for run in runs])
    breath, mark = round(RUNS_SECONDS * rate), round(MARK_SECONDS * rate)
    first, second, third = (said(run, 0, 0) for run in runs)
    between = [SILENCE] * (mark + breath), [SILENCE] * (breath + breath)
    assert joined == [SILENCE] * 9 + first + between[0] + second + between[1] + third + [SILENCE] * 9


def test_a_run_in_which_nothing_is_heard_stays(tts: Synthesizer) -> None:
    runs = language_runs(segment_of(tts))
    silent = [[SILENCE] * 4 for _ in runs]
    assert Joints(tts.judge, 25.0).runs(runs, silent) == [SILENCE] * 12


def test_generate_joins_runs_wherever_the_text_stands(tts: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    mixed, plain = segment_of(tts), segment_of(tts, "他在河边走着。", seed=9)
    runs = language_runs(mixed)
    spoken = {tuple(tts.generator._prompter.requests(run, [0], tts.bundle.lm)[0].prompt_ids): run for run in runs}

    def decode(model: object, layout: object, sets: list[CandidateSet]) -> list[int]:
        for candidates in sets:
            run = spoken.get(tuple(candidates.requests[0].prompt_ids), plain)
            for request in candidates.requests:
                request.tokens, request.finish_reason = said(run, 2, 2), "stop"
        return list(reversed(range(len(sets))))  # whichever is done first

    monkeypatch.setattr("glmtts.synthesis.generator.decode_sets", decode)
    whole = Joints(tts.judge, tts.bundle.clock.token_rate).runs(runs, [said(run, 2, 2) for run in runs])
    assert dict(tts.generator.generate([plain, mixed])) == {0: [said(plain, 2, 2)], 1: [whole]}
    off = replace(mixed, settings=mixed.settings.model_copy(update={"language_runs": False}))
    assert dict(tts.generator.generate([off])) == {0: [said(plain, 2, 2)]}, "a bundle that does not ask for runs"


def test_a_stream_brings_every_run(loaded: Synthesizer) -> None:
    """With the tiny models' own tokens: run by run, each as a stream of its own gives it."""
    segment = segment_of(loaded)
    first, *others = language_runs(segment)
    joints = Joints(loaded.judge, loaded.bundle.clock.token_rate)
    wanted = list(loaded.generator._stream(first, joints.after(first)))
    for number, run in enumerate(others, 1):
        most = joints.after(run) if number < len(others) else None
        wanted += joints.begun(list(loaded.generator._stream(run, most)))
    assert list(loaded.generator.stream(segment)) == wanted
    assert list(loaded.generator.stream(first)) != wanted
