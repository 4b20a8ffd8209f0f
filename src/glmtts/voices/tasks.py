"""Language model and flow, trained on one speaker: with an adapter of a stated share, or all weights.

An evaluation keeps the weights where they are the best so far, and ends the run where nothing has improved for a while:
twenty minutes of speech are learnt by heart in a few dozen epochs.
"""

import math
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
import torch.distributed as dist
from pydantic import Field, model_validator
from safetensors.torch import save_file
from torch import Tensor, nn

from glmtts import durable
from glmtts.config import StrictConfig
from glmtts.data.section import DataSection
from glmtts.errors import ConfigError
from glmtts.flow.dit import FlowConfig
from glmtts.flow.train import FlowInit, FlowLoss, FlowTask
from glmtts.lm.listening import said
from glmtts.lm.model import Llama, LMConfig
from glmtts.lm.train import LanguageModelTask, LMData, LMInit, LMLoss
from glmtts.training.config import writable
from glmtts.training.logs import logged, read_rows
from glmtts.training.task import Task
from glmtts.training.weights import fill_base, start_weights
from glmtts.voices.lora import put_in
from glmtts.voices.targets import Ranks, solve_ranks

BEST = "best.safetensors"
LENGTHS = (0.8, 1.25)  # of what the model says to what the speaker takes
SPOKEN_LINES = 12  # held-out lines that are spoken in an evaluation of the language model


def check_lengths(lengths: tuple[float, float]) -> None:
    """Raises ValueError where no length lies within `lengths`, so that no weights would ever be kept."""
    if not 0 <= lengths[0] <= lengths[1]:
        raise ValueError(f"no length is within lengths {list(lengths)}: give the least first, then the most")


class VoiceInit(StrictConfig):
    """`share` of the backbone that an adapter trains, None trains all weights; `run.init_from` is the base.

    Without a base an adapter is trained on the embedded bundle, and training all weights is refused. The run ends where
    `patience` evaluations in a row were no better than the best.
    """

    share: float | None = Field(default=0.15, gt=0, le=1)
    patience: int = Field(default=4, ge=1)


class VoiceLMInit(LMInit, VoiceInit):
    """`prefix` are text ids before every text, by which fine-tuned weights know the speaker; none by default.

    Weights are kept that take `lengths` of the speaker's time for held-out texts: beyond, they race or drag.
    """

    prefix: tuple[int, ...] = ()
    lengths: tuple[float, float] = LENGTHS

    @model_validator(mode="after")
    def _some_length_serves(self) -> Self:
        check_lengths(self.lengths)
        return self


class VoiceFlowInit(FlowInit, VoiceInit):
    """As `VoiceInit`."""


