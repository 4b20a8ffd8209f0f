"""What stages give, seen while their names and their clips are known.

In the shards it would be found when the whole window is done, and its finished units would hold it for ever.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glmtts.audio.bounds import all_finite
from glmtts.data.features import check_feature, spec_with
from glmtts.data.manifest import FeatureSpec
from glmtts.data.pipeline.clips import Clip
from glmtts.data.pipeline.stage import Result
from glmtts.errors import AudioError, DataError, TextError

_NO_JSON = "Labels and details of a stage must be JSON values: {}. Convert them."
WAVE = "wave"  # the samples in the shards, which vocoders and tokenizers train on


def json_of(values: Any, indent: int | None = None) -> bytes:
    """What stages know of clips, as JSON.

    Raises:
        DataError: something in there is no JSON value.
    """
    try:
        return json.dumps(values, ensure_ascii=False, allow_nan=False, indent=indent).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(_NO_JSON.format(error)) from None


def check_announced(stage: str, features: Mapping[str, FeatureSpec]) -> None:
    """See that shards can hold the features that a stage announces.

    Raises:
        DataError: one has a name or a type that they cannot hold.
    """
    for name, spec in features.items():
        try:
            if name == WAVE:
                raise DataError("'wave' is the sound itself. Choose another name.")
            check_feature(name, spec)
        except DataError as error:
            raise DataError(f"Stage '{stage}' announces a feature that shards cannot hold: {error}") from None


def check_values(stage: str, results: Sequence[Result]) -> None:
    """See that sound, features and labels hold numbers: training on others ends in a loss that is none.

    Raises:
        AudioError, TextError: names the clip. It is one of the clips', as when a model overflows: `on_error` decides.
        DataError: a label or a detail is no JSON value, which a stage gives to all. Names the stage.
    """
    for clip in (clip for result in results for clip in result.kept):
        arrays = {WAVE: clip.wave, **clip.features}
        if wrong := [name for name, array in arrays.items() if not all_finite(array)]:
            raise AudioError(f"it gave clip {clip.id} values that are not finite, in {' and '.join(wrong)}")
    for where, values in _said(results):
        try:
            json.dumps(values, ensure_ascii=False, allow_nan=False).encode()
        except TypeError as error:
            raise DataError(f"Stage '{stage}': {_NO_JSON.format(error)}") from None
        except (ValueError, RecursionError) as error:
            raise TextError(f"it says of clip {where} what no JSON holds ({error})") from None


def specs_of(stage: str, results: Sequence[Result], specs: Mapping[str, FeatureSpec]) -> dict[str, FeatureSpec]:
    """The features so far, `specs`, with what the arrays of the kept clips say of their types and shapes.

    Raises:
        DataError: a clip has others than were announced, or they are unlike each other. Names the stage.
    """
    found = dict(specs)
    for clip in (clip for result in results for clip in result.kept):
        if set(clip.features) != set(found):
            given, wanted = (", ".join(sorted(names)) or "none" for names in (clip.features, found))
            raise DataError(
                f"Stage '{stage}' gives clip {clip.id} with the features {given}; announced are {wanted}. Announce and "
                "add the same ones, and let stages that cut or join clips come before those that add features."
            )
        for name, array in clip.features.items():
            found[name] = _spec(stage, clip, name, found[name], array)
    return found


def _spec(stage: str, clip: Clip, name: str, spec: FeatureSpec, array: np.ndarray) -> FeatureSpec:
    try:
        return spec_with(name, spec, array)
    except DataError as error:
        raise DataError(f"Stage '{stage}', clip {clip.id}: {error}") from None


def _said(results: Sequence[Result]) -> list[tuple[str, dict[str, Any]]]:
    """Labels and details, each with the clip that it is of."""
    labels = [(clip.id, dict(clip.labels)) for result in results for clip in result.kept]
    drops = [(one.span, dict(one.detail)) for result in results for one in result.dropped]
    return labels + [(span.id, detail) for span, detail in drops]
