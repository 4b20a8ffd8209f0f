"""Subtitles of what was read: SubRip (.srt) and WebVTT (.vtt), the latter with a time for every word."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from glmtts import durable
from glmtts.audio.io import check_place
from glmtts.errors import AudioError
from glmtts.synthesis.timing import Timed

SUFFIXES = (".srt", ".vtt")


@dataclass(frozen=True)
class Cue:
    """A piece of text with its times, and its words with theirs where they are known; seconds from the beginning."""

    line: Timed
    words: list[Timed]


def write_subtitles(path: str | Path, cues: Iterable[Cue]) -> None:
    """Write the cues in the format that the suffix names; the file appears whole or not at all.

    Raises:
        AudioError: the suffix is unknown, or the file cannot be written.
    """
    path = Path(path)
    check_subtitles(path)
    form = _srt if path.suffix.lower() == ".srt" else _vtt
    with durable.writable(path, AudioError, "Choose another path."):
        durable.whole_text(path, form(list(cues)))


def check_subtitles(path: Path) -> None:
    """Raises AudioError where the suffix names no format of subtitles, or the file cannot be written."""
    if path.suffix.lower() not in SUFFIXES:
        raise AudioError(f"{path} has no suffix of subtitles. Use one of {', '.join(SUFFIXES)}.")
    check_place(path)


def _srt(cues: list[Cue]) -> str:
    lines = [cue.line.text.replace("-->", "→") for cue in cues]  # an arrow parts the times of a cue
    blocks = [
        f"{number}\n{_clock(cue.line.start, ',')} --> {_clock(cue.line.end, ',')}\n{lines[number - 1]}\n"
        for number, cue in enumerate(cues, 1)
    ]
    return "\n".join(blocks)


def _vtt(cues: list[Cue]) -> str:
    blocks = [f"{_clock(cue.line.start, '.')} --> {_clock(cue.line.end, '.')}\n{_marked(cue)}\n" for cue in cues]
    return "\n".join(["WEBVTT\n", *blocks])


def _marked(cue: Cue) -> str:
    """The line as it was written, with a time in front of every word that is found in it."""
    line, out, position = cue.line.text, "", 0
    for word in cue.words:
        place = line.find(word.text, position)
        if place >= 0:
            mark = f"<{_clock(word.start, '.')}>"
            out += _escaped(line[position:place]) + mark + _escaped(word.text)
            position = place + len(word.text)
    return out + _escaped(line[position:])


def _escaped(text: str) -> str:
    """Text in which WebVTT sees no tags; a cue ends at a blank line and must not hold an arrow."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, mark: str) -> str:
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{mark}{rest % 1000:03d}"
