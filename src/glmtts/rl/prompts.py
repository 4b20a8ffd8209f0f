"""What the policy is asked to say: texts with voices, as segments that synthesis understands."""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from glmtts.config import StrictConfig
from glmtts.errors import RlError, TextError
from glmtts.rl.readable import sure_reader
from glmtts.synthesis.segment import Segment
from glmtts.synthesis.synthesizer import Synthesizer
from glmtts.synthesis.voice import Voice
from glmtts.text.frontend import Piece, phonemes_of

logger = logging.getLogger(__name__)
PROMPTS_KEPT = 4096  # a segment with its voice each, so that a list of that many texts is made once for all epochs
Language = Literal["en", "zh"]


class PromptData(StrictConfig):
    """`texts` are files: a JSON object a line with `text` and `lang` (and perhaps `emotion`), or `.tsv` lines
    of language, text and perhaps emotion.

    `voices` names for each language the voices that speak it, of the bundle or saved; a language that is left out is
    spoken by all of the bundle. A text that synthesis would cut is spoken up to its first cut. Texts outside
    `shortest` to `longest` characters are left out, and so are those that cannot be read. `held_out` texts of them,
    the last ones, are for the evaluation.
    """

    texts: tuple[Path, ...] = Field(min_length=1)
    voices: Mapping[Language, tuple[str, ...]] = {}
    shortest: int = Field(default=4, ge=1)  # of less than two words or syllables a reward is mostly chance
    longest: int = Field(default=160, ge=1)  # about twelve seconds: rendering costs more than all else
    held_out: int = Field(default=16, ge=1)


class Line(NamedTuple):
    """A text, its language, and the emotion that it should be spoken with, where one is wanted."""

    text: str
    language: Language
    emotion: str | None = None


class Prompt(NamedTuple):
    """A line and how it is to be spoken; `voice` names who speaks it, as in `PromptData.voices`."""

    line: Line
    segment: Segment
    voice: str = ""


def read_lines(path: Path) -> list[Line]:
    """The texts of a file; see `PromptData`.

    Raises:
        RlError: the file cannot be read, or a line has no text and language.
    """
    try:
        # not `splitlines`, which also cuts at U+2028 and others that a JSON string may hold
        written = path.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n")
    except (OSError, ValueError) as error:  # the second of other encodings, and of names that no file can have
        raise RlError(f"{path} cannot be read as texts: {error}. Give .jsonl or .tsv files in UTF-8.") from None
    lines = []
    for number, one in enumerate(written if written != [""] else [], 1):
        try:
            lines.append(_line(one, path.suffix == ".tsv"))
        except (ValueError, KeyError, TypeError, RecursionError):
            wanted = "language, tab, text" if path.suffix == ".tsv" else 'an object with strings "text" and "lang"'
            raise RlError(f"{path}, line {number}, is not {wanted}. Correct it.") from None
    return lines


def _line(written: str, table: bool) -> Line:
    language: Any
    if table:
        language, text, *rest = written.split("\t")
        emotion = rest[0] if rest else None
    else:
        values = json.loads(written)
        text, language, emotion = values["text"], values["lang"], values.get("emotion")
    if not isinstance(text, str) or not isinstance(emotion, str | None):
        raise TypeError("text and emotion are no text")
    emotion = (emotion or "").strip() or None  # an empty third column wants none
    if language not in ("en", "zh") or not text.strip():
        raise ValueError("no language of ours, or no text")
    return Line(text, language, emotion)


