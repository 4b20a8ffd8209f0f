"""A scorer configuration of VERSA (a YAML list of `name` and options), read as scorers of ours."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from glmtts.backends import reason_of
from glmtts.errors import EvaluationError
from glmtts.eval.scorers import Scorer, load

Chosen = tuple[str, dict[str, Any]]
PREDICTORS = ("utmos", "dnsmos")  # of VERSA's pseudo_mos, those that are here


def _pseudo_mos(entry: dict[str, Any]) -> Iterator[Chosen]:
    wanted = entry.get("predictor_types", ["utmos"])
    if not isinstance(wanted, list):
        raise EvaluationError(f"predictor_types of pseudo_mos is a list, such as [utmos], not {wanted!r}. Correct it.")
    missing = [name for name in wanted if name not in PREDICTORS]
    if missing:
        raise EvaluationError(f"pseudo_mos has no predictors {missing} here, only {list(PREDICTORS)}. Remove them.")
    yield from ((name, {}) for name in wanted)


def _whisper(entry: dict[str, Any]) -> Iterator[Chosen]:
    tag = entry.get("model_tag", "default")
    yield "whisper_wer", {"model": "whisper-large-v3" if tag == "default" else f"whisper-{tag}"}


def _nisqa(entry: dict[str, Any]) -> Iterator[Chosen]:
    path = entry.get("nisqa_model_path")
    yield "nisqa", {} if path is None else {"weights": path}


def _named(name: str) -> Callable[[dict[str, Any]], Iterator[Chosen]]:
    return lambda entry: iter([(name, {})])


KEYS: dict[str, Callable[[dict[str, Any]], Iterator[Chosen]]] = {
    "pseudo_mos": _pseudo_mos,
    "whisper_wer": _whisper,
    "nisqa": _nisqa,
    "speaker": _named("speaker_wavlm"),
    "emo2vec_similarity": _named("emo2vec"),
    "mcd_f0": _named("f0"),
    "pesq": _named("pesq"),
    "utmosv2": _named("utmosv2"),
    "audiobox_aesthetics": _named("audiobox_aesthetics"),
}


def chosen(path: Path) -> list[Chosen]:
    """Names and options of our scorers for a VERSA configuration.

    Raises:
        EvaluationError: the file cannot be read, is no such configuration, or asks for what is not here.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise EvaluationError(f"{path} cannot be read: {reason_of(error)}. Give another file.") from None
    if not isinstance(entries, list) or not all(
        isinstance(one, dict) and isinstance(one.get("name"), str) for one in entries
    ):
        raise EvaluationError(f"{path} is no scorer configuration of VERSA: it is a list of entries with a 'name'.")
    unknown = [one["name"] for one in entries if one["name"] not in KEYS]
    if unknown:
        raise EvaluationError(f"{path} asks for {unknown}; known are {sorted(KEYS)}. Remove the others.")
    return [pair for one in entries for pair in KEYS[one["name"]](one)]


def load_versa(path: Path) -> list[Scorer]:
    """The scorers of a VERSA configuration. Raises EvaluationError as `chosen` and `load` do."""
    return [load(name, **options) for name, options in chosen(path)]
