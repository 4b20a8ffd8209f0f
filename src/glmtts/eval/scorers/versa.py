"""A scorer configuration of VERSA (a YAML list of `name` and options), read as scorers of ours."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from glmtts.backends import reason_of
from glmtts.errors import EvaluationError
from glmtts.eval.scorers import Scorer, load

Chosen = tuple[str, dict[str, Any]]
PREDICTORS = ("utmos", "dnsmos")  # of VERSA's pseudo_mos, those that are here
# options of VERSA's own code, which ours has no part for; what is no option of VERSA is a slip of the pen
NOT_TAKEN = {
    "pseudo_mos": {"predictor_args", "cache_dir"},
    "whisper_wer": {"beam_size", "text_cleaner"},
    "speaker": {"model_tag", "model_path", "model_config"},
    "emo2vec_similarity": {"model_tag", "model_path"},
    "mcd_f0": {"f0min", "f0max", "mcep_shift", "mcep_fftl", "mcep_dim", "mcep_alpha", "seq_mismatch_tolerance"},
    "audiobox_aesthetics": {"model_path", "batch_size", "precision", "cache_dir", "use_huggingface"},
}
NOT_TAKEN["mcd_f0"] |= {"power_threshold", "dtw"}
TAKEN = {"pseudo_mos": {"predictor_types"}, "whisper_wer": {"model_tag"}, "nisqa": {"nisqa_model_path"}}
logger = logging.getLogger(__name__)


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
        EvaluationError: the file cannot be read, is no such configuration, is empty, or asks for what is not here.
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
    for one in entries:
        _check_options(path, one)
    if not (found := [pair for one in entries for pair in KEYS[one["name"]](one)]):
        raise EvaluationError(f"{path} names no scorer. Name one, or give --scorer none.")
    return found


def _check_options(path: Path, entry: dict[str, Any]) -> None:
    """Tell which options of an entry do nothing here.

    Raises:
        EvaluationError: one is none of VERSA's.
    """
    name, own = entry["name"], entry.keys() - {"name", "use_gpu"} - TAKEN.get(entry["name"], set())
    idle = NOT_TAKEN.get(name, set())
    if unknown := sorted(map(str, own - idle)):
        raise EvaluationError(f"{path} gives '{name}' the option '{unknown[0]}', which it does not have. Remove it.")
    if own:
        logger.warning("%s: %s of '%s' do nothing here.", path, ", ".join(sorted(own)), name)


def load_versa(path: Path) -> list[Scorer]:
    """The scorers of a VERSA configuration. Raises EvaluationError as `chosen` and `load` do."""
    return [load(name, **options) for name, options in chosen(path)]
