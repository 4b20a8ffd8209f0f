"""From raw recordings to training shards: stages, a ledger of every second, and the engines that run them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glmtts.data.pipeline.clips import Clip, Source, Span, join
    from glmtts.data.pipeline.stage import (
        Decision,
        Dropped,
        Result,
        Stage,
        check,
        create_stage,
        drop,
        keep,
        register,
        split,
    )

__all__ = [
    "Clip",
    "Decision",
    "Dropped",
    "Result",
    "Source",
    "Span",
    "Stage",
    "check",
    "create_stage",
    "drop",
    "join",
    "keep",
    "register",
    "split",
]

_CLIPS = {"Clip", "Source", "Span", "join"}


def __getattr__(name: str) -> Any:
    # The command line imports this package, and must be quick: numpy and pydantic take 0.2 s.
    if name in __all__:
        return getattr(import_module(f"glmtts.data.pipeline.{'clips' if name in _CLIPS else 'stage'}"), name)
    raise AttributeError(f"module 'glmtts.data.pipeline' has no attribute '{name}'")
