"""Subtitles of what was read: SubRip (.srt) and WebVTT (.vtt), the latter with a time for every word."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from glmtts import durable
from glmtts.errors import AudioError
from glmtts.synthesis.timing import Timed
from glmtts.text.mandarin import CHINESE

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
    check_suffix(path)
    form = _srt if path.suffix.lower() == ".srt" else _vtt
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_text(form(list(cues)), encoding="utf-8")
        durable.replace(temporary, path)
    except OSError as error:
        raise AudioError(f"{path} cannot be written: {error.strerror}. Choose another path.") from None


def check_suffix(path: Path) -> None:
    """Raises AudioError where the suffix names no format of subtitles."""
    if path.suffix.lower() not in SUFFIXES:
        raise AudioError(f"{path} has no suffix of subtitles. Use one of {', '.join(SUFFIXES)}.")


def _srt(cues: list[Cue]) -> str:
    blocks = [
        f"{number}\n{_clock(cue.line.start, ',')} --> {_clock(cue.line.end, ',')}\n{cue.line.text}\n"
        for number, cue in enumerate(cues, 1)
    ]
    return "\n".join(blocks)


def _vtt(cues: list[Cue]) -> str:
    blocks = [
        f"{_clock(cue.line.start, '.')} --> {_clock(cue.line.end, '.')}\n{_words(cue) or cue.line.text}\n"
        for cue in cues
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def _words(cue: Cue) -> str:
    """Words with their times in front; blanks stand around words of Latin script."""
    out, latin_before = "", False
    for word in cue.words:
        latin = not CHINESE.match(word.text)
        out += " " if out and (latin or latin_before) else ""
        out += f"<{_clock(word.start, '.')}>{word.text}"
        latin_before = latin
    return out


def _clock(seconds: float, mark: str) -> str:
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{mark}{rest % 1000:03d}"
