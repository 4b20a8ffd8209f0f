"""What is done with a list, in turn: it is spoken, recognised, and scored. Each stage works on chunks, anywhere."""

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from glmtts import asr
from glmtts.eval import scorers, systems
from glmtts.eval.error_rates import simplified, simplifier
from glmtts.eval.fingerprint import fingerprints
from glmtts.eval.foreign import KEPT, check_json, foreign, on_lines
from glmtts.eval.items import Item
from glmtts.eval.options import named_options
from glmtts.eval.scorers import Clip, Scorer
from glmtts.eval.scorers.asr_errors import AsrScorer
from glmtts.eval.scorers.clip import checked
from glmtts.eval.systems import SystemSpec
from glmtts.eval.utterance import Utterance
from glmtts.eval.work import AUDIO, Done, Wave, Work

ID = "id"  # of a line, in a record


class Stage(Protocol):
    """A step of an evaluation; `name` is the folder of its chunks, `about` what made them, for the report."""

    @property
    def name(self) -> str:
        """The folder."""
        ...

    def about(self) -> dict[str, Any]:
        """What its results depend on; results of another one are not mixed with them."""
        ...

    def load(self, languages: Collection[str]) -> None:
        """Load in this process what lines of these languages need, so that what is missing is said before any work."""
        ...

    def work(self, utterances: Sequence[Utterance]) -> Work:
        """The work on a chunk, to be done in any process: what it needs is read here."""
        ...

    def take(self, utterance: Utterance, record: dict[str, Any]) -> None:
        """Note what was found on a line."""
        ...


@dataclass(frozen=True)
class Speech:
    """Have a system speak."""

    spec: SystemSpec
    name: str = "speech"

    def about(self) -> dict[str, Any]:
        """The system's own account of itself."""
        with foreign(f"The system '{self.spec.label}' does not say what it is, for the report"):
            said = dict(systems.load(self.spec).about())
            check_json(said)
        return {"system": told(self.spec.text)} | said

    def load(self, languages: Collection[str]) -> None:
        """Load the system."""
        systems.load(self.spec)

    def work(self, utterances: Sequence[Utterance]) -> Work:
        """Speak the lines together."""
        return partial(_speak, self.spec, [utterance.item for utterance in utterances])

    def take(self, utterance: Utterance, record: dict[str, Any]) -> None:
        """Length, time and error; the runner knows where the audio lies."""
        utterance.error, utterance.seconds, utterance.taken = record["error"], record["seconds"], record["taken"]
        utterance.details |= record["details"]


@dataclass(frozen=True)
class Recognition:
    """Have recognisers write down what is heard, one a language; lines in other languages are left out."""

    names: Mapping[str, str]
    device: str = "cpu"

    @property
    def name(self) -> str:
        """The folder, by the recognisers' names."""
        return "asr-" + "-".join(dict.fromkeys(_plain(told(name)) for name in self.names.values()))

    def about(self) -> dict[str, Any]:
        """The recognisers."""
        return about_recognisers(self.names, self.device) | {"simplified_by": simplifier()}

    def load(self, languages: Collection[str]) -> None:
        """Load the recognisers of these languages, and ask whether they hear them.

        Raises:
            AsrError: one cannot be loaded, or does not.
        """
        for language in sorted(self.names.keys() & set(languages)):
            recogniser_of(self.names[language], self.device).transcribe([], language)

    def work(self, utterances: Sequence[Utterance]) -> Work:
        """Transcribe what there is."""
        heard = [
            (one.item.id, one.item.language, one.samples(asr.SAMPLE_RATE))
            for one in utterances
            if one.audio is not None and one.item.language in self.names
        ]
        return partial(_recognise, dict(self.names), self.device, heard)

    def take(self, utterance: Utterance, record: dict[str, Any]) -> None:
        """The transcript."""
        utterance.hypothesis = record["hypothesis"]


@dataclass(frozen=True)
class Scoring:
    """Have a scorer judge each recording: `NAME[?option=value&…]`; `recognition` is the run's."""

    scorer: str
    recognition: Recognition | None = None

    @property
    def name(self) -> str:
        """The folder, by the scorer's name and options."""
        return "score-" + _plain(told(self.scorer))

    @property
    def hears(self) -> bool:
        """Whether it takes transcripts of the run, rather than sound alone."""
        return bool(self._shared())

    def about(self) -> dict[str, Any]:
        """The scorer, what it stands in for, and fingerprints of weights that it was given."""
        found, weights = scorer_of(self.scorer), fingerprints(named_options(self.scorer)[1])
        return {"scorer": found.name, "stand_in_for": found.stand_in_for} | ({"weights": weights} if weights else {})

    def load(self, languages: Collection[str]) -> None:
        """Load the scorer."""
        scorer_of(self.scorer)

    def work(self, utterances: Sequence[Utterance]) -> Work:
        """Score what there is."""
        clips, shared = [one.clip() for one in utterances if one.audio is not None], self._shared()
        clips = [clip if clip.language in shared else replace(clip, hypothesis=None) for clip in clips]
        return partial(_score, self.scorer, clips)

    def _shared(self) -> frozenset[str]:
        """Languages whose recogniser in this run is the scorer's own: any other would put its errors in its columns."""
        scorer, run = scorer_of(self.scorer), self.recognition
        if run is None or not isinstance(scorer, AsrScorer):
            return frozenset()
        return frozenset(language for language, name in run.names.items() if scorer.hears_by(name, run.device))

    def take(self, utterance: Utterance, record: dict[str, Any]) -> None:
        """The columns."""
        utterance.scores |= {column: value for column, value in record.items() if column != ID}


