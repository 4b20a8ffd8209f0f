"""What is refused before anything is spoken: options that do nothing, lists and columns that a protocol cannot take."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from glmtts.errors import EvaluationError
from glmtts.eval.columns import Column
from glmtts.eval.items import EvalList
from glmtts.places import is_file

if TYPE_CHECKING:
    from glmtts.eval.protocols.base import Protocol, Settings


def check_settings(protocol: Protocol, settings: Settings) -> None:
    """Refuse options that would be passed over.

    Raises:
        EvaluationError: one would be.
    """
    idle = {
        "--asr": bool(settings.recognisers) and not protocol.recognisers,
        "--device": settings.device != "cpu" and not protocol.heard_by(settings),
        "--bundle": settings.bundle is not None and not protocol.measures_bundle,
        "--corpus": settings.corpus is not None and "mini-clone" not in settings.lists,
        "--language": settings.language is not None and not any(map(_asks_for_language, settings.lists)),
    }
    if option := next((name for name, does_nothing in idle.items() if does_nothing), None):
        raise EvaluationError(f"{option} does nothing in this run of the protocol '{protocol.name}'. Leave it out.")


def _asks_for_language(name: str) -> bool:
    """Whether a list is one of Seed-TTS-eval or CV3-Eval, whose lines do not tell their language."""
    path = Path(name)
    return is_file(path, EvaluationError) or is_file(path / "prompt_wav.scp", EvaluationError)


def check_lists(protocol: Protocol, lists: Sequence[EvalList]) -> None:
    """Refuse lists that share a name, which is their folder's in a run, and lines without needed words or labels.

    Raises:
        EvaluationError: two do, or one has none.
    """
    names = [one.name for one in lists]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise EvaluationError(f"Two lists are named '{twice}'. Rename one, or run them apart with an --out each.")
    for one in lists:
        for item in one.items:
            # of nothing wanted the rate would be the number of words that are heard, some hundred percent
            if protocol.recognisers and not any(map(str.isalnum, item.text)):
                raise EvaluationError(
                    f"The line '{item.id}' of the list '{one.name}' has no text of letters or digits, so that nothing "
                    "can be wrong with it. Give it one, or take it out."
                )
            if missing := next((label for label in protocol.labels if not item.labels.get(label, "").strip()), None):
                raise EvaluationError(
                    f"The protocol '{protocol.name}' needs the label '{missing}' of each line, and '{item.id}' of the "
                    f"list '{one.name}' has none. Give a list with it, such as a folder whose index.jsonl has the key."
                )


def check_apart(languages: Collection[str], lists: Sequence[EvalList]) -> None:
    """Refuse recognisers for languages that no list has.

    Raises:
        EvaluationError: there is one.
    """
    there = {language for one in lists for language in one.languages}
    if idle := sorted(set(languages) - there):
        raise EvaluationError(f"--asr {idle[0]}=… does nothing: no line of the lists is in '{idle[0]}'. Leave it out.")


def check_heard(
    protocol: Protocol, lists: Sequence[EvalList], named: Mapping[str, str], heard_by: Mapping[str, str]
) -> None:
    """Refuse languages for which no recogniser is named, nor "none", where the protocol has recognisers at all.

    Raises:
        EvaluationError: there is one, or the protocol has nothing to measure since nobody listens.
    """
    languages = sorted({language for one in lists for language in one.languages})
    if unnamed := [language for language in languages if protocol.recognisers and language not in named]:
        raise EvaluationError(
            f"No recogniser is named for '{unnamed[0]}'. Give --asr {unnamed[0]}=NAME, or --asr {unnamed[0]}=none."
        )
    if protocol.only_heard and not any(language in heard_by for language in languages):
        raise EvaluationError(f"The protocol '{protocol.name}' measures what a recogniser hears. Name one with --asr.")


def check_columns(own: Sequence[Column], scorers: Sequence[str], by_scorer: Mapping[str, Sequence[Column]]) -> None:
    """Refuse columns under one key: each would show the values of the last.

    Raises:
        EvaluationError: two have one.
    """
    makers = dict.fromkeys((column.key for column in own), "the protocol")
    for name in scorers:
        for column in by_scorer[name]:
            if column.key in makers:
                raise EvaluationError(
                    f"The column '{column.key}' comes from {makers[column.key]} and from the scorer '{name}'. "
                    "Score with them in two runs, with an --out each."
                )
        makers |= dict.fromkeys((column.key for column in by_scorer[name]), f"the scorer '{name}'")
