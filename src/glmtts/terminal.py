"""What a person in front of the command line sees: UTF-8 everywhere, and one sentence for each mistake."""

import errno
import io
import os
import sys
from typing import Any, NoReturn

import typer

from glmtts.options import nearest

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # what a disk says that takes no more


def with_utf8() -> None:
    """Have pipes carry UTF-8: Windows gives them the code page of the system, in which most of Mandarin is lost.

    What is shown may name a file whose name is not UTF-8: its bytes are written out, rather than all work lost.
    """
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            errors = "strict" if stream is sys.stdin else "backslashreplace"
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors=errors)


def stop(sentence: str) -> NoReturn:
    """End with a mistake of the user's."""
    typer.echo(f"error: {sentence}", err=True)
    raise SystemExit(2) from None


def sentence_of(error: Exception) -> str:
    """What to say of an error of the parser of options, of a full disk or memory, or of PyTorch that is not there.

    Raises:
        Exception: the error itself, where it is none of the user's.
    """
    if hasattr(error, "format_message"):  # typer's own errors; it brings its parser along, or takes click's
        return _of_parser(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "There is not enough memory for this. Give less at a time, a smaller model, or another --device."
    if isinstance(error, OSError) and error.errno in FULL:
        _forget_output()
        return f"What was to be written is not taken: {error.strerror}. Free some space, or write it to another place."
    if isinstance(error, ModuleNotFoundError) and error.name == "torch":  # glm-tts-onnx is installed (docs/onnx.md)
        return (
            "This needs PyTorch, which is not installed. Install glm-tts with it, or speak an exported model: "
            "glm-tts say TEXT --runtime onnx --model FOLDER."
        )
    raise error


def _forget_output() -> None:
    """Let go what standard output cannot take: Python flushes it as it ends, and would show a second error."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _of_parser(error: Any) -> str:
    command = getattr(getattr(error, "ctx", None), "command", None)
    path = error.ctx.command_path if command is not None else "glm-tts"
    wrong = getattr(error, "option_name", None)
    if wrong and hasattr(error, "possibilities"):
        known = [name for one in command.params for name in one.opts] if command is not None else []
        return _unknown(f"There is no option '{wrong}'.", wrong, known, path)
    message = str(error.format_message()).strip().replace("\n", " ")
    message = f"{message[:1].upper()}{message[1:]}".rstrip(".") + "."
    if "extra argument" in message:
        message += " A text of several words needs quotes."
    if "?" in message:  # it names what was probably meant
        return message.rstrip(".")
    return f"{message} See {path} --help."


def _unknown(sentence: str, wrong: str, known: list[str], path: str) -> str:
    meant = nearest(wrong, known)
    return f"{sentence} Did you mean '{meant}'?" if meant else f"{sentence} See {path} --help."
