"""What the policy is asked to say: texts with voices, as segments that synthesis understands."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from glmtts.config import StrictConfig
from glmtts.errors import RlError, TextError
from glmtts.synthesis.segment import Segment
from glmtts.synthesis.synthesizer import Synthesizer

PROMPTS_KEPT = 4096  # so a list of that many texts is read once and not in every epoch
Language = Literal["en", "zh"]


class PromptData(StrictConfig):
    """`texts` are files: a JSON object a line with `text` and `lang` (and perhaps `emotion`), or `.tsv` lines
    of language, text and perhaps emotion.

    `voices` names for each language the voices that speak it, of the bundle or saved; a language that is left out is
    spoken by all of the bundle. A text that synthesis would cut is spoken up to its first cut. Texts outside
    `shortest` to `longest` characters are left out. `held_out` texts of them, the last ones, are for the evaluation.
    """

    texts: tuple[Path, ...] = Field(min_length=1)
    voices: Mapping[str, tuple[str, ...]] = {}
    shortest: int = Field(default=4, ge=1)
    longest: int = Field(default=160, ge=1)
    held_out: int = Field(default=16, ge=1)


class Line(NamedTuple):
    """A text, its language, and the emotion that it should be spoken with, where one is wanted."""

    text: str
    language: str
    emotion: str | None = None


class Prompt(NamedTuple):
    """A line and how it is to be spoken."""

    line: Line
    segment: Segment


def read_lines(path: Path) -> list[Line]:
    """The texts of a file; see `PromptData`.

    Raises:
        RlError: the file cannot be read, or a line has no text and language.
    """
    try:
        written = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RlError(f"{path} cannot be read as texts: {error}. Give .jsonl or .tsv files in UTF-8.") from None
    lines = []
    for number, one in enumerate(written, 1):
        try:
            lines.append(_line(one, path.suffix == ".tsv"))
        except (ValueError, KeyError, TypeError):
            wanted = "language, tab, text" if path.suffix == ".tsv" else 'an object with "text" and "lang"'
            raise RlError(f"{path}, line {number}, is not {wanted}. Correct it.") from None
    return lines


def _line(written: str, table: bool) -> Line:
    if table:
        language, text, *rest = written.split("\t")
        line = Line(text, language, rest[0] if rest else None)
    else:
        values = json.loads(written)
        line = Line(values["text"], values["lang"], values.get("emotion"))
    if line.language not in ("en", "zh") or not line.text.strip():
        raise ValueError("no language of ours, or no text")
    return line


class Prompts:
    """The texts of a run, those that are trained on and those that are held out, spoken with the bundle's front end."""

    def __init__(self, config: PromptData, synthesizer: Synthesizer) -> None:
        self.config, self.synthesizer = config, synthesizer
        found = [line for path in config.texts for line in read_lines(path)]
        of_length = [line for line in found if config.shortest <= len(line.text) <= config.longest]
        distinct = list(dict.fromkeys(of_length))
        if len(distinct) <= config.held_out:
            raise RlError(
                f"There are {len(distinct)} texts of {config.shortest} to {config.longest} characters, and "
                f"{config.held_out} of them are held out. Give more texts."
            )
        order = np.random.default_rng(0).permutation(len(distinct))  # files are sorted by language and by length
        mixed = [distinct[number] for number in order]
        self.trained, self.held_out = mixed[: -config.held_out], mixed[-config.held_out :]
        self.prompt = lru_cache(PROMPTS_KEPT)(self._prompt)

    def voices(self, language: str) -> Sequence[str]:
        """Names of the voices that speak a language."""
        return self.config.voices.get(language) or tuple(self.synthesizer.voices)

    def _prompt(self, line: Line, voice: str, seed: int) -> Prompt | None:
        """The first piece of a text; None where the front end cannot read it."""
        try:
            piece = self.synthesizer.frontend.prepare(line.text, line.language)[0]
        except TextError:
            return None
        (segment,) = self.synthesizer.segments([piece], voice, seed, {})
        if segment.voice.adapter is not None:  # it would be decoded with, and learnt without
            raise RlError(
                f"The voice {voice} has an adapter of its own. Give voices without, or merge it into a bundle."
            )
        return Prompt(line, segment)

    def draw(self, number: int, count: int, seed: int) -> list[int]:
        """Numbers of the `count` training texts of micro-batch `number`: each epoch in an order of its own."""
        size, places = len(self.trained), range(number * count, (number + 1) * count)
        return [int(_order(size, seed, place // size)[place % size]) for place in places]


@lru_cache(4)
def _order(size: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(size)
