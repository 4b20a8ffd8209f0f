"""Protocols by name, one a file; a protocol says what is measured, with what, and how it is told."""

from importlib import import_module

from glmtts.errors import EvaluationError
from glmtts.eval.protocols.base import Protocol

NAMES = (
    "mini",
    "seed-tts",
    "cv3",
    "emotion",
    "laughter",
    "per",
    "forced",
    "vocoder",
    "speech-tokenizer",
    "streaming",
    "long-form",
)


def load(name: str) -> Protocol:
    """The protocol of this name.

    Raises:
        EvaluationError: there is none.
    """
    if name not in NAMES:
        raise EvaluationError(f"There is no protocol '{name}'. Known are: {', '.join(NAMES)}.")
    found: Protocol = import_module(f"glmtts.eval.protocols.{name.replace('-', '_')}").PROTOCOL
    return found
