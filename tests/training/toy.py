"""A small task of its own, with random draws in its loss, blocks to shard, a buffer, and a critic where asked for."""

from typing import Any

import torch
from torch import Tensor, nn

from glmtts.config import Count, StrictConfig
from glmtts.training.config import RunConfig
from glmtts.training.listening import Sound
from glmtts.training.registry import register
from glmtts.training.task import Metrics, Source, Task

register("toy", "tests.training.toy:ToyTask")


class ToyModel(StrictConfig):
    """Odd sizes, so that two processes hold unlike parts."""

    width: Count = 7
    blocks: int = 2


class ToyData(StrictConfig):
    rows: int = 8


class ToyLoss(StrictConfig):
    noise: float = 0.1
    critic_from: int | None = None
    bad_number: int | None = None


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.up = nn.LayerNorm(width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.tanh(self.up(self.norm(x)))


class ToyNet(nn.Module):
    seen: Tensor

    def __init__(self, config: ToyModel) -> None:
        super().__init__()
        self.enter = nn.Linear(3, config.width)
        self.blocks = nn.ModuleList(Block(config.width) for _ in range(config.blocks))
        self.frozen = nn.Linear(config.width, config.width).requires_grad_(False)
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        for block in self.blocks:
            x = block(x)
        return self.frozen(x)


class ToySource(Source):
    def __init__(self, rows: int) -> None:
        self.rows = rows

    def batch(self, number: int) -> dict[str, Tensor]:
        return {"x": torch.randn(self.rows, 3, generator=torch.Generator().manual_seed(number))}


class ToyTask(Task):
    sections = {"model": ToyModel, "data": ToyData, "loss": ToyLoss}  # noqa: RUF012

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        self.critic_from = self.section(ToyLoss).critic_from

    def build(self) -> nn.Module:
        return ToyNet(self.section(ToyModel))

    def source(self) -> ToySource:
        return ToySource(self.section(ToyData).rows)

    def units(self, model: nn.Module) -> list[nn.Module]:
        return list(model.blocks)

    def loss(self, model: nn.Module, batch: Any, step: int, critic: nn.Module | None = None) -> tuple[Tensor, Metrics]:
        """A target that only the whole network can reach; a tied weight is used outside its module."""
        x = batch["x"] + self.section(ToyLoss).noise * torch.randn_like(batch["x"])
        out = model(x) @ model.enter.weight
        loss = (out - batch["x"].sum(1, keepdim=True)).square().mean()
        if step == self.section(ToyLoss).bad_number:
            loss = loss / 0
        metrics = {"size": out.abs().mean().detach()}
        if critic is not None:
            against = torch.relu(1 - critic(out)).mean()
            loss, metrics["against"] = loss + 0.1 * against, against.detach()
        return loss, metrics

    def after_step(self, model: nn.Module, step: int) -> None:
        model.seen += 1

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        batch = {name: value.to(device) for name, value in ToySource(4).batch(10**6).items()}
        return {"held_out": float(self.loss(model, batch, 0)[0])}

    def samples(self, model: nn.Module, device: torch.device) -> dict[str, Sound]:
        wave = model(torch.randn(100, 3, device=device)).mean(1)
        return {"wave": Sound(wave.float().cpu().clamp(-1, 1).numpy(), 24000)}

    def build_critic(self) -> nn.Module:
        return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))

    def fake(self, model: nn.Module, batch: Any) -> Tensor:
        return model(batch["x"]) @ model.enter.weight

    def critic_loss(self, critic: nn.Module, batch: Any, fake: Any) -> tuple[Tensor, Metrics]:
        loss = torch.relu(1 - critic(batch["x"])).mean() + torch.relu(1 + critic(fake.float())).mean()
        return loss, {"critic": loss.detach()}

    def example_batch(self) -> dict[str, Tensor]:
        return {"x": torch.zeros(self.section(ToyData).rows, 3)}

    def batch_size(self) -> dict[str, float]:
        return {"rows": self.section(ToyData).rows}
