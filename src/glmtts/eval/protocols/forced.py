"""Whether forced readings are heard: `data/forced.tsv`, readings that are wrong on purpose, by more than their tone.

A reading counts as written where its syllable, or its English word, stands at its place among those that a recogniser
writes freely; as chosen where Whisper, held to the readings that the character has and the forced one, hears that one
(closed_choice.py). The lists `usual-…` speak the same lines without the control: there the usual reading should be
heard, which tells how far the judge can be trusted.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from glmtts import asr
from glmtts.audio.io import load_audio
from glmtts.eval.closed_choice import Readings, heard_reading, whisper, written_as
from glmtts.eval.columns import ValueColumn
from glmtts.eval.items import EvalList, Item
from glmtts.eval.protocols.base import Protocol, Settings
from glmtts.eval.stages import Stage
from glmtts.eval.units import syllables, words
from glmtts.eval.utterance import Utterance
from glmtts.eval.work import Done, Work
from glmtts.text.edits import edit_distance
from glmtts.text.mandarin import read_pinyin
from glmtts.text.markup import CONTROL
from glmtts.text.vocabulary import polyphones

UNHEARD = "*"
Row = list[str]  # kind, text with a control, unit to be heard


def rows() -> list[Row]:
    """The forced readings: kind, text with one control, the syllable or English word that should be heard."""
    text = (files("glmtts.eval") / "data/forced.tsv").read_text("utf-8")
    return [line.split("\t") for line in text.splitlines()]


def _made(settings: Settings) -> list[EvalList]:
    lists: dict[str, list[Item]] = {}
    for number, (kind, text, wanted) in enumerate(rows()):
        language = "en" if kind == "english" else "zh"
        usual = usual_reading([kind, text, wanted])
        plain = CONTROL.sub(r"\g<word>", text)
        for name, spoken, unit in (("forced", text, wanted), ("usual", plain, usual)):
            labels = {"marked": text, "kind": kind, "forced": wanted, "unit": unit}
            item = Item(f"{name}_{number:03d}", spoken, language, number, labels=labels)
            lists.setdefault(f"{name}-{kind}", []).append(item)
    return [EvalList(name, tuple(items)) for name, items in lists.items()]


def usual_reading(row: Row) -> str:
    """What the word of the control would be read as without it."""
    control = _control(row[1])
    plain = CONTROL.sub(r"\g<word>", row[1])
    return control["word"].lower() if row[0] == "english" else read_pinyin(plain)[control.start()] or ""


def readings_of(row: Row) -> Readings | None:
    """The readings that the place of the control may have, with texts; None where the forced or the usual has none."""
    control, usual = _control(row[1]), usual_reading(row)
    readings = {}
    for reading in dict.fromkeys((row[2], usual, *polyphones().get(control["word"], ()))):
        if written := written_as(reading):
            readings[reading] = [row[1][: control.start()] + unit + row[1][control.end() :] for unit in written]
    return readings if row[2] in readings and usual in readings else None


def _control(text: str) -> re.Match[str]:
    match = CONTROL.search(text)
    assert match is not None
    return match


def stands_at(place: int, unit: str, expected: Sequence[str], heard: Sequence[str]) -> bool:
    """Whether `unit` is found in `heard` where the place of `expected` aligns: it saves an edit over a unit unheard."""
    open_, filled = ([*expected[:place], fill, *expected[place + 1 :]] for fill in (UNHEARD, unit))
    return edit_distance(heard, filled) < edit_distance(heard, open_)


def _written(one: Utterance, same: Callable[[str], str]) -> float:
    labels, text = one.item.labels, one.item.labels["marked"]
    plain, start = CONTROL.sub(r"\g<word>", text), _control(text).start()
    if labels["kind"] == "english":
        spoken, heard, place = words(plain), words(one.hypothesis or ""), len(words(plain[:start]))
    else:
        readings, heard = read_pinyin(plain), syllables(one.hypothesis or "")
        spoken, place = [reading for reading in readings if reading], sum(map(bool, readings[:start]))
    units = [same(unit) for unit in spoken], [same(unit) for unit in heard]
    return float(stands_at(place, same(labels["unit"]), *units))


def _toneless(syllable: str) -> str:
    return syllable.rstrip("12345")


@dataclass(frozen=True)
class Choice:
    """Have a Whisper of faster-whisper choose among the readings of each line."""

    model: str
    name: str = "choice"

    def about(self) -> dict[str, Any]:
        """The model."""
        return {"chosen_by": Path(self.model).name}

    def work(self, utterances: Sequence[Utterance]) -> Work:
        """Choose, for the lines that have readings to choose from."""
        asked = []
        for one in utterances:
            labels = one.item.labels
            readings = readings_of([labels["kind"], labels["marked"], labels["forced"]])
            if one.audio is not None and readings is not None:
                wave = load_audio(one.audio, asr.SAMPLE_RATE).numpy()
                asked.append((one.item.id, one.item.language, wave, readings))
        return partial(_choose, self.model, asked)

    def take(self, utterance: Utterance, record: dict[str, Any]) -> None:
        """Whether the wanted reading was chosen."""
        utterance.scores["chosen"] = float(record["reading"] == utterance.item.labels["unit"])


def _choose(model: str, asked: Sequence[tuple[str, str, Any, Readings]]) -> Done:
    judge = whisper(model)
    return Done([{"id": name, "reading": heard_reading(judge, wave, lang, its)} for name, lang, wave, its in asked])


def _stages(settings: Settings) -> list[Stage]:
    name = settings.recognisers.get("zh", "whisper-base")
    family, colon, model = name.partition(":")
    return [Choice(model if colon and family == "whisper" else name.removeprefix("whisper-"))]


PROTOCOL = Protocol(
    name="forced",
    title="Forced readings",
    source="Controls inside a text (docs/phonemes.md); shares of the lines, of those that offer a choice.",
    columns=(
        ValueColumn("chosen", "chosen", lambda one: one.scores.get("chosen"), "higher"),
        ValueColumn("with_tone", "written with its tone", lambda one: _written(one, str), "higher"),
        ValueColumn("without_tone", "written without tone", lambda one: _written(one, _toneless), "higher"),
    ),
    recognisers={"en": "whisper-base", "zh": "whisper-base"},
    made=_made,
    stages=_stages,
)
