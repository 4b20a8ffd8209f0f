"""Experience of one micro-batch: answers with their advantages, after resampling and dropping (report section 2.4)."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from glmtts.errors import ConfigError
from glmtts.judging.judge import Judge
from glmtts.rl.advantages import AdvantageConfig, Advantages, deciding, group_advantages
from glmtts.rl.credit import CreditConfig, token_advantages, wrong_tokens
from glmtts.rl.distribution import Support
from glmtts.rl.prompts import Prompt
from glmtts.rl.rewards.base import Completion
from glmtts.rl.rewards.scoring import Scoring
from glmtts.rl.rollout import Answer
from glmtts.rl.unscored import Unscored

Decode = Callable[[Sequence[Prompt], Sequence[Sequence[int]]], list[list[Answer]]]
Seeds = Callable[[int, int], list[int]]  # of a prompt's place and the attempt
Speak = Callable[[Sequence[Answer], bool], list[Completion]]


@dataclass
class Experience:
    """Answers that are trained on, the advantage of every draw of each, and what was seen on the way.

    `first` are all answers of the first attempt, before anything was left out: what figures are taken of; `completions`
    the same where they were rendered. `support` and `old_N` say how the answers' N draws were drawn, and the
    log-probabilities that they had then.
    """

    answers: list[Answer] = field(default_factory=list)
    advantages: list[np.ndarray] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    first: list[Answer] = field(default_factory=list)
    completions: list[Completion] = field(default_factory=list)
    support: Support | None = None
    old_N: Tensor | None = None

    def keep(self, chosen: Sequence[bool]) -> None:
        """Train on the chosen answers alone."""
        self.answers = [answer for answer, one in zip(self.answers, chosen, strict=True) if one]
        self.advantages = [values for values, one in zip(self.advantages, chosen, strict=True) if one]

    def to(self, device: torch.device) -> "Experience":
        """The same with its tensors on a device."""
        support = None if self.support is None else self.support.to(device)
        return replace(self, support=support, old_N=None if self.old_N is None else self.old_N.to(device))


@dataclass
class _Group:
    """One prompt's answers with their rewards."""

    answers: list[Answer]
    rewards: dict[str, np.ndarray]
    found: Advantages


