"""espeak-ng under test: what it is given to say."""

import shutil

import pytest

from glmtts.errors import EvaluationError
from glmtts.eval.items import Item
from glmtts.eval.systems.espeak import EspeakSystem, in_pinyin


def test_mandarin_is_given_as_pinyin_and_the_rest_stays() -> None:
    assert in_pinyin("绿色，去 meeting。") == "lv4 se4 ， qu4  meeting。"


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng: apt install espeak-ng")
def test_characters_are_not_spelt_as_chinese_letters() -> None:
    """Four syllables take a second; "Chinese letter" four times takes three and more."""
    item = Item("a", "今天很好", "zh")
    (spoken,) = EspeakSystem(None, {}).speak([item])
    assert spoken.samples is not None
    assert 0.5 < len(spoken.samples) / spoken.rate < 2


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng: apt install espeak-ng")
def test_a_voice_that_there_is_not_is_told_before_the_first_line() -> None:
    with pytest.raises(EvaluationError, match="does not take the voice 'absent'"):
        EspeakSystem("absent", {})