class VoiceTask(Task):
    """What training a voice adds to the task of a stage, which comes after it among the bases."""

    kind: ClassVar[str]
    judged_by: ClassVar[tuple[str, ...]]
    ranks: Ranks | None = None

    def check(self) -> None:
        """Refuse also to train all weights from random ones, and what an adapter would leave out.

        Raises:
            ConfigError: says so.
        """
        super().check()
        init = self.section(VoiceInit)
        if init.share is None and self.config.run.init_from is None:
            raise ConfigError(
                "run.init_from is missing: training all weights (init.share = null) would begin with random ones. "
                "Give a bundle's folder or a run's, or `bundle` for the embedded one."
            )
        # how new weights begin, which a voice never has, and how the base's are changed, which an adapter does not
        unread = ("speech_rows", "mel_head", *(("moved_codes",) if init.share is not None else ()))
        if given := [name for name in unread if getattr(init, name, None) is not None]:
            raise ConfigError(
                f"init.{given[0]} would not be read: a voice begins with the weights of its base, and an adapter "
                "leaves them as they are. Leave it out."
            )

    def build(self) -> Any:
        """The network of the base, with an adapter in it unless all is trained."""
        network, share = super().build(), self.section(VoiceInit).share  # type: ignore[safe-super]
        if share is not None:
            self.ranks = solve_ranks(network, self.kind, share)
            put_in(network, self.ranks)
        return network

    def start(self, model: nn.Module) -> None:
        """Take the weights of the base; an adapter begins by changing nothing."""
        # of a run that was killed before its first checkpoint, and may have had another share
        with writable(self.config.run.out):
            (self.config.run.out / BEST).unlink(missing_ok=True)
        where = self.config.run.init_from or "bundle"
        if self.section(VoiceInit).share is None:
            super().start(model)  # type: ignore[safe-super]
        else:
            fill_base(model, start_weights(where, self.kind), where)

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """The stage's own figures; the averaged weights are kept where they are the best so far."""
        # `costs` reads the log once, and here at the latest: before the engine adds the row of this evaluation
        before, figures = [*self.costs], self.figures(model, device)
        # as the log has them: a run that is killed reads its costs there, and must keep what an unbroken one keeps
        self.costs.append(self._cost({name: logged(value) for name, value in figures.items()}))
        if self.costs[-1] < min(before, default=float("inf")):
            _save_best(self.config.run.out, model)
        return figures

    def figures(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """The figures of an evaluation of a network as it is, in evaluation mode, without gradients."""
        return {**super().evaluate(model, device), **self.measures(model)}

    def _cost(self, figures: dict[str, float]) -> float:
        """What an evaluation is judged by; infinite where its weights may not be the best."""
        known = [figures[name] for name in self.judged_by if name in figures]
        # of the flow two losses, which both go into what is heard
        cost = sum(known) if known and self.acceptable(figures) else math.inf
        # NaN is below nothing and above nothing: as the first cost it would keep every later one from being the best
        return cost if math.isfinite(cost) else math.inf

    @property
    def none_kept(self) -> str:
        """What to do where no evaluation had weights that may be the best."""
        return (
            f"No epoch of {self.config.run.out} gave numbers on held-out recordings. Train anew, in another --work, "
            "with a lower --learning-rate;"
        )

    def measures(self, model: nn.Module) -> dict[str, float]:
        """More figures of an evaluation."""
        return {}

    def acceptable(self, figures: dict[str, float]) -> bool:
        """Whether weights with these figures may be the best."""
        return True

    def enough(self) -> bool:
        """Whether the last `patience` evaluations were no better than the best before them."""
        patience = self.section(VoiceInit).patience
        old, late = self.costs[:-patience], self.costs[-patience:]
        # from the log, so that a run which was killed remembers how long nothing has improved
        return bool(old) and min(late) >= min(old)

    @cached_property
    def costs(self) -> list[float]:
        """What every evaluation so far gave, also of a run that was killed."""
        rows = read_rows(self.config.run.out / "evaluation.csv")
        return [self._cost({name: float(value) for name, value in row.items() if value}) for row in rows]


def _save_best(run: Path, model: nn.Module) -> None:
    """Write the trained weights as they are now; every process takes part, the first one writes."""
    # averaged weights: the engine has put them into the model for the evaluation
    trained = {name: value for name, value in model.named_parameters() if value.requires_grad}
    # a DTensor is gathered by all processes together, so none may leave before this line
    whole: dict[str, Tensor] = {name: getattr(v, "full_tensor", lambda v=v: v)() for name, v in trained.items()}
    if dist.is_initialized() and dist.get_rank():
        return
    with writable(run), durable.whole(run / BEST) as temporary:
        save_file({name: value.detach().cpu().contiguous() for name, value in whole.items()}, temporary)


class VoiceLanguageModel(VoiceTask, LanguageModelTask):
    """`task = "voice_lm"`: needs what `lm` needs."""

    kind, judged_by = "lm", ("held_out_loss",)
    sections: ClassVar = {"model": LMConfig, "data": LMData, "loss": LMLoss, "init": VoiceLMInit}

    def check(self) -> None:
        """Refuse also a prefix that the model has no rows for.

        Raises:
            ConfigError: names the id.
        """
        super().check()
        rows = self.section(LMConfig).vocab_size
        if beyond := [number for number in self.prefix if not 0 <= number < rows]:
            raise ConfigError(f"init.prefix has the id {beyond[0]}, and the model has those from 0 to {rows - 1}.")

    @property
    def none_kept(self) -> str:
        """As above, of a model that may also have spoken too fast or too slowly."""
        return (
            f"No epoch of {self.config.run.out} kept to the speaker's rate of speaking. Look whether the texts are "
            "complete, and train anew, in another --work, with a lower --learning-rate;"
        )

    @property
    def prefix(self) -> tuple[int, ...]:
        """By which fine-tuned weights know the speaker."""
        return self.section(VoiceLMInit).prefix

    def measures(self, model: nn.Module) -> dict[str, float]:
        """Tokens that the model says for held-out texts over those that the speaker takes."""
        assert isinstance(model, Llama)
        lines = self.held_out["held_out"][:SPOKEN_LINES]
        if not lines:
            return {}
        # − 1: the last target is the end of audio, which takes no time
        real = sum(len(line.targets_N) - 1 for line in lines)
        return {"length_ratio": sum(map(len, said(model, self.layout, lines))) / max(1, real)}

    def acceptable(self, figures: dict[str, float]) -> bool:
        """Whether the model speaks at the speaker's rate: some grow faster with every epoch."""
        least, most = self.section(VoiceLMInit).lengths
        return least <= figures.get("length_ratio", 1.0) <= most


class VoiceFlow(VoiceTask, FlowTask):
    """`task = "voice_flow"`: needs what `flow` needs."""

    kind, judged_by = "flow", ("held_out_flow", "held_out_prior")
    sections: ClassVar = {"model": FlowConfig, "data": DataSection, "loss": FlowLoss, "init": VoiceFlowInit}
