"""Any Unicode string goes through text to ids or is refused; work grows with length, and ids can be explained."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glmtts.errors import TextError
from glmtts.text.explain import explain
from glmtts.text.frontend import TextConfig, TextFrontend
from glmtts.text.hybrid import TOKENS
from glmtts.text.normalise import normalise
from glmtts.text.phonemes import ENGLISH, MANDARIN, token
from tests.tiny import tiny_tokenizer

SYMBOLS = frozenset(map(token, [*MANDARIN, *ENGLISH]))
PARTS = st.sampled_from(
    ["行", "一", "2024", "-", "/", ":", ".", "%", "$", "{", "|", "}", "<", ">", "break", "phoneme ", 'ph="', "<|", "|>",
     "read ", "A", "\U000f0000", "￥", "℃", "\ud800", "\n", "*", "#", "@", "a.com", "e", "é", "ㄅ", "😀", "٣", "²"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(PARTS, max_size=25).map("".join))


@pytest.fixture(scope="module", params=["all", "ambiguous"])
def frontend(request: pytest.FixtureRequest) -> TextFrontend:
    return TextFrontend(TextConfig(phoneme_in=request.param), tiny_tokenizer())


@given(text=TEXTS, language=st.sampled_from([None, "zh", "en"]))
@settings(max_examples=150, deadline=None)
def test_any_string_becomes_ids_that_can_be_explained(frontend: TextFrontend, text: str, language: str | None) -> None:
    try:
        pieces = frontend.prepare(text, language)
    except TextError as error:
        assert str(error).endswith(".")
        return
    for piece in (piece.text for piece in pieces):
        hybrid = frontend.tokenizer.decode(frontend.ids(piece))
        assert hybrid == frontend.to_hybrid(piece) == "".join(span.hybrid for span in frontend.spans(piece))
        assert "".join(span.text for span in frontend.spans(piece)) == piece
        assert all(span.why for span in frontend.spans(piece))
        named = {f"<|{name}" for run in TOKENS.findall(hybrid) for name in run.split("<|")[1:]}
        assert named <= SYMBOLS


@given(text=TEXTS)
@settings(max_examples=100, deadline=None)
def test_every_character_of_any_line_is_explained(frontend: TextFrontend, text: str) -> None:
    try:
        entries = explain(frontend, text)
    except TextError:
        return
    assert "".join(entry["char"] for entry in entries) == text


def count_calls(work: Callable[[], Any]) -> int:
    """Calls of Python functions, C functions included, that `work` makes."""
    calls = 0

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(
    "unit", ["今天3点去银行，", "I read 2 books. ", "{行|hang2}", "[", "<break/>好", "1:", "a@", "((", "**"]
)
def test_work_grows_no_faster_than_the_text(unit: str) -> None:
    config = TextConfig(phoneme_in="all", polyphones_in_context=False, max_characters=10**6)
    frontend = TextFrontend(config, tiny_tokenizer())

    def speak(times: int) -> None:
        try:
            for piece in frontend.prepare(unit * times):
                frontend.to_hybrid(piece.text)
        except TextError:
            normalise(unit * times)

    speak(10)
    short, long = count_calls(lambda: speak(50)), count_calls(lambda: speak(200))
    assert long <= 4.4 * short + 1000
