"""Spans add up to the sample, whatever is cut, joined, kept and dropped."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glmtts.data.pipeline import Clip, Dropped, Result, Span, check, create_stage, drop, join, keep, split
from glmtts.errors import ConfigError, DataError

RATE = 16000
spans_of_a_clip = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 30)), min_size=1, max_size=5)


def made(parts: list[tuple[int, int]]) -> Clip:
    """A clip of spans (gap before, length); each sample's value is its place in the source."""
    spans, at = [], 0
    for gap, length in parts:
        spans.append(Span("s", at + gap, at + gap + length))
        at += gap + length
    wave = np.concatenate([np.arange(one.start, one.end) for one in spans]).astype(np.float32)
    return Clip(wave, RATE, tuple(spans))


@settings(max_examples=60, deadline=None)
@given(spans_of_a_clip, st.data())
def test_cuts_know_where_they_come_from(parts: list[tuple[int, int]], data: st.DataObject) -> None:
    clip = made(parts)
    start = data.draw(st.integers(0, clip.samples - 1))
    end = data.draw(st.integers(start + 1, clip.samples))
    cut = clip.cut(start, end)
    assert [cut.to_source(n) for n in range(cut.samples)] == cut.wave.astype(int).tolist()
    sides = [clip.cut(low, high) for low, high in ((0, start), (start, end), (end, clip.samples)) if low < high]
    assert join(sides).wave.tolist() == clip.wave.tolist()
    check("cut", [clip], [split(clip, [(start, end)], "outside")])


def test_a_clip_is_as_long_as_its_spans() -> None:
    with pytest.raises(DataError, match="as many samples"):
        made([(0, 10)]).with_wave(np.zeros(9))
    with pytest.raises(DataError, match="one source"):
        Clip(np.zeros(2, np.float32), RATE, (Span("a", 0, 1), Span("b", 0, 1)))


def test_what_does_not_add_up_is_refused() -> None:
    clip = made([(3, 10), (5, 10)])
    check("all", [clip, clip], [keep(clip), drop(clip, "no")])
    lost = Result(kept=(clip.cut(0, 9),), dropped=(Dropped(Span("s", 18, 28), "no"),))
    with pytest.raises(DataError, match=r"'bad'.*1 samples are missing"):
        check("bad", [clip], [lost])
    twice = Result(kept=(clip.cut(0, 10), clip.cut(0, 10)))
    with pytest.raises(DataError, match="not the same"):
        check("bad", [clip], [twice])
    with pytest.raises(DataError, match="one a clip"):
        check("bad", [clip], [])


def test_stages_are_found_by_name() -> None:
    stage = create_stage("length", {"min_seconds": 0.001})
    results = stage.process([made([(0, 10)]), made([(0, 20)])])
    assert [len(one.kept) for one in results] == [0, 1]
    with pytest.raises(ConfigError, match="min_second"):
        create_stage("length", {"min_second": 1})
    with pytest.raises(ConfigError, match=r"Known are: .*length"):
        create_stage("lenght")


@pytest.mark.parametrize("name", ["os:path", "os:getcwd", "pathlib:Path", "glmtts.errors:DataError", "math:pi"])
def test_what_is_no_stage_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"'{name}' is no stage"):
        create_stage(name)


def test_a_module_that_throws_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for module, text, said in (("torn_stage", "class S(", "SyntaxError"), ("sad_stage", "1 / 0", "ZeroDivisionError")):
        (tmp_path / f"{module}.py").write_text(text)
        with pytest.raises(ConfigError, match=f"'{module}:S' cannot be loaded: {said}"):
            create_stage(f"{module}:S")


def test_a_label_is_text_or_missing() -> None:
    clip = made([(0, 4)]).with_labels(text=None, language="zh", take=0)
    assert [clip.label(name, "?") for name in ("text", "language", "take", "none")] == ["?", "zh", "0", "?"]
    assert clip.label("text") == ""
