"""What a feature may be called and hold, seen before anything of it is written."""

import re

import numpy as np

from glmtts.data.manifest import FILE, INDEX, FeatureSpec
from glmtts.data.tensors import check_dtype
from glmtts.errors import DataError
from glmtts.places import is_utf8

_NAME = re.compile(r"[\w-][\w.-]*")


def check_feature(name: str, spec: FeatureSpec) -> None:
    """Refuse a feature that no dataset can hold.

    Raises:
        DataError: its name is none of a file, or its texts or its type cannot be stored.
    """
    if name == INDEX or not _NAME.fullmatch(name):
        raise DataError(
            f"a feature cannot be called {name!a}, as files are named after it and '{INDEX}' is one already. "
            "Choose another name, of letters, digits, '-', '_' and '.'."
        )
    check_text(spec.made_by)
    if spec.dtype:
        # now: at the end of the shard its utterances would be lost
        check_dtype(spec.dtype)


def check_text(text: str) -> None:
    """Raises DataError for a text that the manifest cannot hold."""
    if not is_utf8(text):
        raise DataError(f"UTF-8 cannot hold {text!a}, which would stand in {FILE}. Give another text.")


def spec_with(name: str, spec: FeatureSpec, array: np.ndarray) -> FeatureSpec:
    """The specification after one more array (T, …) or vector: the first one says what was left open.

    Raises:
        DataError: the array is unlike those before it, or cannot be stored.
    """
    frames = spec.rate is not None
    shape = tuple(array.shape[1:] if frames and array.ndim else array.shape)
    if frames and not array.ndim:
        raise DataError(f"feature '{name}' has frames; an array of no axis was given. Give (frames, …).")
    if not spec.dtype:
        check_dtype(array.dtype.name)
        spec = spec.model_copy(update={"dtype": array.dtype.name, "shape": shape})
    if (array.dtype.name, shape) != (spec.dtype, spec.shape):
        raise DataError(
            f"feature '{name}' is {spec.dtype} of shape {spec.shape} a frame, "
            f"not {array.dtype.name} of {shape}. Give all utterances the same."
        )
    return spec
