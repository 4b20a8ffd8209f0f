"""GRPO as a task of the training engine: one micro-batch is some prompts, answered by the policy as it stands."""

import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from glmtts.lm.model import Llama
from glmtts.rl.base_task import RolloutSource, RolloutTask, as_metrics, zero_loss
from glmtts.rl.distribution import Support
from glmtts.rl.experience import Collector, Experience
from glmtts.rl.guards import GuardConfig
from glmtts.rl.objective import TokenTerms, policy_loss
from glmtts.rl.policy import draw_logits
from glmtts.rl.rewards.base import Context
from glmtts.rl.rewards.scoring import Scoring
from glmtts.rl.rollout import Answer, DrawBatch, draw_batch
from glmtts.rl.schedules import Schedule
from glmtts.rl.settings import PolicyLoss, PolicySection, RolloutSection
from glmtts.rl.store import Store
from glmtts.training import checkpoint
from glmtts.training.task import Metrics

REWARDS, ROLLOUTS = "rewards", "rollouts"


class PolicyTask(RolloutTask):
    """`task = "grpo"`."""

    sections: ClassVar = {"model": PolicySection, "data": RolloutSection, "loss": PolicyLoss}

    @property
    def guards_config(self) -> GuardConfig:
        """[loss.guards]."""
        return self.section(PolicyLoss).guards

    @property
    def schedules(self) -> list[Schedule]:
        """With both bounds of the clip."""
        objective = self.section(PolicyLoss).objective
        return [*super().schedules, objective.clip_low, objective.clip_high]

    @cached_property
    def collector(self) -> Collector:
        """Decodes and scores."""
        loss = self.section(PolicyLoss)
        bundle = self.synthesizer.bundle.folder
        scoring = Scoring(loss.rewards, Context(bundle, self.synthesizer), self._own_file(REWARDS))
        return Collector(scoring, loss.advantages, loss.credit, self.synthesizer.judge)

    @cached_property
    def store(self) -> Store:
        """Rollouts that several updates learn from, of all processes: the next session may have another number."""
        return Store(self.config.run.out / ROLLOUTS)

    def source(self) -> RolloutSource:
        """Numbers of rollouts; also makes what is made once, so that a wrong configuration fails at once."""
        assert self.collector.scoring and self.sampling(0)
        numbers = self._numbers
        return RolloutSource(numbers.micro_batches, numbers.updates, self.prompts.digest)

    @property
    def _numbers(self) -> RolloutSource:
        return RolloutSource(self.config.optimizer.micro_batches, self.section(PolicyLoss).objective.updates)

    def _needed(self, step: int) -> set[int]:
        """Rollouts that a step, or a session that goes on from a checkpoint, learns from."""
        saved = [int(folder.stem.rpartition("-")[2]) for folder in checkpoint.checkpoints(self.config.run.out)]
        return {number for one in (step, *saved) for number in self._numbers.rollouts(one)}

    def loss(self, model: nn.Module, batch: Any, step: int, critic: nn.Module | None = None) -> tuple[Tensor, Metrics]:
        """Roll out, or take the stored rollout of an earlier update, and give the clipped objective."""
        assert isinstance(model, Llama)
        rollout, update = int(batch["rollout"]), int(batch["update"])
        objective = self.section(PolicyLoss).objective
        self.evaluate_start(model, step)
        # later updates learn from the very answers of the first one, though the policy has moved on since
        stored = self.store.read(rollout, self.asked(rollout)).to(model.device) if update else None
        learnt = stored or self._rolled_out(model, rollout, step)
        if learnt.answers:
            started = time.perf_counter()
            loss, metrics = self._objective(model, learnt, step)
            metrics["time/forward"] = time.perf_counter() - started
        else:
            loss, metrics = zero_loss(model), dict.fromkeys(POLICY_METRICS, 0.0)
        if not update:
            if not learnt.answers:  # a policy that has collapsed has groups that are all alike
                metrics["entropy"] = self._entropy(model, learnt.first, step)
            # before the store: later updates of the rollout log these figures again, under the same names
            learnt.metrics |= self.watch(step, learnt.first, learnt.completions, metrics["entropy"])
            # a single update needs no store: a killed run decodes the rollout again, alike
            if objective.updates > 1:
                self.store.write(rollout, learnt, self._needed(step))
        return loss, as_metrics({**metrics, **learnt.metrics}, model.device)

    def _rolled_out(self, model: Llama, rollout: int, step: int) -> Experience:
        """Fresh experience; decoded, rendered and scored in float32, as a bundle speaks and as reward workers score."""
        decode = self.decoder.with_policy(model, self.sampling(step))
        with torch.autocast(model.device.type, enabled=False):
            seen = self.collector.collect(
                self.asked(rollout), decode, self.speak, lambda place, attempt: self.seeds(rollout, place, attempt)
            )
        if self.section(PolicyLoss).objective.truncated == "masked":
            # after the advantages: a truncated answer still counts in the mean of its group, and is learnt from no more
            seen.keep([answer.stopped for answer in seen.answers])
        return seen

    @torch.no_grad()
    def _entropy(self, model: Llama, answers: Sequence[Answer], step: int) -> float:
        """Mean entropy of the draws of some answers, in nats."""
        batch = draw_batch(answers, self.layout, model.device)
        logits_NC = draw_logits(model, self.layout, batch)
        return float(self._support(logits_NC, batch, step).log_probs(logits_NC, batch.drawn_N)[1].mean())

    def _support(self, logits_NC: Tensor, batch: DrawBatch, step: int) -> Support:
        """What the draws of a batch are likely by."""
        if self.section(PolicyLoss).objective.distribution == "softmax":
            return Support.softmax(logits_NC, batch.least_N)
        support = Support.of(logits_NC, self.sampling(step), batch.least_N, batch.drawn)
        # also where weights are float32: the order of sums in a batch differs from that of decoding
        return support.with_drawn(batch.drawn_N)

    def _objective(self, model: Llama, learnt: Experience, step: int) -> tuple[Tensor, dict[str, float]]:
        """The objective of experience; the first update also notes what the policy that drew it thought of it."""
        objective, device = self.section(PolicyLoss).objective, model.device
        batch = draw_batch(learnt.answers, self.layout, device)
        logits_NC = draw_logits(model, self.layout, batch)
        if learnt.support is None:
            learnt.support = self._support(logits_NC, batch, step)
        log_probs_N, entropies_N = learnt.support.log_probs(logits_NC, batch.drawn_N)
        if learnt.old_N is None:
            learnt.old_N = log_probs_N.detach()  # of this same forward, so that r is exactly 1 here
        with torch.no_grad():
            # also with `ratio_to` old: the KL is measured against it
            frozen_NC = draw_logits(self.reference(device), self.layout, batch)
            reference_N = learnt.support.log_probs(frozen_NC, batch.drawn_N)[0]
        behind_N = reference_N if objective.ratio_to == "reference" else learnt.old_N
        advantages_N = torch.from_numpy(np.concatenate(learnt.advantages)).float().to(device)
        rows = len(learnt.answers)
        terms = TokenTerms(log_probs_N, behind_N, reference_N, advantages_N, entropies_N, batch.rows_N, rows)
        low, high = (part.at(step, self.run_steps) for part in (objective.clip_low, objective.clip_high))
        loss, metrics = policy_loss(terms, objective, low, high)
        return loss, {**{name: float(value) for name, value in metrics.items()}, "clip/low": low, "clip/high": high}


# what a step without a group logs as 0: processes that train together must log the same names
POLICY_METRICS = (
    "kl", "entropy", "clip_ratio/low_mean", "clip_ratio/high_mean", "clip_ratio/region_mean", "clip/low", "clip/high",
    "time/forward",
)  # fmt: skip
