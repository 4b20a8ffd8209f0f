"""Names and shapes of the released modules, mapped strictly onto ours."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glmtts.config import StrictConfig
from glmtts.errors import ReleaseError
from glmtts.official.weights import Weights
from glmtts.stages import architecture
from glmtts.weights import TRAINING_ONLY

logger = logging.getLogger(__name__)
LISTED = 12  # problems in a sentence; a wrong model has hundreds


@dataclass(frozen=True)
class Part:
    """One module of a release: what it is in ours, and how its keys are called there.

    `rename` gives our name of a released key, or None for one that synthesis does not need.
    """

    room: str
    architecture: str
    config: StrictConfig
    weights: Weights
    rename: Callable[[str], str | None]


def adapted(part: Part) -> dict[str, str]:
    """Our names with the released names that fill them.

    Raises:
        ReleaseError: lists every key that is missing, misshapen or there twice; what synthesis does not need is left
            out.
    """
    wanted = _wanted(part)
    found, problems = part.weights.shapes(), list[str]()
    sources: dict[str, str] = {}
    for released, shape in found.items():
        name = part.rename(released)
        if name is None:
            continue
        # strict: of two, one would be lost
        if name in wanted and name in sources:
            problems.append(f"{sources[name]} and {released} both are {name}")
        sources[name] = released
        # extra keys are no fault: nothing of ours is missing because of them
        if name not in wanted:
            logger.info("%s of %s is not used.", released, part.weights.origin)
        elif shape != wanted[name]:
            problems.append(f"{released} has shape {list(shape)}, not {list(wanted[name])}")
    problems += [f"missing {name}" for name in wanted if name not in sources]
    if problems:
        more = f" and {len(problems) - LISTED} more" if len(problems) > LISTED else ""
        raise ReleaseError(
            f"{part.weights.origin} is not the released {part.room}: {'; '.join(problems[:LISTED])}{more}. "
            "Fetch the release again."
        )
    # in our order, which the written file has
    return {name: sources[name] for name in wanted}


def _wanted(part: Part) -> dict[str, tuple[int, ...]]:
    """Names and shapes of our module."""
    try:
        # shapes alone are compared: no memory for a module of gigabytes
        with torch.device("meta"):
            module: nn.Module = architecture(part.architecture).model_class()(part.config)
    except (ArithmeticError, AssertionError, RuntimeError, ValueError) as error:  # sizes that fit no layer
        reason = str(error).partition("\n")[0][:120].rstrip(".")
        raise ReleaseError(
            f"{part.weights.origin} is not the released {part.room}: none has its sizes ({reason}). "
            "Fetch the release again."
        ) from None
    return {n: tuple(v.shape) for n, v in module.state_dict().items() if not n.endswith(TRAINING_ONLY)}


def flow_name(released: str) -> str:
    """The flow model lies under `estimator`."""
    return released.removeprefix("estimator.")


def hift_name(released: str) -> str:
    """The vocoder's keys, with or without the prefix of its training."""
    return released.removeprefix("generator.")


def speech_tokenizer_name(layers: int) -> Callable[[str], str | None]:
    """Keys under `model.encoder` up to the codebook; what only training or recognition needs is left out."""
    unused = re.compile(r"ema_(count|weight)|quantize_ema_count|embed_positions2\.weight|layer_norm\.(weight|bias)")

    def rename(released: str) -> str | None:
        name = released.removeprefix("model.encoder.")
        layer = re.match(r"layers\.(\d+)\.", name)
        # without the prefix it is the decoder's; layers behind the codebook serve recognition alone
        if name == released or unused.fullmatch(name) or (layer and int(layer[1]) >= layers):
            return None
        return name

    return rename


def fold_weight_norm(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weight norm folded into plain weights, w = g · v / ‖v‖, the norm over all axes but the first.

    (Salimans and Kingma, 2016.) PyTorch stores g as `original0` and v as `original1`.
    """
    length, direction = ".parametrizations.weight.original0", ".parametrizations.weight.original1"
    folded = {}
    for name, value in state.items():
        if name.endswith(direction):
            prefix = name.removesuffix(direction)
            if prefix + length not in state:
                raise ReleaseError(f"The vocoder lacks {prefix + length}. Fetch the release again.")
            if value.ndim < 2 or state[prefix + length].shape != (len(value), *[1] * (value.ndim - 1)):
                raise ReleaseError(f"The vocoder's {prefix + length} does not fit {name}. Fetch the release again.")
            if f"{prefix}.weight" in state:
                raise ReleaseError(f"The vocoder has {prefix}.weight beside {name}. Fetch the release again.")
            norm = value.norm(p=2, dim=tuple(range(1, value.ndim)), keepdim=True)
            folded[f"{prefix}.weight"] = state[prefix + length] * value / norm
        elif not name.endswith(length):
            folded[name] = value
    return folded
