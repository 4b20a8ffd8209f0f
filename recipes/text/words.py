"""Writes `src/glmtts/text/data/words.xz`: the words by which Mandarin is segmented, with frequency and part of speech.

    pip install jieba
    python recipes/text/words.py

From the dictionary of jieba (MIT): single characters, and words of two to four characters that are frequent, hold a
polyphone and are fairly frequent, or stand in pypinyin's phrases. A line is a word, its log-frequency as one
character (`LOG_STEP` a step, from `0` on), and the first letter of its part of speech, N for names of people.
"""

import lzma
import math
from pathlib import Path

from pypinyin.constants import PHRASES_DICT

from glmtts.programs import parser_of, run_program, write_whole
from glmtts.text.mandarin import CHINESE
from glmtts.text.vocabulary import polyphones
from glmtts.text.words import LOG_STEP, LONGEST, WORDS

OUT = Path(__file__).parents[2] / "src/glmtts/text/data" / WORDS
FREQUENT, WITH_POLYPHONE, CHARACTER = 50, 20, 3


def is_kept(word: str, count: int) -> bool:
    """Whether a word is worth its place: what holds a polyphone decides readings, the rest only guards the borders."""
    if not all(map(CHINESE.match, word)) or len(word) > LONGEST:
        return False
    # jieba takes an adverb with its particle for a word: 轻轻地.
    if len(word) == 3 and word[0] == word[1] and word[2] == "地":
        return False
    if len(word) == 1:
        return count >= CHARACTER
    known = word in PHRASES_DICT or any(character in polyphones() for character in word)
    return count >= (WITH_POLYPHONE if known else FREQUENT)


def _step(count: int) -> str:
    """The logarithm of a count as one character."""
    return chr(ord("0") + round(math.log(count) / LOG_STEP))


def _letter(kind: str) -> str:
    """The first letter of a part of speech, N for names of people."""
    return "N" if kind.startswith("nr") else kind[0]


def main() -> None:
    parser_of(__doc__).parse_args()
    import jieba  # --help needs it not

    entries = (line.split(" ") for line in (Path(jieba.__file__).parent / "dict.txt").read_text("utf-8").splitlines())
    kept = [(word, int(count), kind) for word, count, kind in entries if is_kept(word, int(count))]
    lines = sorted(
        f"{word}{chr(ord('0') + round(math.log(count) / LOG_STEP))}{_letter(kind)}" for word, count, kind in kept
    )
    packed = lzma.compress("\n".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME)
    write_whole(OUT, lambda path: path.write_bytes(packed))
    print(f"{len(lines)} words, {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    run_program(main)
