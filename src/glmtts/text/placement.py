"""Where the phonemes of a reading stand among the ids of its hybrid text: where training points attention."""

from bisect import bisect_right
from collections.abc import Container, Sequence
from itertools import accumulate

from glmtts.text.hybrid import Span
from glmtts.text.phonemes import SYMBOL
from glmtts.text.tokenizer import TextTokenizer


def place_phonemes(
    tokenizer: TextTokenizer, spans: Sequence[Span], as_text: Container[int] = ()
) -> tuple[list[int], list[int]]:
    """Ids of the hybrid text of `spans`, and for each of their phonemes the place of the id that stands for it.

    The spans whose number is in `as_text` stay text: their phonemes are spread evenly over the written form, so that
    those of a character lie at its id and those of a word along its pieces.
    """
    written = [span.text if number in as_text else span.hybrid for number, span in enumerate(spans)]
    ids = tokenizer.encode("".join(written))
    # in bytes, since a token of a byte-level BPE may end within a character
    starts = [0, *accumulate(tokenizer.byte_length(token) for token in ids)]
    places: list[int] = []
    position = 0
    for span, text in zip(spans, written, strict=True):
        length = len(text.encode())
        symbols = list(SYMBOL.finditer(span.hybrid))
        if text == span.hybrid:
            offsets = [match.start() for match in symbols]
        else:
            offsets = [number * length // len(symbols) for number in range(len(symbols))]
        places += [bisect_right(starts, position + offset) - 1 for offset in offsets]
        position += length
    return ids, places
