"""`glm-tts phonemes`: hybrid input with colours and reasons for people, JSON lines for programs."""

import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import typer

from glmtts.errors import EmptyTextError, TextError
from glmtts.text.encodings import MARKS, decoded
from glmtts.text.explain import explain
from glmtts.text.frontend import TextFrontend
from glmtts.text.pronunciations import PronunciationFile

COLOURS = {"polyphone": "red", "rare": "magenta", "homograph": "red", "written": "cyan", "in the dictionary of": "cyan"}
PLAIN, OTHER = "white", "green"
LONGEST_LINE = 1 << 20  # bytes
_INPUT = "Standard input"
_WIDE = tuple(mark for mark, encoding in MARKS if encoding != "utf-8-sig")
_HALF = re.compile("[\ud800-\udfff]")
_log = logging.getLogger("glmtts")


def frontend_of(frontend: TextFrontend, mode: str | None, pronunciations: Path | None) -> TextFrontend:
    """A model's front end with what the command line changes.

    Raises:
        ConfigError: the mode or the file of pronunciations is not valid.
    """
    words = PronunciationFile(pronunciations) if pronunciations else None
    return frontend.with_mode(mode).with_pronunciations(words)


def show(frontend: TextFrontend, text: str, as_json: bool) -> None:
    """Print what becomes of `text`, or of each line of standard input where it is -.

    A line with nothing to speak is an empty list of JSON, and is left out for people.

    Raises:
        TextError: a control is not valid, there is nothing to speak in `text`, or standard input is no text.
    """
    for line in _lines() if text == "-" else iter([text]):
        if as_json:
            # half a surrogate pair stands for a byte that is no text, and cannot be written
            written = json.dumps(explain(frontend, line), ensure_ascii=False)
            typer.echo(_HALF.sub("\N{REPLACEMENT CHARACTER}", written))  # flushes, and does nothing where it is closed
            continue
        try:
            _show_pieces(frontend, line)
        except EmptyTextError as nothing:
            if text != "-":
                raise
            for warning in nothing.warnings:
                _log.warning(warning)


def _lines() -> Iterator[str]:
    """The lines of standard input as each comes, in whatever encoding; UTF-16 and UTF-32 are read to their end.

    Raises:
        TextError: it is closed, no text, or has a line without end.
    """
    if sys.stdin is None:
        raise TextError("Standard input is closed. Give it a text, or write the text as an argument.")
    file = sys.stdin.buffer
    while data := file.readline(LONGEST_LINE):
        if len(data) == LONGEST_LINE:
            raise TextError(f"A line of standard input has more than {LONGEST_LINE >> 20} MiB. Split it into lines.")
        if b"\0" in data or data.startswith(_WIDE):
            yield from decoded(data + file.read(), _INPUT).splitlines()
        else:
            yield decoded(data, _INPUT).rstrip("\n")


def _show_pieces(frontend: TextFrontend, line: str) -> None:
    for piece in frontend.prepare(line):
        spans = frontend.spans(piece.text)
        typer.echo("".join(typer.style(span.hybrid, fg=_colour(span.why, span.hybrid != span.text)) for span in spans))
        for span in spans:
            if span.hybrid != span.text or span.why.startswith("written"):
                reading = f" ({span.pinyin})" if span.pinyin else ""
                typer.echo(f"  {span.text}{reading}  {typer.style(span.why, fg=_colour(span.why, True))}")


def _colour(why: str, replaced: bool) -> str:
    if not replaced and not why.startswith("written"):
        return PLAIN
    return next((colour for start, colour in COLOURS.items() if why.startswith(start)), OTHER)
