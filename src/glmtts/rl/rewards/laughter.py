"""The reward for laughter (report section 3.3, Table 6).

If the text has two or more laugh words in a row and the detector finds laughter in the audio, then the reward is 1
where the ASR hears a deletion there, and 0 where it writes the words: real laughter is not transcribed. A row is one
syllable that is repeated, as in "ha ha", "hey hey" and "hehe": "hey, he left" and 嘻哈 are words.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from glmtts.asr import SpeechRecogniser, load
from glmtts.eval import scorers
from glmtts.rl.rewards.base import Completion, Context, Reward
from glmtts.rl.rewards.pronunciation import transcribed
from glmtts.rl.rewards.scorer import clip_of
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


def laughter_reward(text: str, laughter_found: bool, heard: str) -> float:
    """1 where `text` asks for laughter, laughter was found, and the ASR wrote nothing for the laugh words; else 0.

    All answers of a text that asks for none get 0, so that the reward has no variance there and takes no part.
    """
    wanted = laugh_units(text)
    places = laugh_places(wanted)
    if not places or not laughter_found:
        return 0.0
    pairs = aligned([unit for unit, _ in wanted], [unit for unit, _ in laugh_units(heard)])
    written = {pair.wanted for pair in pairs if pair.wanted is not None and pair.heard is not None}
    return float(not written & set(places))


class Laughter(Reward):
    """`laughter_reward` with a laughter detector of `glmtts.eval.scorers` and a recogniser of `glmtts.asr`.

    Laughter is found where the detector's first column reaches `threshold`.
    """

    needs_audio = True

    def __init__(
        self,
        context: Context,
        heard_by: str = "whisper-base",
        detector: str = "laughter",
        threshold: float = 0.5,
        detector_options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(context)
        self.heard_by, self.threshold = heard_by, threshold
        self.detector = scorers.load(detector, **(detector_options or {}))

    @cached_property
    def _recogniser(self) -> SpeechRecogniser:
        return load(self.heard_by)

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        """See the class; None where the detector gave nothing."""
        asking = [number for number, one in enumerate(completions) if laugh_places(laugh_units(one.text))]
        found: list[float | None] = [0.0] * len(completions)
        if not asking:
            return found
        asked = [completions[number] for number in asking]
        rows = self.detector.score([clip_of(one) for one in asked])
        heard = transcribed(self._recogniser, asked)
        for number, one, row, transcript in zip(asking, asked, rows, heard, strict=True):
            probability = row[self.detector.columns[0]]
            if probability is None:
                found[number] = None
            else:
                found[number] = laughter_reward(one.text, probability >= self.threshold, transcript.text)
        return found
