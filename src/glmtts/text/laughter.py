"""Laugh words of a text, and whether a transcript holds them (report section 3.3).

A text asks for laughter where one laugh syllable is repeated, as in "ha ha", "hey hey", "hehe" and 哈哈; "hey, he
left", 嘻哈 and 笑嘻嘻 are words. The reward (rl/rewards/laughter.py) and the evaluation (eval/protocols/laughter.py)
both go by this.
"""

import re
from collections.abc import Sequence

from glmtts.text.edits import aligned

CHINESE_LAUGH = re.compile(r"[哈嘿呵嘻]")
CHINESE_WORDS = re.compile(r"哈哈镜|(?<!好)笑(?:嘻嘻|呵呵|哈哈)|乐呵呵")  # that hold a repeated syllable and are read
ENGLISH_LAUGH = re.compile(r"(?:ha|hah|he|heh|hee|hey|ho)+")
RUN = 2  # times that a laugh syllable stands in a row


def laugh_units(text: str) -> list[tuple[str, str]]:
    """Characters of Mandarin and words of others, each with the laugh syllable that it is, "" for none.

    "haha" counts as two. "he" alone is a word, and within "hehe" a syllable.
    """
    plain = CHINESE_WORDS.sub(lambda found: "".join(f"\0{one}" for one in found[0]), text.lower())
    units: list[tuple[str, str]] = []
    for item in re.findall(r"\0?[㐀-鿿]|[a-z']+", plain):
        if CHINESE_LAUGH.fullmatch(item):
            units.append((item, item))
        elif ENGLISH_LAUGH.fullmatch(item):
            parts = re.findall(r"h[aeo]+[hy]?(?=h|$)", item)
            units += [(part, "" if item == "he" else part.rstrip("h")) for part in parts]
        else:
            units.append((item.strip("\0"), ""))
    return units


def laugh_places(units: Sequence[tuple[str, str]]) -> list[int]:
    """Places of laugh syllables that are repeated: two or more of one kind in a row."""
    places: list[int] = []
    run: list[int] = []
    for place, (_, syllable) in enumerate([*units, ("", "")]):
        if run and syllable == units[run[-1]][1]:
            run.append(place)
            continue
        places += run if len(run) >= RUN else []
        run = [place] if syllable else []
    return places


def asks_for_laughter(text: str) -> bool:
    """Whether a text has two or more laugh words in a row."""
    return bool(laugh_places(laugh_units(text)))


def laughter_reward(text: str, found: bool, heard: str) -> float:
    """The report's reward (section 3.3): 1 where `text` asks for laughter, it was found, and the ASR wrote none.

    `found` says whether a detector finds laughter in the audio, `heard` is the ASR's transcript. Of a text that asks
    for none it is 0 whatever is heard, so that it has no variance among answers and takes no part.
    """
    return float(found and asks_for_laughter(text) and not laughter_written(text, heard))


def laughter_written(text: str, heard: str) -> bool:
    """Whether a transcript has anything in the place of the laugh words of `text`: real laughter is not transcribed."""
    wanted = laugh_units(text)
    pairs = aligned([unit for unit, _ in wanted], [unit for unit, _ in laugh_units(heard)])
    written = {pair.wanted for pair in pairs if pair.wanted is not None and pair.heard is not None}
    return bool(written & set(laugh_places(wanted)))
