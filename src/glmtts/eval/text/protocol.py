"""`glm-tts eval text`: shares of cases that are right, ours beside other packages, as results like any other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from glmtts.bundle import Bundle
from glmtts.errors import EvaluationError
from glmtts.eval.columns import ValueColumn
from glmtts.eval.hardware import environment
from glmtts.eval.items import EvalList, Item
from glmtts.eval.results import Results, results_of
from glmtts.eval.runner import Row
from glmtts.eval.systems import SystemSpec
from glmtts.eval.text.cases import COLUMNS, Case, Say, acceptable, read_cases
from glmtts.eval.text.readings import (
    PARTICLES,
    Line,
    Occurrence,
    choosers,
    everyday_lines,
    read_homographs,
    read_marked,
    readers,
)
from glmtts.eval.text.tables import read_rows
from glmtts.eval.utterance import Utterance
from glmtts.text.frontend import TextFrontend
from glmtts.text.normalise import normalise

SHOWN = 40  # cases of ours that are not right, in the report
OURS = "ours"


@dataclass(frozen=True)
class Tables:
    """What is measured: `cases` have language, kind, written and spoken; `written` written and spoken, of the language
    that their name ends in; `readings` are tables like CPP's; `everyday` is hsk-sentences-audio's sentences.json."""

    cases: Sequence[Path] = ()
    written: Sequence[Path] = ()
    readings: Sequence[Path] = ()
    everyday: Path | None = None
    homographs: Path | None = None
    homographs_train: Path | None = None


def measure(tables: Tables, out: Path) -> Results:
    """Measure every table with every system that is installed.

    Raises:
        EvaluationError: there is no table, one cannot be read, or two have one name.
    """
    own = [name for name in ("everyday", "homographs") if getattr(tables, name) is not None]
    _check_names(own + [path.stem for path in (*tables.cases, *tables.written, *tables.readings)])
    rows = [row for part in (_case_rows, _reading_rows, _homograph_rows) for row in part(tables)]
    if not rows:
        raise EvaluationError("There is nothing to measure. Give tables, as --help says.")
    columns = [
        ValueColumn("right", "right", lambda one: one.scores.get("right"), "higher"),
        ValueColumn("without_particles", f"without {PARTICLES}", lambda one: one.scores.get("other"), "higher"),
    ]
    source = ("text", "Text front end", "Shares of cases that are right; no sound is made.")
    about = environment() | {"stand_ins": []}
    return results_of(source, rows, columns, about, out, extra=_kinds(rows) | _wrong(rows))


def _check_names(names: Sequence[str]) -> None:
    """The results of a table stand under its file's name."""
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise EvaluationError(f"Two tables are named '{twice}'. Rename one.")


def _case_rows(tables: Tables) -> Iterator[Row]:
    sets = {path.stem: read_cases(path) for path in tables.cases} | {path.stem: _pairs(path) for path in tables.written}
    front = Bundle.open().frontend() if sets else None
    for name, cases in sets.items():
        yield _cases(name, OURS, cases, lambda language: lambda text: normalise(text, language), front)
        if wetext("en") is not None:
            yield _cases(name, "wetext", cases, wetext, None)


def _cases(
    name: str, label: str, cases: Sequence[Case], say: Callable[[str], Say | None], front: TextFrontend | None
) -> Row:
    utterances = []
    for number, case in enumerate(cases):
        speak = say(case.language)
        safe = None if speak is None else _safe(speak)
        right = None if safe is None else acceptable(case, safe, front)
        if safe is not None and right is not None:
            labels = {"kind": f"{case.language} {case.kind}", "wanted": case.spoken, "found": safe(case.written)}
            utterances.append(_utterance(name, number, case.written, case.language, right, labels))
    return _row(name, label, utterances)


def _reading_rows(tables: Tables) -> Iterator[Row]:
    sets = {path.stem: read_marked(path) for path in tables.readings}
    if tables.everyday is not None:
        sets["everyday"] = everyday_lines(tables.everyday)
    for name, lines in sets.items():
        for label, reader in readers().items():
            yield _row(name, label, list(_read(name, lines, cache(reader))))


