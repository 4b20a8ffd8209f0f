"""What a run needs, found without its data and without memory for its weights: all tensors are fakes, shapes alone.

Activations are an estimate: what autograd keeps of one forward pass and loss under the run's precision. The matrices
of attention are not counted, since fused attention keeps none.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode

from glmtts.training.building import built, check_run
from glmtts.training.loader import map_tensors
from glmtts.training.optimizer import MOMENTS
from glmtts.training.task import Task

FLOAT_BYTES, GIB = 4, 2**30  # float32: weights, gradients and moments stay so under bf16
PARTS = ("weights", "gradients", "optimizer", "ema")


@dataclass(frozen=True)
class Needs:
    """Parameters in numbers; memory of one process in bytes.

    `gathered` are weights that FSDP holds whole for a while; `activations` is None where no forward runs on fakes.
    """

    total: int
    trainable: int
    critic: int
    weights: float
    gradients: float
    optimizer: float
    ema: float
    gathered: float
    activations: float | None
    processes: int
    micro_batches: int
    batch: dict[str, float]


def measure(task: Task, processes: int = 1) -> Needs:
    """The needs of each of `processes` processes under the run's strategy.

    Raises:
        ConfigError: the sizes fit no model, or there is nothing to train on.
        TrainingError: what the run would begin from is not there.
    """
    config = task.config
    check_run(task)
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    with mode:
        model = built(task)
        critic = task.build_critic() if task.critic_from is not None else None
    total, trainable = _count(model, False), _count(model, True)
    extra = _count(critic, False) if critic is not None else 0
    sharded = processes if config.distributed.strategy == "fsdp" else 1
    # no strategy shards the critic (adversary.py)
    held = trainable / sharded + extra
    return Needs(
        total=total,
        trainable=trainable,
        critic=extra,
        # frozen weights are not sharded (processes.py)
        weights=FLOAT_BYTES * (held + total - trainable),
        gradients=FLOAT_BYTES * held,
        optimizer=FLOAT_BYTES * len(MOMENTS) * held,
        ema=FLOAT_BYTES * trainable / sharded if config.optimizer.ema_decay else 0.0,
        gathered=FLOAT_BYTES * _gathered(task, model) if sharded > 1 else 0.0,
        activations=_activation_bytes(task, model, mode),
        processes=processes,
        micro_batches=config.optimizer.micro_batches,
        batch=task.batch_size(),
    )


def _gathered(task: Task, model: nn.Module) -> int:
    """Parameters that FSDP holds whole beside the shards: all outside of the blocks, one block, and the next one."""
    blocks = [_count(unit, True) for unit in task.units(model)]
    return _count(model, True) - sum(blocks) + 2 * max(blocks, default=0)


def _count(module: nn.Module, trainable: bool) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trainable)


def _activation_bytes(task: Task, model: nn.Module, mode: FakeTensorMode) -> float | None:
    """Bytes that a forward pass of one micro-batch keeps for its backward; None where it cannot run without data."""
    seen = _Saved([*model.parameters(), *model.buffers()])
    units: list[tuple[float, float]] = []  # bytes kept inside a block, and of its inputs
    handles = [handle for unit in task.units(model) for handle in _watched(unit, seen, units)]
    # the fakes lie on the CPU, whatever the run's device is
    bf16 = torch.autocast("cpu", torch.bfloat16, enabled=task.config.run.precision == "bf16")
    counted = torch.autograd.graph.saved_tensors_hooks(seen.keep, lambda tensor: tensor)
    batch = map_tensors(task.example_batch(), mode.from_tensor)
    try:
        with counted, _Fused(), bf16:
            task.loss(model.train(), batch, 0)
    except (NotImplementedError, RuntimeError):  # an operation that needs values, or that has no fake
        return None
    finally:
        for handle in handles:
            handle.remove()
    kept = seen.bytes
    if task.config.distributed.activation_checkpointing and units:
        # with checkpointing every block keeps its inputs alone, and the backward recomputes one block at a time: the
        # largest
        kept += sum(inputs - inside for inside, inputs in units) + max(inside for inside, _ in units)
    return kept


class _Saved:
    """Counts the bytes of tensors that autograd keeps, each once; `weights` do not count."""

    def __init__(self, weights: list[Tensor]) -> None:
        self.bytes = 0.0
        self._known = {id(weight): weight for weight in weights}  # held, as an id is unique among the living only

    def keep(self, tensor: Tensor) -> Tensor:
        # a view takes no memory of its own
        base = tensor._base if tensor._base is not None else tensor
        if id(base) not in self._known:
            self._known[id(base)] = base
            self.bytes += base.numel() * base.element_size()
        return tensor


def _watched(unit: nn.Module, seen: _Saved, units: list[tuple[float, float]]) -> list[Any]:
    """Hooks that note how much a block keeps, and how large what it is given is."""
    before: list[float] = []

    def enter(module: nn.Module, inputs: tuple) -> None:
        before.append(seen.bytes)

    def leave(module: nn.Module, inputs: tuple, output: Any) -> None:
        given = sum(part.numel() * part.element_size() for part in inputs if isinstance(part, Tensor))
        units.append((seen.bytes - before.pop(), given))

    return [unit.register_forward_pre_hook(enter), unit.register_forward_hook(leave)]


class _Fused(TorchFunctionMode):
    """Attention as a fused kernel keeps it (queries, keys, values, result), and CTC, which has no fake."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Replace the two; do everything else."""
        if func is F.scaled_dot_product_attention:
            return _Attention.apply(*args[:3])
        if func is F.ctc_loss:
            # a scalar that hangs on the log-probabilities, whose memory counts
            return args[0].mean()
        return func(*args, **(kwargs or {}))


# without a backward, which a dry run never asks for
class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        mixed = q.new_empty(*q.shape[:-1], v.shape[-1])
        ctx.save_for_backward(q, k, v, mixed)
        return mixed


def describe(task: Task, needs: Needs) -> str:
    """The needs as a table in plain text."""
    strategy = task.config.distributed.strategy if needs.processes > 1 else "one process"
    parts = ("weights", "gradients", "optimizer", "ema", "gathered") if needs.gathered else PARTS
    known = [(name, getattr(needs, name)) for name in parts]
    rows = [
        ("parameters", f"{needs.total:,}"),
        ("trainable", f"{needs.trainable:,}"),
        *([("critic", f"{needs.critic:,}")] if needs.critic else []),
        ("", f"memory of each of {needs.processes} processes ({strategy})" if needs.processes > 1 else "memory"),
        *((name, _gib(value)) for name, value in known),
        ("activations", "unknown" if needs.activations is None else f"about {_gib(needs.activations)}"),
        ("together", _gib(sum(value for _, value in known) + (needs.activations or 0.0))),
        ("", "work"),
        ("micro-batches a step", f"{needs.micro_batches}"),
        *((f"{unit} a micro-batch", f"{size:,.0f}") for unit, size in needs.batch.items()),
        *((f"{unit} a step", f"{size * needs.micro_batches:,.0f}") for unit, size in needs.batch.items()),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" if name else f"\n{value}" for name, value in rows)


def _gib(size: float) -> str:
    return f"{size / GIB:.2f} GiB" if size >= GIB / 10 else f"{size / 2**20:.1f} MiB"