@lru_cache(maxsize=16)
def scorer_of(text: str) -> Scorer:
    """The scorer of a specification; one that was loaded is kept.

    Raises:
        EvaluationError: there is none, or its backend is not installed.
    """
    name, options = named_options(text)
    scorer = scorers.load(name, **options)
    with foreign(f"The scorer '{told(text)}' does not say what it gives"):
        _check_told(scorer)
    return scorer


def _check_told(scorer: Scorer) -> None:
    """Raises AttributeError, TypeError or ValueError where a scorer's attributes are not those of `Scorer`."""
    columns, better = scorer.columns, scorer.higher_is_better
    if isinstance(columns, str) or not all(isinstance(column, str) for column in columns):
        raise TypeError(f"its columns are {columns!r}, and no tuple of names")
    if ID in columns:  # of a record of a line
        raise ValueError(f"a column cannot have the name '{ID}'")
    if not all(value in (True, False) for value in dict(better).values()):
        raise TypeError(f"its higher_is_better are {better!r}, and no truths by column")
    check_json({"scorer": scorer.name, "stand_in_for": scorer.stand_in_for, "columns": list(columns)})


@lru_cache(maxsize=4)
def recogniser_of(name: str, device: str, word_times: bool = False) -> asr.SpeechRecogniser:
    """The recogniser of a name; one that was loaded is kept. In a worker among several it takes one thread."""
    import torch

    return asr.load(name, device, word_times=word_times, threads=torch.get_num_threads())


def about_recognisers(names: Mapping[str, str], device: str) -> dict[str, Any]:
    """What a stage that uses recognisers says of them: names, fingerprints of those that are folders, and the device.

    On another device sums are rounded otherwise, and a beam search may take another path.
    """
    heard_by = {language: told(name) for language, name in names.items()}
    return {"recognisers": heard_by, "weights": fingerprints(names), "device": device}


def _speak(spec: SystemSpec, items: Sequence[Item]) -> Done:
    system = systems.load(spec)
    # after the models are loaded: the real-time factor is of speaking
    started = time.perf_counter()
    with foreign(f"The system '{spec.label}' failed {on_lines([item.id for item in items])}", KEPT):
        given = system.speak(items)
        taken = (time.perf_counter() - started) / len(items)
        spoken = [(item, one.checked()) for item, one in zip(items, given, strict=True)]
    records, waves = [], dict[str, Wave | None]()
    for item, one in spoken:
        there = one.samples is not None and len(one.samples) > 0
        seconds = len(one.samples) / one.rate if one.samples is not None and there else None
        error = None if there else one.error or "the system gave no sound"
        worked = taken if one.taken is None else one.taken
        known = {"seconds": seconds, "taken": round(worked, 4), "error": error, "details": dict(one.details)}
        records.append({"id": item.id, **known})
        # a person's recording must not be marked as synthetic speech
        of_machine = not system.is_copy and spec.name != "recordings"
        waves[item.id + AUDIO] = Wave(one.samples, one.rate, of_machine) if one.samples is not None and there else None
    return Done(records, waves)


def _recognise(names: dict[str, str], device: str, heard: Sequence[tuple[str, str, np.ndarray]]) -> Done:
    texts: dict[str, str] = {}
    for language in dict.fromkeys(language for _, language, _ in heard):
        lines = [(name, wave) for name, its, wave in heard if its == language]
        with failing(names[language], [name for name, _ in lines]):
            found = recogniser_of(names[language], device).transcribe([wave for _, wave in lines], language)
            for (name, _), transcript in zip(lines, found, strict=True):
                texts[name] = simplified(transcript.text) if language == "zh" else transcript.text.strip()
    return Done([{"id": name, "hypothesis": texts[name]} for name, _, _ in heard])


def failing(recogniser: str, ids: Sequence[str]) -> AbstractContextManager[None]:
    """Say of a recogniser that fails within on which lines it does: an EvaluationError."""
    return foreign(f"The recogniser '{told(recogniser)}' failed {on_lines(ids)}", KEPT)


def _score(scorer: str, clips: Sequence[Clip]) -> Done:
    if not clips:
        return Done([])
    with foreign(f"The scorer '{told(scorer)}' failed {on_lines([clip.id for clip in clips])}", KEPT):
        found = scorer_of(scorer)
        pairs = zip(clips, found.score(clips), strict=True)
        return Done([{ID: clip.id, **checked(one, found.columns)} for clip, one in pairs])


def told(name: str) -> str:
    """A system's, recogniser's or scorer's specification for a report: of a path its last part."""
    head, mark, query = name.partition("?")
    family, colon, model = head.partition(":")
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    options = "&".join(f"{key}={Path(value).name}" for key, _, value in pairs)
    return family + (colon + Path(model).name if colon else "") + mark + options


def _plain(name: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_.=" else "_" for sign in name)
