"""Phonemes find their place among the ids of hybrid text."""

from glmtts.text.frontend import TextConfig, TextFrontend
from glmtts.text.placement import place_phonemes
from glmtts.text.tokenizer import TextTokenizer, mini_tokenizer
from tests.tiny import tiny_tokenizer

LINE = "我喜欢 tea."


def frontend(tokenizer: TextTokenizer) -> TextFrontend:
    return TextFrontend(TextConfig(phoneme_in="all"), tokenizer)


def test_phonemes_lie_at_their_own_ids() -> None:
    front = frontend(tiny_tokenizer())
    ids, places = place_phonemes(front.tokenizer, front.spans(LINE))
    assert ids == front.ids(LINE)
    symbols = [front.tokenizer.decode([ids[place]]) for place in places]
    assert symbols == [f"<|{name}|>" for name in ("UO3", "X", "I3", "H", "UAN1", "EN_T", "EN_IY1")]


def test_phonemes_of_what_stays_text_lie_along_the_written_form() -> None:
    ranks = {bytes([byte]): byte for byte in range(256)}
    for pair in ("喜".encode()[:2], "喜".encode(), "欢".encode()[:2], "欢".encode(), "喜欢".encode()):
        ranks[pair] = len(ranks)
    front = frontend(mini_tokenizer(ranks, 4))
    spans = front.spans(LINE)
    ids, places = place_phonemes(front.tokenizer, spans, as_text=range(len(spans)))
    assert ids == front.encode(LINE)
    told = [front.tokenizer.decode([ids[place]]) for place in places]
    assert told[-6:-2] == ["喜欢"] * 4
    assert told[-2:] == ["t", "e"]
    assert places == sorted(places)
