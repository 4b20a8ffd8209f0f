"""The sections of a run of reinforcement learning, as its TOML file holds them."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from glmtts.config import StrictConfig
from glmtts.lm.request import COLDEST, SamplingConfig
from glmtts.rl.advantages import AdvantageConfig
from glmtts.rl.credit import CreditConfig
from glmtts.rl.guards import GuardConfig
from glmtts.rl.objective import ObjectiveConfig
from glmtts.rl.prompts import PromptData
from glmtts.rl.rewards.scoring import RewardSection
from glmtts.rl.schedules import Schedule


class PolicySection(StrictConfig):
    """[model]: `bundle` gives the language model its sizes and first weights, and all other stages.

    Without `lora_rank` all weights are trained, and neither `lora_alpha` nor `lora_targets` is read; else adapters of
    that rank on `lora_targets`, scaled by lora_alpha / lora_rank (Hu et al., 2021), and nothing but them.
    """

    bundle: str = "bundle"
    lora_rank: int | None = Field(default=None, ge=1)
    lora_alpha: float = Field(default=16.0, gt=0)  # a choice; of rank 16 it scales by 1
    lora_targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class RolloutSection(PromptData):
    """[data]: texts and voices, and how they are answered.

    A micro-batch has `prompts` prompts with `answers` answers each. `sampling` is how they are drawn; "null" draws as
    the bundle speaks. `temperature` takes the place of its temperature, and may change while the run goes on; answers
    that are not drawn are all alike, so neither may be below `COLDEST`.
    `capacity` answers are decoded together. `ray_workers` roll out beside the learner; 0 does it in this process.
    """

    prompts: int = Field(default=4, ge=1)  # with eight answers each 32 are decoded together, half of `capacity`
    answers: int = Field(default=8, ge=2)  # as the release takes
    sampling: SamplingConfig | None = None
    temperature: Schedule | None = None
    capacity: int = Field(default=64, ge=1)
    ray_workers: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _draws(self) -> Self:
        own = None if self.sampling is None else self.sampling.temperature
        coldest = own if self.temperature is None else self.temperature.least
        if coldest is not None and coldest < COLDEST:
            raise ValueError(f"the temperature is {coldest:g}, and answers are drawn at {COLDEST:g} or more")
        return self


LONGEST_NAME = 200  # bytes of a reward's name; file systems take 255, and endings are added


class PolicyLoss(StrictConfig):
    """[loss] of GRPO; names of rewards become names of files and of columns."""

    rewards: dict[str, RewardSection] = Field(min_length=1)
    advantages: AdvantageConfig = AdvantageConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    credit: CreditConfig = CreditConfig()
    guards: GuardConfig = GuardConfig()

    @field_validator("rewards")
    @classmethod
    def _named(cls, rewards: dict[str, RewardSection]) -> dict[str, RewardSection]:
        for name in rewards:
            # not printable: ends of lines, which a log is read by, and half surrogates, which no file holds
            if not name or not name.isprintable() or len(name.encode()) > LONGEST_NAME or set(name) & set("/\\"):
                raise ValueError(
                    f"{name[:50]!r} is no name of a reward, which is that of its file of scores too; give a short one "
                    "without slashes, and its kind apart"
                )
        return rewards

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        if not any(reward.weight for reward in self.rewards.values()):
            raise ValueError("all rewards have the weight 0")
        return self


class DiffroLoss(StrictConfig):
    """[loss] of DiffRO.

    `softness` is the temperature of the Gumbel-softmax, `kl` weighs KL(π ‖ reference) a draw. `estimator` "straight"
    reads the drawn tokens and differentiates the soft ones; "soft" reads the soft ones.
    """

    # choices: at 1 the soft tokens are the policy's own distribution, and a KL of 1 nat a draw costs a tenth of a nat
    softness: float = Field(default=1.0, gt=0)
    kl: float = Field(default=0.1, ge=0)
    estimator: Literal["straight", "soft"] = "straight"
    guards: GuardConfig = GuardConfig()
