"""The training loop of the stages: resumable, logged, plotted, on a CPU or on one or several GPUs (accelerate).

A stage brings a model, a loss `(model, batch) → (loss, metrics)` and an endless iterator of batches; the loop does
AdamW with a warm-up and a cosine decay, gradient clipping, an exponential moving average of the weights, and a
checkpoint that is replaced atomically. The vocoder, of two networks that train each other, has its own
(vocoder/train.py).
"""

import csv
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from tqdm import tqdm

from glmtts.checkpoint import load_state, save_state
from glmtts.config import StrictConfig
from glmtts.errors import TrainingError

Loss = Callable[[nn.Module, Any], tuple[Tensor, dict[str, float]]]


class TrainingConfig(StrictConfig):
    """How long and how fast one stage trains."""

    steps: int
    learning_rate: float = 1e-3
    final_learning_rate: float = 5e-5
    warmup_steps: int = 200
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.98)
    gradient_clip: float = 1.0
    ema_decay: float = 0.999
    precision: Literal["no", "bf16"] = "bf16"
    save_every: int = 250
    log_every: int = 20
    max_seconds: float | None = None


class Schedule(Protocol):
    """What says the learning rate of every step."""

    steps: int
    learning_rate: float
    final_learning_rate: float
    warmup_steps: int


def learning_rate_at(step: int, config: Schedule) -> float:
    """Linear warm-up, then a cosine from `learning_rate` to `final_learning_rate`, or level where that is higher."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    progress = min(1.0, (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps))
    share = 0.5 * (1 + math.cos(math.pi * progress))
    final = min(config.final_learning_rate, config.learning_rate)
    return final + share * (config.learning_rate - final)


def average_decay(step: int, most: float) -> float:
    """The share of itself that an average of weights keeps at a step: less than `most` at first."""
    return min(most, (1 + step) / (10 + step))


def process_seed(accelerator: Accelerator, step: int) -> int:
    """A seed for a stream of batches: another one after every resumption, and on every process."""
    return step * accelerator.num_processes + accelerator.process_index


def on_device(batch: Any, device: torch.device) -> Any:
    """A batch with its tensors on `device`: a tensor, or a dataclass, tuple, list or dict of such."""
    if isinstance(batch, Tensor):
        return batch.to(device)
    if is_dataclass(batch) and not isinstance(batch, type):
        return replace(batch, **{part.name: on_device(getattr(batch, part.name), device) for part in fields(batch)})
    if isinstance(batch, tuple | list):
        return type(batch)(on_device(part, device) for part in batch)
    if isinstance(batch, dict):
        return {name: on_device(part, device) for name, part in batch.items()}
    return batch


def out_of_time(accelerator: Accelerator, started: float, max_seconds: float | None) -> bool:
    """Whether `max_seconds` have passed since `started` on any process; all of them stop at the same step."""
    if max_seconds is None:
        return False
    passed = torch.tensor(float(time.monotonic() - started > max_seconds))
    return bool(cast(Tensor, accelerator.reduce(passed.to(accelerator.device))) > 0)


class _Step(nn.Module):
    """A model with its loss as one module: what runs inside its forward is what distributed training sees."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, batch: Any) -> tuple[Tensor, dict[str, float]]:
        """The loss of a batch, with what is to be logged."""
        return self.loss(self.model, batch)


