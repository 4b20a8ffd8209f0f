"""espeak-ng (GPL-3.0, a program of its own): formant synthesis, the floor of every table."""

import io
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

import numpy as np
import soundfile
from pypinyin import Style, lazy_pinyin

from glmtts.errors import EvaluationError
from glmtts.eval.items import Item
from glmtts.eval.systems.base import no_options
from glmtts.eval.systems.output import SystemOutput

VOICES = {"en": "en-us", "zh": "cmn-latn-pinyin"}  # Debian's has no dictionary of characters: it says "Chinese letter"
PROGRAM = "espeak-ng"


class EspeakSystem:
    """`espeak-ng`, with its own voice of each language; Mandarin is given to it as pinyin, by pypinyin."""

    languages: frozenset[str] | None = frozenset(VOICES)
    is_copy = False

    def __init__(self, argument: str | None, options: dict[str, str]) -> None:
        no_options(PROGRAM, options)
        program = shutil.which(PROGRAM)
        if program is None:
            raise EvaluationError("espeak-ng is not installed. Install it: apt install espeak-ng.")
        self.program, self.voice = program, argument
        if argument is not None and (problem := self._spoken("a", argument).error) is not None:
            raise EvaluationError(f"espeak-ng does not take the voice '{argument}': {problem}.")

    def speak(self, items: Sequence[Item]) -> list[SystemOutput]:
        """Each line by a call of the program."""
        return [self._alone(item) for item in items]

    def about(self) -> dict[str, Any]:
        """What the program says of its version."""
        said = subprocess.run([self.program, "--version"], capture_output=True, text=True, check=False).stdout
        return {PROGRAM: said.partition("Data")[0].strip()}

    def _alone(self, item: Item) -> SystemOutput:
        text = item.text if item.language != "zh" or self.voice else in_pinyin(item.text)
        return self._spoken(text, self.voice or VOICES[item.language])

    def _spoken(self, text: str, voice: str) -> SystemOutput:
        command = [self.program, "-v", voice, "--stdout", "--stdin"]
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
        if done.returncode or not done.stdout:
            return SystemOutput(None, 0, f"espeak-ng failed: {done.stderr.decode(errors='replace').strip()[:200]}")
        samples, rate = _read_wave(done.stdout)
        return SystemOutput(samples, rate)


def in_pinyin(text: str) -> str:
    """Mandarin as pinyin with numbers for tones; what is no character stays."""
    return " ".join(lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True))


def _read_wave(data: bytes) -> tuple[np.ndarray, int]:
    """Samples and rate; on a pipe the program cannot know the length, and leaves a wrong one in the header."""
    start = data.index(b"data") + 8
    rate = int.from_bytes(data[24:28], "little")
    try:
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
        if len(samples):
            return samples, rate
    except soundfile.LibsndfileError:
        pass
    whole = data[start : start + (len(data) - start) // 2 * 2]
    return np.frombuffer(whole, dtype="<i2").astype(np.float32) / 32768, rate
