"""`glm-tts phonemes`: hybrid input with colours and reasons for people, JSON lines for programs."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import typer

from glmtts.text.explain import explain
from glmtts.text.frontend import TextFrontend
from glmtts.text.pronunciations import PronunciationFile

COLOURS = {"polyphone": "red", "rare": "magenta", "homograph": "red", "written": "cyan", "in the dictionary of": "cyan"}
PLAIN, OTHER = "white", "green"


def frontend_of(frontend: TextFrontend, mode: str | None, pronunciations: Path | None) -> TextFrontend:
    """A model's front end with what the command line changes.

    Raises:
        ConfigError: the mode or the file of pronunciations is not valid.
    """
    words = PronunciationFile(pronunciations) if pronunciations else None
    return frontend.with_mode(mode).with_pronunciations(words)


def show(frontend: TextFrontend, text: str, as_json: bool) -> None:
    """Print what becomes of `text`, or of each line of standard input where it is -."""
    lines: Iterator[str] = (line.rstrip("\n") for line in sys.stdin) if text == "-" else iter([text])
    for line in lines:
        if as_json:
            sys.stdout.write(json.dumps(explain(frontend, line), ensure_ascii=False) + "\n")
            sys.stdout.flush()
        else:
            _show_pieces(frontend, line)


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
