"""Laughter (section 3.3 of the report, the reward behind Table 6): is it there, and is it laughter rather than words?

Where a text has two or more laughter words in a row, the report rewards a detected laugh that the recogniser leaves out
(1), and gives nothing for one that it writes down as words, nor where no laugh is found.
"""

from glmtts.eval.columns import ValueColumn
from glmtts.eval.items import EvalList
from glmtts.eval.lists import shipped_list
from glmtts.eval.protocols.base import Protocol, Settings
from glmtts.eval.units import PUBLISHED
from glmtts.eval.utterance import Utterance
from glmtts.text.laughter import asks_for_laughter, laughter_reward


def found(one: Utterance) -> float | None:
    """Whether the detector finds a laugh in an utterance that should have one."""
    seconds = one.scores.get("laughter_seconds")
    return None if seconds is None or not asks_for_laughter(one.item.text) else float(seconds > 0)


def reward(one: Utterance) -> float | None:
    """The report's reward: a laugh is found, and the recogniser does not write it as words."""
    laughed = found(one)
    if laughed is None or one.hypothesis is None:
        return None
    return laughter_reward(one.item.text, bool(laughed), one.hypothesis)


def _made(settings: Settings) -> list[EvalList]:
    return [shipped_list("laughter")]


PROTOCOL = Protocol(
    name="laughter",
    title="Laughter",
    source="Section 3.3 of the report; the list is this package's own, ten lines a language.",
    columns=(
        ValueColumn("laughter_found", "laugh found", found, "higher"),
        ValueColumn("laughter_reward", "reward", reward, "higher"),
        *PUBLISHED,
    ),
    recognisers={"en": "whisper-large-v3", "zh": "paraformer-zh"},
    scorers=("laughter", "emo2vec", "speaker_wavlm"),
    made=_made,
)