def _read(name: str, lines: Sequence[Line], reader: Callable[[str], Sequence[str | None]]) -> Iterator[Utterance]:
    for number, (text, place, reading) in enumerate(lines):
        found = reader(text)[place]
        marked = f"{text[:place]}▁{text[place]}▁{text[place + 1 :]}"
        labels = {"kind": text[place], "wanted": reading, "found": str(found)}
        one = _utterance(name, number, marked, "zh", found == reading, labels)
        if text[place] not in PARTICLES:
            one.scores["other"] = one.scores["right"]
        yield one


def _homograph_rows(tables: Tables) -> Iterator[Row]:
    if tables.homographs is None:
        return
    lines: list[Occurrence] = read_homographs(tables.homographs)
    for label, choose in choosers(tables.homographs_train).items():
        utterances = []
        for number, (text, start, end, wanted) in enumerate(lines):
            found = choose(text, start, end)
            labels = {"kind": text[start:end].lower(), "wanted": wanted, "found": found}
            utterances.append(_utterance("homographs", number, text, "en", found == wanted, labels))
        yield _row("homographs", label, utterances)


def _utterance(name: str, number: int, text: str, language: str, right: bool, labels: dict[str, str]) -> Utterance:
    item = Item(f"{name}_{number:05d}", text, language, number, labels=labels)
    return Utterance(item, scores={"right": float(right)})


def _row(name: str, label: str, utterances: list[Utterance]) -> Row:
    lines = EvalList(name, tuple(one.item for one in utterances))
    return Row(lines, SystemSpec(label, label, None, ()), utterances, {"speech": {}})


def _pairs(path: Path) -> list[Case]:
    """The cases of a table of written and spoken."""
    language = path.stem[-2:]
    if language not in ("zh", "en"):
        raise EvaluationError(f"The name of {path} must end in its language, as cases_zh.tsv. Rename it.")
    return [Case(language, "all", *row) for _, row in read_rows(path, COLUMNS[2:])]


@cache
def wetext(language: str) -> Say | None:
    """The normaliser of `wetext` for a language, None where it is not installed."""
    try:
        from wetext import Normalizer
    except ImportError:
        return None
    normaliser: Say = Normalizer(lang=language, operator="tn").normalize
    return normaliser


def _safe(speak: Say) -> Say:
    """What raises says nothing."""

    def say(text: str) -> str:
        try:
            return speak(text)
        # a package of any make: a case that breaks it is not right, and no end of the run
        except Exception:
            return ""

    return say


def _kinds(rows: Sequence[Row]) -> dict[str, Any]:
    """Shares by kind of the tables of cases, a column a system."""
    tables = {}
    for name in dict.fromkeys(row.lines.name for row in rows):
        mine = [row for row in rows if row.lines.name == name]
        kinds = list(dict.fromkeys(one.item.labels["kind"] for row in mine for one in row.utterances))
        if 1 < len(kinds) <= SHOWN:
            lines = [[kind, *(_share(row, kind) for row in mine)] for kind in kinds]
            tables[f"{name} by kind"] = {"heads": ["kind", *(row.system.label for row in mine)], "rows": lines}
    return tables


def _share(row: Row, kind: str) -> str:
    values = [one.scores["right"] or 0.0 for one in row.utterances if one.item.labels["kind"] == kind]
    return f"{100 * sum(values) / len(values):.1f} % of {len(values)}" if values else "–"


def _wrong(rows: Sequence[Row]) -> dict[str, Any]:
    """The first cases that ours does not have right."""
    tables = {}
    for row in rows:
        wrong = [one.item for one in row.utterances if not one.scores["right"]][:SHOWN]
        if row.system.label == OURS and wrong:
            lines = [[item.text, item.labels["wanted"], item.labels["found"]] for item in wrong]
            tables[f"{row.lines.name}: not right"] = {"heads": ["text", "wanted", "ours"], "rows": lines}
    return tables
