"""Hybrid text as a test writes it."""

from glmtts.text.phonemes import split_syllable, token


def tokens(pinyin: str) -> str:
    """The hybrid text of syllables with tone digits, blanks between them."""
    return "".join(token(symbol) for syllable in pinyin.split() for symbol in split_syllable(syllable))
