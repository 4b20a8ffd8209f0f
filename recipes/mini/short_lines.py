"""Lines of one to a few words: without them a language model that learnt from prose speaks on after "Hello."."""

import random
import re
from collections.abc import Iterable

CLAUSE = re.compile(r"([^,.;:!?，。；：！？、…]+)([,.;:!?，。；：！？、…]*)")
QUESTION = "?？"


def clauses_of(texts: Iterable[str], longest: int, stop: str) -> list[str]:
    """Clauses of at most `longest` words (characters, where nothing is spaced), each ended by `stop` or as asked."""
    found = []
    for text in texts:
        for words, marks in CLAUSE.findall(text):
            words = words.strip()
            size = len(words.split()) if " " in text else len(words)
            if words and size <= longest:
                found.append(words[0].upper() + words[1:] + next((mark for mark in marks if mark in QUESTION), stop))
    return list(dict.fromkeys(found))


def short_lines(clauses: Iterable[str], words: Iterable[str], held_out: str, seed: int) -> list[str]:
    """The clauses that the held-out texts do not hold, and as many of the words, shuffled."""
    rng = random.Random(seed)
    kept = [text for text in clauses if text[:-1].lower() not in held_out.lower()]
    single = sorted(set(words) - set(kept))
    rng.shuffle(single)
    lines = kept + single[: len(kept)]
    rng.shuffle(lines)
    return lines
