"""Phoneme error rate with and without Phoneme-in (Table 7 of the report).

The report's set is not public; `data/per.tsv` is: 320 sentences full of polyphones and rare characters, with the pinyin
of each (docs/phonemes.md). A recogniser hears words rather than sounds, so that a wrong reading of a character may be
written as the character: that hides errors where there are no phonemes.
"""

from importlib.resources import files

from glmtts.eval.columns import ErrorColumn, of_language
from glmtts.eval.error_rates import Errors, errors_of
from glmtts.eval.items import EvalList, Item
from glmtts.eval.protocols.base import Protocol, Settings
from glmtts.eval.units import CER, syllables, symbols_of
from glmtts.eval.utterance import Utterance


def _made(settings: Settings) -> list[EvalList]:
    rows = [line.split("\t") for line in (files("glmtts.eval") / "data/per.tsv").read_text("utf-8").splitlines()]
    items = [
        Item(f"per_{number:03d}", text, "zh", number, labels={"pinyin": pinyin})
        for number, (text, pinyin) in enumerate(rows)
    ]
    return [EvalList("per", tuple(items))]


def _phonemes(one: Utterance) -> Errors:
    heard, wanted = syllables(one.hypothesis or ""), one.item.labels["pinyin"].split()
    return errors_of(" ".join(symbols_of(heard)), " ".join(symbols_of(wanted)))


def _syllables(one: Utterance) -> Errors:
    return errors_of(" ".join(syllables(one.hypothesis or "")), one.item.labels["pinyin"])


PROTOCOL = Protocol(
    name="per",
    title="Phoneme error rate (Phoneme-in)",
    source="Table 7 of the report, on the public sentences of data/per.tsv; initials and finals with tone.",
    columns=(
        ErrorColumn("per", "PER", _phonemes, of_language("zh")),
        ErrorColumn("per_syllables", "toned syllables", _syllables, of_language("zh")),
        CER,
    ),
    recognisers={"zh": "paraformer-zh"},
    made=_made,
    labels=("pinyin",),
    only_heard=True,
    systems=("off=mini?phoneme_in=off", "ambiguous=mini?phoneme_in=ambiguous", "all=mini?phoneme_in=all"),
)
