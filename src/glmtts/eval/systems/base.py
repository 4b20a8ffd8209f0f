"""What a system under test is, how it is written on the command line, and where it is found."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, Self, cast, runtime_checkable

from glmtts.errors import EvaluationError
from glmtts.eval.foreign import foreign
from glmtts.eval.items import Item
from glmtts.eval.options import pairs_of
from glmtts.eval.systems.output import SystemOutput

GROUP = "glmtts.systems"
NEEDED = ("languages", "is_copy", "speak", "about")
BUILT_IN = {
    "bundle": "glmtts.eval.systems.bundle:BundleSystem",
    "mini": "glmtts.eval.systems.bundle:mini",
    "recordings": "glmtts.eval.systems.recordings:Recordings",
    "vocoder": "glmtts.eval.systems.copies:VocoderCopy",
    "tokens": "glmtts.eval.systems.copies:TokenCopy",
    "onnx": "glmtts.eval.systems.exported:ExportedSystem",
    "stream": "glmtts.eval.systems.streams:StreamSystem",
    "noisy": "glmtts.eval.systems.noisy:Noisy",
    "hibari-tts": "glmtts.eval.systems.hibari:HibariSystem",
    "espeak-ng": "glmtts.eval.systems.espeak:EspeakSystem",
}


class System(Protocol):
    """A system under test; its class takes the argument and the options of its specification.

    `languages` are those it speaks, None where it speaks any; a list without them is left out of its row. `is_copy`
    tells that it needs a line's reference recording and has no words of its own. `about` is what a report must say of
    it: versions, hashes, settings.
    """

    languages: frozenset[str] | None
    is_copy: bool

    def speak(self, items: Sequence[Item]) -> list[SystemOutput]:
        """A recording of each line, together where that is faster; a line that fails does not stop the others."""
        ...

    def about(self) -> dict[str, Any]:
        """Versions, hashes and settings, for the report."""
        ...


@runtime_checkable
class ReadsFiles(Protocol):
    """A system that gives what lies in files: a line is done again where its file is another one, or came later."""

    def sources(self, items: Sequence[Item]) -> list[Path | None]:
        """The file of each line, None where there is none."""
        ...


@dataclass(frozen=True)
class SystemSpec:
    """`[LABEL=]NAME[:ARGUMENT][?option=value&…]`, as `mini`, `bundle:my-bundle?candidates=1`, `teacher=recordings:DIR`.

    `label` is its name in tables and folders.
    """

    label: str
    name: str
    argument: str | None
    options: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a specification.

        Raises:
            EvaluationError: it has no name, or an option has no value or stands twice.
        """
        head, _, query = text.partition("?")
        before, equals, after = head.partition("=")
        # an `=` after a colon belongs to a path
        label, rest = (before, after) if equals and ":" not in before else (text, head)
        name, _, argument = rest.partition(":")
        if not name:
            raise EvaluationError(f"'{text}' is no system. Write [LABEL=]NAME[:ARGUMENT][?option=value&…].")
        # the label is a folder's name, and must not hide it
        clean = "".join(sign if sign.isalnum() or sign in "-_.=&" else "_" for sign in label).strip("._")
        return cls(clean or name, name, argument or None, tuple(pairs_of(text, query)))

    @property
    def text(self) -> str:
        """The specification without its label."""
        query = "&".join(f"{key}={value}" for key, value in self.options)
        return self.name + (f":{self.argument}" if self.argument else "") + (f"?{query}" if query else "")


Factory = Callable[[str | None, dict[str, str]], System]
_registered: dict[str, Factory] = {}


def register(name: str, factory: Factory) -> None:
    """Make a system known; an installed package does it by an entry point of the group `glmtts.systems`."""
    _registered[name] = factory


def load(spec: SystemSpec) -> System:
    """The system of a specification; one that was loaded is kept, since its weights are large.

    Raises:
        EvaluationError: there is no such system, or an option is not known.
    """
    return _loaded(spec)


@lru_cache(maxsize=16)
def _loaded(spec: SystemSpec) -> System:
    with foreign(f"The system '{spec.label}' cannot be loaded"):
        system = _factory(spec.name)(spec.argument, dict(spec.options))
        if lacks := [name for name in NEEDED if not hasattr(system, name)]:
            raise EvaluationError(f"The system '{spec.label}' has no '{lacks[0]}'. See docs/extend.md.")
        return system


def _factory(name: str) -> Factory:
    if name in _registered:
        return _registered[name]
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        return cast(Factory, getattr(import_module(module), attribute))
    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        known = ", ".join([*BUILT_IN, *_registered, *found])
        raise EvaluationError(f"There is no system '{name}'. Known are: {known}.")
    return cast(Factory, found[name].load())


def number_of(name: str, text: str) -> float:
    """The value of an option that is a number.

    Raises:
        EvaluationError: it is none, or is not finite.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise EvaluationError(f"The option {name}={text} is no number. Write one, such as {name}=10.")
    return value


def no_options(name: str, options: dict[str, str]) -> None:
    """Refuse options of a system that has none.

    Raises:
        EvaluationError: there is one.
    """
    if options:
        raise EvaluationError(f"The system '{name}' has no option '{next(iter(options))}'. Leave it out.")