class Collector:
    """Collects experience: decodes, scores, and resamples groups whose answers are all alike."""

    def __init__(self, scoring: Scoring, advantages: AdvantageConfig, credit: CreditConfig, judge: Judge) -> None:
        self.scoring, self.config, self.credit, self.judge = scoring, advantages, credit, judge
        if credit.elsewhere < 1 and judge.recogniser is None:
            raise ConfigError("The bundle has no token recogniser to find wrong syllables. Set credit.elsewhere to 1.")
        weights = scoring.weights
        self._deciding = list(deciding(advantages, weights))
        self._others = [name for name in weights if name not in self._deciding]
        # as `group_advantages` has it: an answer without one of these leaves its group
        self._unscored = Unscored([name for name, weight in weights.items() if weight or name in self._deciding])

    def collect(self, prompts: Sequence[Prompt], decode: Decode, speak: Speak, seeds: Seeds) -> Experience:
        """The experience of some prompts.

        A group that is all alike is decoded again with other seeds, up to `resamplings` times, and then dropped.

        Raises:
            RlError: the rewards have scored nothing for many rollouts, or one failed.
        """
        asked: list[dict[str, np.ndarray]] = []
        seen, times = Experience(), defaultdict[str, float](float)
        open_, kept = list(range(len(prompts))), dict[int, _Group]()
        counts = Counter(resampled=0)
        for attempt in range(1 + self.config.resamplings):
            started = time.perf_counter()
            groups = decode([prompts[place] for place in open_], [seeds(place, attempt) for place in open_])
            times["rollout"] += time.perf_counter() - started
            scored = self._scored(groups, speak, times, seen, everything=attempt == 0)
            seen.first = seen.first or [answer for group in groups for answer in group]
            counts["decoded"] += len(groups)
            asked += [one.rewards for one in scored]
            kept |= {place: one for place, one in zip(open_, scored, strict=True) if one.found.trains}
            if attempt == 0:
                seen.metrics |= _first_metrics(scored, self.scoring.weights)
            open_ = [place for place, one in zip(open_, scored, strict=True) if not one.found.trains]
            if not open_:
                break
            # after the last attempt groups are not decoded again, but dropped
            counts["resampled"] += len(open_) if attempt < self.config.resamplings else 0
        self._unscored.watch(asked)
        # in the order of the prompts, whichever attempt a group is of: sums do not depend on it
        for place in sorted(kept):
            self._take(kept[place], seen)
        seen.metrics |= {"groups/trained": len(kept), "groups/dropped": len(open_), **_named("groups", counts)}
        seen.metrics |= {f"time/{name}": seconds for name, seconds in times.items()}
        return seen

    def _scored(
        self,
        groups: Sequence[Sequence[Answer]],
        speak: Speak,
        times: dict[str, float],
        seen: Experience,
        everything: bool,
    ) -> list[_Group]:
        """Rewards and advantages of groups; those that do not decide are asked about groups that train alone.

        Rendering costs more than all else; `everything` asks for all rewards, so that their means are of all answers.
        """
        decided = self._rewards([a for group in groups for a in group], self._deciding, speak, times, seen)
        own = {name: self.scoring.weights[name] for name in self._deciding}
        parts = _split(decided, [len(group) for group in groups])
        # advantages are taken twice: here by the deciding rewards alone, to choose; below by all, to learn from
        trains = [group_advantages(part, own, self.config).trains for part in parts]
        # a group that will be dropped need not be rendered, unless the log is to tell of it
        wanted = [everything or one for one in trains]
        asked = [a for group, one in zip(groups, wanted, strict=True) if one for a in group]
        others = self._rewards(asked, self._others, speak, times, seen) if asked and self._others else {}
        rest = iter(_split(others, [len(group) for group, one in zip(groups, wanted, strict=True) if one]))
        found = []
        for group, part, one, train in zip(groups, parts, wanted, trains, strict=True):
            rewards = {**part, **next(rest)} if one and self._others else part
            whole = group_advantages(rewards, self._weights(rewards), self.config)
            # advantages that are all 0 would be learnt from as momentum and decay
            found.append(_Group(list(group), rewards, whole if train and whole.values_A.any() else _dropped(whole)))
        return found

    def _weights(self, rewards: dict[str, np.ndarray]) -> dict[str, float]:
        return {name: weight for name, weight in self.scoring.weights.items() if name in rewards}

    def _rewards(
        self, answers: Sequence[Answer], names: Sequence[str], speak: Speak, times: dict[str, float], seen: Experience
    ) -> dict[str, np.ndarray]:
        started = time.perf_counter()
        audio = self.scoring.audible(names)
        completions = speak(answers, audio)
        if audio:
            times["render"] += time.perf_counter() - started
            seen.completions = seen.completions or completions
        scores, seconds = self.scoring.score(completions, names)
        for name, taken in seconds.items():
            times[f"rewards/{name}"] += taken
        return scores

    def _take(self, group: _Group, seen: Experience) -> None:
        """Add a group's answers that count to the experience."""
        # mostly from the judge's memory, where a reward has asked about them before
        readings = self.judge.readings([a.tokens for a in group.answers]) if self.credit.elsewhere < 1 else []
        for place, answer in enumerate(group.answers):
            if not group.found.valid_A[place]:
                continue
            # the end of audio is a draw like the others, where it was drawn
            draws, wrong = len(answer.tokens) + answer.stopped, None
            if readings and (reading := readings[place]) is not None:
                wrong = wrong_tokens(reading, answer.segment.phonemes, self.credit.context)
            advantage = float(group.found.values_A[place])
            seen.answers.append(answer)
            seen.advantages.append(token_advantages(advantage, draws, wrong, self.credit.elsewhere))


def _dropped(found: Advantages) -> Advantages:
    return Advantages(found.values_A, found.valid_A, False, found.flat)


def _split(rewards: dict[str, np.ndarray], sizes: Sequence[int]) -> list[dict[str, np.ndarray]]:
    ends = np.cumsum(sizes)
    return [{n: v[end - size : end] for n, v in rewards.items()} for size, end in zip(sizes, ends, strict=True)]


def _first_metrics(groups: Sequence[_Group], weights: Mapping[str, float]) -> dict[str, float]:
    """What trl logs of rewards, of the first attempt: later ones are drawn where it went badly or perfectly."""
    metrics = _fused(groups, weights)
    for name in groups[0].rewards:
        values = np.concatenate([group.rewards[name] for group in groups])
        known = values[np.isfinite(values)]
        metrics[f"rewards/{name}/mean"] = float(known.mean()) if len(known) else 0.0
        metrics[f"rewards/{name}/std"] = float(known.std()) if len(known) else 0.0
        metrics[f"rewards/{name}/unscored"] = float(np.mean(~np.isfinite(values)))
    metrics["frac_reward_zero_std"] = float(np.mean([not group.found.trains for group in groups]))
    return metrics


def _fused(groups: Sequence[_Group], weights: Mapping[str, float]) -> dict[str, float]:
    """Mean of the weighted sum of rewards, and its mean deviation within groups; answers without a score are out."""
    # a reward of weight 0 leaves no answer out: 0 · NaN is NaN
    sums = [sum(weights[n] * values for n, values in group.rewards.items() if weights[n]) for group in groups]
    kept = [own for one in sums if len(own := np.asarray(one)[np.isfinite(one)])]
    if not kept:
        return {"reward": 0.0, "reward_std": 0.0}
    return {"reward": float(np.concatenate(kept).mean()), "reward_std": float(np.mean([one.std() for one in kept]))}


def _named(prefix: str, counts: Counter[str]) -> dict[str, float]:
    return {f"{prefix}/{name}": float(count) for name, count in counts.items()}
