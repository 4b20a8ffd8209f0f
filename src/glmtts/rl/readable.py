"""Texts that the front end is sure to read, told by their characters: 1.4 µs each, where to read one takes 1 to 4 ms.

A run may have tens of thousands of texts and draw a few hundred. Which of them can be read decides how all are divided
and numbered, so it must be known of every one before the first is drawn; only the others need to be read for that.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from glmtts.text.frontend import TextFrontend
from glmtts.text.phonemes import ENGLISH, split_syllable, token
from glmtts.text.vocabulary import polyphones, safe_characters

# begins with a word that is not all capitals, as WEBVTT is, after which the lines of subtitles are left out
PLAIN_ENGLISH = re.compile(r"(?:[A-Z]?[a-z]+|I|A)(?:[ ,.!?']+[A-Za-z]+)*[ .!?]*")


@lru_cache(maxsize=1)
def _plain_mandarin() -> re.Pattern[str]:
    # one reading of 哟 has no phonemes of ours
    spoken = {one for one, readings in polyphones().items() if all(map(split_syllable, readings))}
    known = "".join(sorted(safe_characters() | spoken))
    return re.compile(rf"[{known}][{known}，。！？、]*")


def sure_reader(frontend: TextFrontend, phonemes: bool) -> Callable[[str], bool]:
    """A function that tells whether `frontend` is sure to read a text; where it says no, the text may still be read.

    With `phonemes`, whether its first piece has phonemes too, once all that can be is written as such.
    """
    config = frontend.config
    # what a dictionary of the user's, or a form of writing, puts in the place of words may be no phonemes
    own_words = bool(config.replacements) or frontend.pronunciations is not None or config.release_form
    in_vocabulary = all(token(symbol) in frontend.tokenizer.special for symbol in ENGLISH)

    def sure(text: str) -> bool:
        if len(text) > config.max_characters or (phonemes and own_words):
            return False
        english = in_vocabulary or not phonemes
        return bool(_plain_mandarin().fullmatch(text) or (english and PLAIN_ENGLISH.fullmatch(text)))

    return sure
