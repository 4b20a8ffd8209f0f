"""Whether forced readings are heard: `data/forced.tsv`, readings that are wrong on purpose, by more than their tone.

A reading counts as written where its syllable, or its English word, stands at its place among those that a recogniser
writes freely; as chosen where Whisper, held to the readings that the character has and the forced one, hears that one
(closed_choice.py). The lists `usual-…` speak the same lines without the control: there the usual reading should be
heard, which tells how far the judge can be trusted.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Any, cast

from glmtts import asr
from glmtts.asr.whisper import FasterWhisper
from glmtts.errors import EvaluationError
from glmtts.eval.closed_choice import Readings, chooses, heard_reading, written_as
from glmtts.eval.columns import ValueColumn
from glmtts.eval.items import EvalList, Item
from glmtts.eval.protocols.base import Protocol, Settings
from glmtts.eval.stages import Stage, about_recognisers, failing, recogniser_of, told
from glmtts.eval.units import syllables, words
from glmtts.eval.utterance import Utterance
from glmtts.eval.work import Done, Work
from glmtts.text.edits import edit_distance
from glmtts.text.mandarin import read_pinyin
from glmtts.text.markup import CONTROL
from glmtts.text.vocabulary import polyphones

UNHEARD = "*"  # no unit of a transcript: wherever it is aligned, it costs an edit
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
    if match is None:
        raise EvaluationError(f"A forced reading has no control: '{text}'. Write one in its label 'marked'.")
    return match


def stands_at(place: int, unit: str, expected: Sequence[str], heard: Sequence[str]) -> bool:
    """Whether `unit` is found in `heard` where the place of `expected` aligns: it saves an edit over a unit unheard."""
    open_, filled = ([*expected[:place], fill, *expected[place + 1 :]] for fill in (UNHEARD, unit))
    return edit_distance(heard, filled) < edit_distance(heard, open_)


def _written(one: Utterance, same: Callable[[str], str]) -> float | None:
    if one.hypothesis is None:
        return None
    labels, text = one.item.labels, one.item.labels["marked"]
    plain, start = CONTROL.sub(r"\g<word>", text), _control(text).start()
    if labels["kind"] == "english":
        spoken, heard, place = words(plain), words(one.hypothesis), len(words(plain[:start]))
    else:
        readings, heard = read_pinyin(plain), syllables(one.hypothesis)
        spoken, place = [reading for reading in readings if reading], sum(map(bool, readings[:start]))
    units = [same(unit) for unit in spoken], [same(unit) for unit in heard]
    return float(stands_at(place, same(labels["unit"]), *units))


def _toneless(syllable: str) -> str:
    return syllable.rstrip("12345")


@dataclass(frozen=True)
class Choice:
    """Have the recogniser of each language, a Whisper of faster-whisper, choose among the readings of each line."""

    names: Mapping[str, str]
    device: str = "cpu"
    name: str = "choice"

    def about(self) -> dict[str, Any]:
        """The recognisers."""
        return about_recognisers(self.names, self.device)

    def load(self, languages: Collection[str]) -> None:
        """Load those of these languages.

        Raises:
            AsrError: one cannot be loaded.
        """
        for language in sorted(self.names.keys() & set(languages)):
            _judge(self.names[language], self.device)

    def work(self, utterances: Sequence[Utterance]) -> Work:
        """Choose, for the lines that have readings to choose from."""
        asked = []
        for one in utterances:
            labels, name = one.item.labels, self.names.get(one.item.language)
            readings = readings_of([labels["kind"], labels["marked"], labels["forced"]])
            if one.audio is not None and readings is not None and name is not None:
                wave = one.samples(asr.SAMPLE_RATE)
                asked.append((one.item.id, name, one.item.language, wave, readings))
        return partial(_choose, self.device, asked)

    def take(self, utterance: Utterance, record: dict[str, Any]) -> None:
        """Whether the wanted reading was chosen."""
        utterance.scores["chosen"] = float(record["reading"] == utterance.item.labels["unit"])


def _choose(device: str, asked: Sequence[tuple[str, str, str, Any, Readings]]) -> Done:
    records = []
    for line, name, language, wave, readings in asked:
        with failing(name, [line]):
            records.append({"id": line, "reading": heard_reading(_judge(name, device), wave, language, readings)})
    return Done(records)


def _judge(name: str, device: str) -> Any:
    """The CTranslate2 model of a recogniser."""
    return cast(FasterWhisper, recogniser_of(name, device)).model


def _stages(settings: Settings) -> list[Stage]:
    if others := [name for name in settings.recognisers.values() if not chooses(name)]:
        raise EvaluationError(
            f"The recogniser '{told(others[0])}' cannot be held to a few readings. Give --asr whisper-SIZE or "
            "whisper:FOLDER."
        )
    return [Choice(settings.recognisers, settings.device)]


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
    labels=("marked", "kind", "forced", "unit"),
    only_heard=True,
    stages=_stages,
)
