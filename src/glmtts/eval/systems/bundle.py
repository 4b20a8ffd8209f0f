"""A bundle of this package: `mini`, the converted release, a model of your own."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from glmtts.bundle import bundle_digest
from glmtts.errors import EvaluationError, GlmTtsError
from glmtts.eval.fingerprint import fingerprints
from glmtts.eval.items import Item
from glmtts.eval.systems.output import SystemOutput
from glmtts.synthesis.audio import Audio
from glmtts.synthesis.options import Options, reader, settings
from glmtts.synthesis.speaker import Speaker
from glmtts.synthesis.synthesizer import Synthesizer

TEXTS, WHOLE, REAL = ("phoneme_in", "speaker"), ("candidates", "steps"), ("temperature", "top_p", "guidance", "speed")
OWN = ("voice", "device", "batch")


class SpeakerSystem(ABC):
    """Speaks with a model by any runtime, lines together (`say_batch`).

    Options are those of `say`, `voice` (a name or file for all lines; else the prompt of a line, or the bundle's
    voices of its language in turn), `device`, and `batch=0` to speak lines one by one.
    """

    is_copy = False
    languages: frozenset[str] | None = None

    def __init__(self, argument: str | None, options: dict[str, str]) -> None:
        known = (*TEXTS, *WHOLE, *REAL, *OWN)
        if unknown := sorted(options.keys() - set(known)):
            raise EvaluationError(f"A bundle has no option '{unknown[0]}'. Known are: {', '.join(known)}.")
        if options.get("batch", "0") not in ("0", "1"):
            raise EvaluationError(f"The option batch={options['batch']} is not known. Write batch=0 or batch=1.")
        self.tts: Speaker[Any] = self._opened(argument, options.get("device", "cpu"))
        self.fixed, self.together = options.get("voice"), options.get("batch") != "0"
        self.options = _options(options)
        self._prompted = lru_cache(maxsize=256)(self.tts.voice)
        self._check()

    def speak(self, items: Sequence[Item]) -> list[SystemOutput]:
        """A recording of each line; where lines cannot be spoken together, each alone."""
        if self.together and len(items) > 1:
            try:
                return [spoken(audio) for audio in self._say(items)]
            except GlmTtsError:
                pass  # say_batch names one bad line and speaks none: find it below
        return [self._alone(item) for item in items]

    def about(self) -> dict[str, Any]:
        """The bundle's name, the hash of its files, the options, and the fingerprint of a voice that is a file."""
        bundle = self.tts.bundle
        told = {"bundle": bundle.config.name, "sha256": self._digest(), "options": dict(self.options)}
        # the report names a file by its last part: two voices of one name must not be mixed
        return told | fingerprints({} if self.fixed is None else {"voice": self.fixed})

    def voice(self, item: Item) -> Any:
        """The voice of a line, of the runtime's own kind."""
        if self.fixed is None and item.prompt_audio is not None:
            return self._prompted(str(item.prompt_audio), item.prompt_text)
        return self._prompted(self.fixed or self._in_turn(item))

    def options_of(self, item: Item) -> Options:
        """Options of `say` for a line: it has two languages, and reads others as they are written."""
        return {**self.options, "language": item.language if item.language in ("zh", "en") else None}

    @abstractmethod
    def _opened(self, argument: str | None, device: str) -> Speaker[Any]:
        """The model of the specification."""

    @abstractmethod
    def _digest(self) -> str:
        """What tells its files from those of another model."""

    def _check(self) -> None:
        """Say what is wrong with voice and options now: later it would be an error of every line."""
        try:
            if self.fixed is not None:
                self._prompted(self.fixed)
            settings(self.tts.defaults, self.options)
            reader(self.tts.frontend, self.options)
        except GlmTtsError as error:
            raise EvaluationError(f"The system cannot speak as it is asked to: {error}") from None

    def _in_turn(self, item: Item) -> str | None:
        mandarin = item.language == "zh"
        # a bundle tells the language of a voice in its description alone
        names = [name for name, words in self.tts.voices.items() if ("Mandarin" in words) == mandarin]
        return names[item.number % len(names)] if names else None

    def _say(self, items: Sequence[Item]) -> list[Audio]:
        """Lines of one language together, so that digits alone are read in the language of their line."""
        found: dict[str, Audio] = {}
        for language in dict.fromkeys(item.language for item in items):
            own = [item for item in items if item.language == language]
            texts, voices, seeds = [i.text for i in own], [self.voice(i) for i in own], [i.number for i in own]
            made = self.tts.say_batch(texts, voices, seeds=seeds, **self.options_of(own[0]))
            found |= zip((item.id for item in own), made, strict=True)
        return [found[item.id] for item in items]

    def _alone(self, item: Item) -> SystemOutput:
        try:
            return spoken(self._say([item])[0])
        except GlmTtsError as error:
            return SystemOutput(None, self.tts.bundle.clock.sample_rate, str(error))


class BundleSystem(SpeakerSystem):
    """`bundle:FOLDER[?options]`, by PyTorch."""

    def _opened(self, argument: str | None, device: str) -> Speaker[Any]:
        return synthesizer(Path(argument) if argument else None, device)

    def _digest(self) -> str:
        return bundle_digest(self.tts.bundle.folder)


def mini(argument: str | None, options: dict[str, str]) -> BundleSystem:
    """The embedded bundle.

    Raises:
        EvaluationError: it was given an argument.
    """
    if argument is not None:
        raise EvaluationError("The system 'mini' takes no argument. Another bundle is written bundle:FOLDER.")
    return BundleSystem(None, options)


def spoken(audio: Audio) -> SystemOutput:
    """What synthesis gave, as a system's recording."""
    return SystemOutput(np.asarray(audio.samples), audio.rate)


@lru_cache(maxsize=2)
def synthesizer(folder: Path | None, device: str) -> Synthesizer:
    """A bundle for synthesis, with as many threads as its size is worth."""
    from glmtts import load
    from glmtts.threads import use_threads

    tts = load(folder, device=device)
    if torch.get_num_threads() != 1:  # a worker among several has one already
        use_threads(tts.bundle.folder)
    return tts


def _options(given: dict[str, str]) -> Options:
    try:
        values: dict[str, Any] = {name: given[name] for name in TEXTS if name in given}
        values |= {name: int(given[name]) for name in WHOLE if name in given}
        values |= {name: float(given[name]) for name in REAL if name in given}
    except ValueError as error:
        raise EvaluationError(f"An option of the bundle is no number: {error}.") from None
    return cast(Options, values)
