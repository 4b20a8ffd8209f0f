"""Weights that a run starts from: a bundle's modules, or what another run has trained."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from glmtts.errors import ConfigError, TrainingError
from glmtts.training import checkpoint
from glmtts.training.config import CONFIG_FILE, RunConfig, saved_config
from glmtts.training.registry import bundles, create_task

# what peft calls the factors of an adapter, and, within a name, the layer that it wraps
ADAPTER, BASE_LAYER = "lora_", ".base_layer."


def is_run(where: str | Path) -> bool:
    """Whether a path is a run's folder, and not a bundle."""
    return (Path(where) / CONFIG_FILE).is_file()


def trained_weights(run: str | Path) -> dict[str, Tensor]:
    """The `state_dict` of a run's newest checkpoint, averaged weights in place of trained ones, on the CPU.

    Raises:
        TrainingError: the folder holds no checkpoint, or it cannot be read.
    """
    folder = checkpoint.latest(Path(run))
    weights, averaged = checkpoint.read_group(folder, "model"), checkpoint.read_group(folder, "ema")
    # the average holds what is trained; buffers and frozen weights are those of the model
    return weights | {name: value.to(weights[name].dtype) for name, value in averaged.items()}


def start_weights(where: str, module: str) -> dict[str, Tensor]:
    """The float32 `state_dict` of what a run has trained, or of a bundle's `module`.

    Raises:
        BundleError: there is no such bundle, or it has no such module.
        TrainingError: the run has no checkpoint.
    """
    if is_run(where):
        return trained_weights(where)
    state = bundles().network(where, module).state_dict()
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}


def fill(model: nn.Module, weights: Mapping[str, Tensor], where: str, optional: tuple[str, ...] = ()) -> None:
    """Copy weights into a model whose names and shapes must match; names that begin with `optional` may be missing.

    Raises:
        TrainingError: one sentence with the names that are missing, extra or of another shape.
    """
    _copy_into(model.state_dict(), weights, where, optional)


def fill_base(model: nn.Module, weights: Mapping[str, Tensor], where: str) -> None:
    """Copy the weights of a plain model into one that may hold adapters of peft, which keep their values.

    Raises:
        TrainingError: as `fill`.
    """
    own = {n.replace(BASE_LAYER, "."): value for n, value in model.state_dict().items() if ADAPTER not in n}
    _copy_into(own, weights, where)


@torch.no_grad()
def _copy_into(
    own: Mapping[str, Tensor], weights: Mapping[str, Tensor], where: str, optional: tuple[str, ...] = ()
) -> None:
    """`fill` for a `state_dict`, whose tensors are the model's own memory."""
    needed = [name for name, value in own.items() if value.numel()]  # checkpoints leave out what is empty
    missing = [name for name in needed if name not in weights and not name.startswith(optional or ("\0",))]
    wrong = [name for name in weights if name not in own or own[name].shape != weights[name].shape]
    if missing or wrong:
        shown = ", ".join([*missing, *wrong][:6])
        raise TrainingError(f"The weights of {where} do not fit [model]: {shown} are missing, extra or misshapen.")
    for name, value in weights.items():
        own[name].copy_(value)


def check_moved(init_from: str | None, moved: Path | None) -> None:
    """Refuse to move codes of a model that begins with random weights (see `move_codes`).

    Raises:
        ConfigError: says so.
    """
    if moved is not None and init_from is None:
        raise ConfigError(
            "init.moved_codes moves the codes of a trained model. Give it as run.init_from, or leave it out."
        )


@torch.no_grad()
def move_codes(model: nn.Module, tables: Sequence[str], moved: Path, first: int = 0) -> None:
    """Let the tables of codes follow a speech tokenizer that was trained on, and whose codes have moved.

    `moved` is a safetensors file with `shares` (C, C): how often each old code (column) stood where a new one (row)
    does now. A new row becomes the mean of the old ones that it stands for; so the flow and the language model lose
    little of what they know. The rows of codes begin at `first`.

    Raises:
        TrainingError: the file cannot be read, or a table is shorter than it.
    """
    try:
        shares_CC = load_file(moved)["shares"].float()
    except (OSError, SafetensorError, KeyError) as error:
        raise TrainingError(f"{moved} holds no shares of moved codes: {error}.") from None
    weights, end = model.state_dict(), first + len(shares_CC)
    for name in tables:
        if len(weights[name]) < end:
            raise TrainingError(f"{moved} moves {len(shares_CC)} codes, but {name} has {len(weights[name])} rows.")
        # a state_dict's tensors are the model's own memory, so this writes into it
        weights[name][first:end] = shares_CC @ weights[name][first:end].float()


def trained_model(run: str | Path) -> nn.Module:
    """The model of a run with its averaged weights, in evaluation mode: what is exported.

    The run's task must be registered (`import glmtts.tasks` registers those of this package).
    """
    model = create_task(run_config(run)).build()
    fill(model, trained_weights(run), str(run))
    return model.eval()


def run_config(run: str | Path) -> RunConfig:
    """The configuration of a run's folder."""
    return saved_config(Path(run))