class Trainer:
    """Trains one model in the folder `out`; starting it again there goes on where it stopped."""

    def __init__(self, model: nn.Module, loss: Loss, config: TrainingConfig, out: Path) -> None:
        self.config, self.out = config, Path(out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.accelerator = Accelerator(mixed_precision=config.precision, cpu=not torch.cuda.is_available())
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(
            parameters, lr=config.learning_rate, betas=config.betas, weight_decay=config.weight_decay
        )
        self.whole, self.optimizer = self.accelerator.prepare(_Step(model, loss), optimizer)
        self.ema = {name: value.detach().float().clone() for name, value in self.plain.state_dict().items()}
        self.step = 0
        self._resume()

    @property
    def plain(self) -> nn.Module:
        """The model without the wrappers of distributed training."""
        return cast(_Step, self.accelerator.unwrap_model(self.whole)).model

    @property
    def seed(self) -> int:
        """Seed of the stream of batches."""
        return process_seed(self.accelerator, self.step)

    def fit(self, batches: Iterator[Any], evaluate: Callable[[nn.Module], dict[str, float]] | None = None) -> None:
        """Train to `config.steps`, or until `config.max_seconds` have passed; saves at the end and on the way."""
        started, history = time.monotonic(), []
        bar = tqdm(
            total=self.config.steps,
            initial=self.step,
            desc=self.out.name,
            unit="step",
            mininterval=5,
            disable=not self.accelerator.is_main_process,
        )
        while self.step < self.config.steps:
            history.append(self._train_step(next(batches)))
            self.step += 1
            bar.update()
            if self.step % self.config.log_every == 0:
                bar.set_postfix(loss=f"{self._log(history):.3f}")
                history = []
            if self.step % self.config.save_every == 0:
                self._save(evaluate)
            if out_of_time(self.accelerator, started, self.config.max_seconds):
                break
        bar.close()
        self._save(evaluate)

    def _train_step(self, batch: Any) -> dict[str, float]:
        rate = learning_rate_at(self.step, self.config)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.whole.train()
        with self.accelerator.autocast():
            loss, metrics = self.whole(on_device(batch, self.accelerator.device))
        self.accelerator.backward(loss)
        norm = self.accelerator.clip_grad_norm_(self.whole.parameters(), self.config.gradient_clip)
        if torch.isfinite(norm):
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._update_ema()
        return {"loss": float(loss.detach()), **metrics, "learning_rate": rate, "gradient_norm": float(norm)}

    @torch.no_grad()
    def _update_ema(self) -> None:
        decay = average_decay(self.step, self.config.ema_decay)
        for name, value in self.plain.state_dict().items():
            if value.is_floating_point():
                self.ema[name].lerp_(value.float(), 1 - decay)
            else:
                self.ema[name].copy_(value)

    def _log(self, history: list[dict[str, float]]) -> float:
        """Append the mean of the last steps to `log.csv`; gives the mean loss."""
        row: dict[str, float] = {name: sum(item[name] for item in history) / len(history) for name in history[-1]}
        if self.accelerator.is_main_process:
            append_csv(self.out / "log.csv", {"step": self.step, **row})
        return row["loss"]

    def _save(self, evaluate: Callable[[nn.Module], dict[str, float]] | None) -> None:
        if not self.accelerator.is_main_process:
            return
        state = {
            "step": self.step,
            "model": self.plain.state_dict(),
            "ema": self.ema,
            "optimizer": self.optimizer.state_dict(),
        }
        save_state(self.out / "state.safetensors", state)
        if evaluate is not None:
            self.plain.eval()
            append_csv(self.out / "evaluation.csv", {"step": self.step, **evaluate(self.plain)})
        plot_csv(self.out / "log.csv", self.out / "loss.png", "loss")

    def _resume(self) -> None:
        path = self.out / "state.safetensors"
        if not path.exists():
            return
        state = load_state(path)
        _fill(self.plain, state["model"], path)
        if "optimizer" in state:
            self.optimizer.load_state_dict(state["optimizer"])
        self.ema, self.step = on_device(state["ema"], self.accelerator.device), int(state["step"])


def load_trained(model: nn.Module, out: Path) -> nn.Module:
    """Fill `model` with the averaged weights that training left in the folder `out`."""
    path, own = Path(out) / "state.safetensors", model.state_dict()
    averaged = load_state(path)["ema"]
    _fill(model, {name: value.to(own[name].dtype) if name in own else value for name, value in averaged.items()}, path)
    return model.eval()


def _fill(model: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise TrainingError(f"The training state {path} is of another model: {reason} Move it to start anew.") from None


def append_csv(path: Path, row: dict[str, float]) -> None:
    """Append one row; the first row writes the header."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if new:
            writer.writeheader()
        writer.writerow({name: round(value, 6) for name, value in row.items()})


def plot_csv(path: Path, picture: Path, column: str) -> None:
    """Draw one column of a log over the steps."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get(column)]
    figure, axes = pyplot.subplots(figsize=(7, 3.5))
    axes.plot([int(row["step"]) for row in rows], [float(row[column]) for row in rows])
    axes.set(xlabel="step", ylabel=column, title=path.parent.name)
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(picture, dpi=110)
    pyplot.close(figure)
