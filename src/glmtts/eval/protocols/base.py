"""What a protocol is: lists, systems, recognisers, scorers and columns, by default those of its publication."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from glmtts.errors import EvaluationError
from glmtts.eval import systems
from glmtts.eval.clone_list import clone_list
from glmtts.eval.columns import Column, ErrorColumn, score_column
from glmtts.eval.hardware import environment
from glmtts.eval.items import EvalList
from glmtts.eval.lists import SHIPPED, cv3_list, index_list, seed_list, shipped_list
from glmtts.eval.protocols.checks import check_apart, check_columns, check_heard, check_lists, check_settings
from glmtts.eval.results import Results, results_of
from glmtts.eval.runner import Row, Run
from glmtts.eval.stages import Recognition, Scoring, Stage, recogniser_of, scorer_of, told
from glmtts.eval.systems import SystemSpec
from glmtts.eval.work import alone
from glmtts.eval.workers import InProcess, RayWorkers
from glmtts.places import is_file

LANGUAGES = ("zh", "en", "ja", "ko")
NONE = "none"  # in place of a recogniser: nobody listens to a language
Made = Callable[["Settings"], list[EvalList]]


@dataclass(frozen=True)
class Settings:
    """What a user may change: `lists` are files, folders or names, `recognisers` by language, `scorers` by name.

    A recogniser "none" leaves a language out; a protocol's further stages are given those without it, and with the
    protocol's own. `device` is the recognisers', `bundle` the one whose own parts a protocol measures
    (speech-tokenizer). `apart` are the languages whose recognisers the user named one by one."""

    lists: tuple[str, ...] = ()
    language: str | None = None
    corpus: Path | None = None
    lines: int | None = None
    recognisers: Mapping[str, str] = field(default_factory=dict)
    scorers: tuple[str, ...] | None = None
    device: str = "cpu"
    bundle: Path | None = None
    apart: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Protocol:
    """A benchmark. `source` is its publication; `recognisers` and `scorers` are those that it names.

    `columns` stand beside those of the scorers; `labels` are those that they need of each line, `only_heard` tells that
    without a recogniser they have nothing to measure. `recognition` makes the stage of the recognisers, None where one
    of the further `stages`, which come before the scorers, asks them itself. `made` gives the lists where the user
    names none, `systems` are those by default; `extra` gives further tables. `check` refuses lists that the columns of
    a run's scorers cannot judge. `measures_bundle` tells that `Settings.bundle` is for it.
    """

    name: str
    title: str
    source: str
    columns: tuple[Column, ...]
    recognisers: Mapping[str, str] = field(default_factory=dict)
    scorers: tuple[str, ...] = ()
    made: Made | None = None
    systems: tuple[str, ...] = ("mini",)
    labels: tuple[str, ...] = ()
    check: Callable[[Sequence[EvalList], Sequence[str]], None] = lambda lists, columns: None
    only_heard: bool = False
    measures_bundle: bool = False
    recognition: Callable[[Mapping[str, str], str], Stage] | None = Recognition
    stages: Callable[[Settings], list[Stage]] = lambda settings: []
    notes: tuple[str, ...] = ()
    extra: Callable[[Sequence[Row]], dict[str, Any]] = lambda rows: {}

    def run(
        self,
        specs: Sequence[SystemSpec],
        settings: Settings,
        run: Run,
        save: Callable[[Results], None] = lambda results: None,
    ) -> Results:
        """Run it; what an earlier run in the same folder finished is kept.

        `save` is given the results while no other run may have the folder: each has the tables of its own systems, and
        two at once would write them over each other.

        Raises:
            EvaluationError: a list, system or backend is missing, a list or option is not for this protocol, or the
                folder holds another run, or one is at work in it.
            GlmTtsError: another part of the package cannot load something.
        """
        # what is missing is said before hours of synthesis, not after
        check_settings(self, settings)
        whole = self.lists(settings)
        check_apart(settings.apart, whole)
        lists = [one.first(settings.lines) for one in whole]
        check_lists(self, lists)
        names = self.heard_by(settings)
        check_heard(self, lists, self._recognisers(settings), names)
        stages, scorers = self._stages(settings, names), self._scorers(settings)
        by_scorer = {name: columns_of(name) for name in scorers}
        check_columns(self.columns, scorers, by_scorer)
        self.check(lists, [column.key for name in scorers for column in by_scorer[name]])
        columns = [one.within(names) if isinstance(one, ErrorColumn) else one for one in self.columns]
        stand_ins = self.stand_ins(settings, scorers)
        for spec in specs:
            systems.load(spec)
        self._load(stages, lists, run)
        columns += [column for name in scorers for column in by_scorer[name]]
        source = (self.name, self.title, self.source)
        with alone(run.out):
            rows = [run.row(one, spec, stages) for one in lists for spec in specs]
            about = environment() | {"stand_ins": stand_ins, "protocol": self.name}
            results = results_of(source, rows, columns, about, run.out, self.notes, self.extra(rows))
            save(results)
        return results

    def default_systems(self, settings: Settings) -> list[SystemSpec]:
        """The systems where the user names none; copies go through the bundle that is measured."""
        specs = [SystemSpec.parse(text) for text in self.systems]
        bundle = None if settings.bundle is None else str(settings.bundle)
        return [replace(one, argument=bundle) if one.name == "tokens" else one for one in specs]

    def lists(self, settings: Settings) -> list[EvalList]:
        """The lists that the user names, or the protocol's own.

        Raises:
            EvaluationError: there are none, or one cannot be read.
        """
        if settings.lists:
            return [read_list(name, settings) for name in settings.lists]
        if self.made is None:
            raise EvaluationError(
                f"The protocol '{self.name}' needs the benchmark's lists. Give their files or folders."
            )
        return self.made(settings)

    def _stages(self, settings: Settings, names: Mapping[str, str]) -> list[Stage]:
        recognition = self.recognition(names, settings.device) if self.recognition and names else None
        further = self.stages(replace(settings, recognisers=names))
        transcripts = recognition if isinstance(recognition, Recognition) else None
        scoring = [Scoring(name, transcripts) for name in self._scorers(settings)]
        return [*([recognition] if recognition else []), *further, *scoring]

    def _load(self, stages: Sequence[Stage], lists: Sequence[EvalList], run: Run) -> None:
        """Load here what the stages need: for other processes only to see that it can be."""
        if isinstance(run.workers, RayWorkers):
            return  # this node need not have the device that they are for
        for stage in stages:
            stage.load(frozenset(language for one in lists for language in one.languages))
        if not isinstance(run.workers, InProcess):
            recogniser_of.cache_clear()  # each process loads its own

    def _scorers(self, settings: Settings) -> tuple[str, ...]:
        return self.scorers if settings.scorers is None else settings.scorers

    def heard_by(self, settings: Settings) -> dict[str, str]:
        """The recogniser of each language that has one."""
        return {language: name for language, name in self._recognisers(settings).items() if name != NONE}

    def _recognisers(self, settings: Settings) -> dict[str, str]:
        if not self.recognisers:
            return {}
        return dict(self.recognisers) | dict(settings.recognisers)

    def stand_ins(self, settings: Settings, scorers: Sequence[str]) -> list[str]:
        """Sentences that say what measures in place of what the protocol names."""
        found = [
            f"{'nothing' if name == NONE else told(name)} in place of {self.recognisers[language]} for {language}"
            for language, name in self._recognisers(settings).items()
            if language in self.recognisers and told(name).replace(":", "-") != self.recognisers[language]
        ]
        for name in scorers:
            if instead := scorer_of(name).stand_in_for:
                found.append(f"{told(name)} in place of {instead}")
        measured = {name.partition("?")[0] for name in scorers}  # options may be another's weights, not another scorer
        missing = sorted({name.partition("?")[0] for name in self.scorers} - measured)
        return found + ([f"not measured here: {', '.join(missing)}"] if missing else [])


def read_list(name: str, settings: Settings) -> EvalList:
    """A list by name, file or folder: a shipped one, Seed-TTS-eval's, CV3-Eval's, or a folder with an index.

    Raises:
        EvaluationError: it is none of these.
    """
    path = Path(name)
    if name == "mini-clone":
        if settings.corpus is None:
            raise EvaluationError("mini-clone needs speech: give --corpus FOLDER, with ljspeech/, aishell/ or others.")
        return clone_list(settings.corpus, settings.lines or 100)
    if name in SHIPPED:
        return shipped_list(name)
    if is_file(path, EvaluationError):
        return _seed(path, settings.language)
    if is_file(path / "index.jsonl", EvaluationError):
        return index_list(path)
    if is_file(path / "prompt_wav.scp", EvaluationError):
        return cv3_list(path, settings.language)
    known = ", ".join([*SHIPPED, "mini-clone"])
    raise EvaluationError(
        f"'{name}' is no list. Give one of {known}, a .lst file of Seed-TTS-eval, a folder of CV3-Eval, or a folder "
        "with an index.jsonl."
    )


def _seed(path: Path, language: str | None) -> EvalList:
    spoken = language or path.absolute().parent.name
    if spoken not in LANGUAGES:
        raise EvaluationError(f"{path} lies in no folder named by its language. Give --language zh or en.")
    found = seed_list(path, spoken)
    # zh and en both have a meta.lst, and two lists of one name are refused
    return EvalList(f"{spoken}_{found.name}", found.items)


def columns_of(scorer: str) -> list[Column]:
    """A scorer's columns; the better of each as the scorer says."""
    found = scorer_of(scorer)
    better = {True: "higher", False: "lower", None: ""}
    return [score_column(name, better[found.higher_is_better.get(name)]) for name in found.columns]