class Prompts:
    """The texts of a run, those that are trained on and those that are held out, spoken with the bundle's front end.

    With `phonemes`, texts without any are left out too. A text is read when it is first asked for, and kept; at the
    start those alone are read of which their characters do not tell whether they can be (readable.py). `digest` tells
    lists of texts apart: other texts are divided otherwise, and held-out ones would be such as were trained on.
    """

    def __init__(self, config: PromptData, synthesizer: Synthesizer, phonemes: bool = False) -> None:
        """Read the lists and the voices, and of the texts as few as it takes to know which can be read.

        Raises:
            RlError: there are too few texts, a language has no voice, or a voice has an adapter.
            VoiceError: there is no such voice.
        """
        self.config, self.synthesizer = config, synthesizer
        found = [line for path in config.texts for line in read_lines(path)]
        of_length = [line for line in found if config.shortest <= len(line.text) <= config.longest]
        self._pieces: dict[Line, Piece] = {}
        # each once, since a text may stand in two files
        given = list(dict.fromkeys(of_length))
        # before the front end, of which a later version may read more
        self.digest = hashlib.sha256(json.dumps(given).encode()).hexdigest()
        distinct = self._readable(given, phonemes)
        self.trained, self.held_out = _divided(distinct, config.held_out)
        if not self.trained:
            raise RlError(
                f"There are {len(distinct)} readable texts of {config.shortest} to {config.longest} characters, and "
                f"{config.held_out} of them are held out. Give more texts."
            )
        self._voices = {name: self._voice(name) for line in distinct for name in self.voices(line.language)}
        # a cache of this object: one on the method of the class would keep the synthesizer alive
        self.prompt = lru_cache(PROMPTS_KEPT)(self._prompt)

    def voices(self, language: Language) -> Sequence[str]:
        """Names of the voices that speak a language, at least one.

        Raises:
            RlError: there is none.
        """
        names = self.config.voices.get(language) or tuple(self.synthesizer.voices)
        if not names:
            raise RlError(f"The bundle has no voice that could speak {language}. Name saved ones in data.voices.")
        return names

    def _readable(self, lines: Sequence[Line], phonemes: bool) -> list[Line]:
        """The lines that the front end can read, in their order; one warning says which it cannot."""
        front = self.synthesizer.frontend
        phonemic, sure = front.with_mode("all") if phonemes else front, sure_reader(front, phonemes)
        lost: list[Line] = []
        for line in lines:
            if sure(line.text):
                continue
            try:
                piece = self._piece(line)
            except TextError:
                lost.append(line)
                continue
            # all of it as phonemes: hybrid text has them for polyphones and rare characters alone
            if phonemes and not phonemes_of(phonemic.to_hybrid(piece.closed)):
                lost.append(line)
        if lost:
            logger.warning("%d texts cannot be read and are left out; the first is '%s'.", len(lost), lost[0].text)
        unread = frozenset(lost)
        return [line for line in lines if line not in unread]

    def _piece(self, line: Line) -> Piece:
        """The first piece of a text, read once. Raises TextError where there is none."""
        if line not in self._pieces:
            self._pieces[line] = self.synthesizer.frontend.prepare(line.text, line.language)[0]
        return self._pieces[line]

    def _voice(self, name: str) -> Voice:
        voice = self.synthesizer.voice(name)
        if voice.adapter is not None:  # it would be decoded with, and learnt without
            raise RlError(
                f"The voice {name} has an adapter of its own. Give voices without, or merge it into a bundle."
            )
        return voice

    def _prompt(self, line: Line, voice: str, seed: int) -> Prompt:
        """The first piece of a text in a voice."""
        # one seed for all answers to a text: what the flow draws is alike, and tokens alone tell them apart
        (segment,) = self.synthesizer.segments([self._piece(line)], self._voices[voice], seed, {})
        return Prompt(line, segment, voice)

    def draw(self, number: int, count: int, seed: int) -> list[int]:
        """Numbers of the `count` training texts of micro-batch `number`: each epoch in an order of its own."""
        size, places = len(self.trained), range(number * count, (number + 1) * count)
        return [int(_order(size, seed, place // size)[place % size]) for place in places]


def _divided(lines: Sequence[Line], held_out: int) -> tuple[list[Line], list[Line]]:
    """The lines that are trained on, and the `held_out` others; no trained one has the text of a held-out one."""
    order = np.random.default_rng(0).permutation(len(lines))  # files are sorted by language and by length
    mixed = [lines[number] for number in order]
    rest, held = mixed[:-held_out], mixed[-held_out:]
    # with another emotion it is the same text: what was trained on would be measured
    unseen = {line.text for line in held}
    return [line for line in rest if line.text not in unseen], held


# a micro-batch may reach from one epoch into the next
@lru_cache(4)
def _order(size: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(size)
