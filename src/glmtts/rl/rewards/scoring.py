"""All rewards of a run: where each runs, how long it took, what it has scored, and what happens when a worker dies.

A worker that is gone says nothing about the answers. So the run waits and asks again, and goes on where it was; only
an answer that a reward itself declines (None) is left out of its group. The public release counts a dead reward
server as reward 0, and trains on that.
"""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import numpy as np
from pydantic import Field, model_validator

from glmtts.backends import foreign
from glmtts.config import StrictConfig
from glmtts.errors import RlError
from glmtts.rl.rewards.base import Completion, Context, make_reward, reward_class
from glmtts.rl.rewards.ledger import Ledger, scored_by
from glmtts.rl.rewards.scores import CURE, scores_of

logger = logging.getLogger(__name__)
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds between two tries; doubled each time


class RewardSection(StrictConfig):
    """One reward of a run. `kind` names it where its name in the table does not; `options` are its own.

    `runs` says where: "here"; in `workers` Ray actors; or at the gRPC workers `addresses` (`glm-tts rl-worker`).
    Each Ray actor asks for `gpus`, a number or a part of one; None asks for one where an option `device` of the
    reward is a CUDA device, else for none. An actor that has any opens the run's bundle on it too.
    Answers are sent `batch` at a time. A worker that does not answer is asked again for `patience_minutes`, of which
    each of several has a part before the next one is asked; a reward that runs here needs none.
    """

    kind: str | None = None
    weight: float = 1.0
    options: dict[str, Any] = Field(default={})
    runs: Literal["here", "ray", "grpc"] = "here"
    workers: int = Field(default=1, ge=1)
    gpus: float | None = Field(default=None, ge=0)
    addresses: tuple[str, ...] = ()
    batch: int = Field(default=8, ge=1)  # a group: what a killed worker takes along is scored anew
    patience_minutes: float = Field(default=60.0, gt=0)  # a machine may be started anew meanwhile

    @model_validator(mode="after")
    def _has_addresses(self) -> Self:
        if (self.runs == "grpc") != bool(self.addresses):
            raise ValueError('addresses are for runs = "grpc", which needs them')
        return self

    @model_validator(mode="after")
    def _has_actors(self) -> Self:
        if self.runs != "ray" and (self.workers > 1 or self.gpus is not None):
            raise ValueError('workers and gpus are of Ray actors, which runs = "ray" starts')
        if self.gpus is not None and self.gpus > 1 and self.gpus % 1:
            raise ValueError(f"gpus is {self.gpus:g}, but an actor has a part of one GPU, or several whole ones")
        return self

    @property
    def gpus_each(self) -> float:
        """GPUs that each Ray actor asks for."""
        if self.gpus is not None:
            return self.gpus
        return 1.0 if _names_cuda(self.options) else 0.0


def _names_cuda(options: Mapping[str, Any]) -> bool:
    """Whether an option `device` is a CUDA device, as recognisers and scorers take it; also in options of options."""
    inner = any(_names_cuda(value) for value in options.values() if isinstance(value, Mapping))
    return inner or str(options.get("device")).partition(":")[0] == "cuda"


class WorkerLostError(Exception):
    """A worker that did not answer; what it was asked may be asked again."""


class Backend(Protocol):
    """Where a reward runs."""

    needs_audio: bool

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        """Scores of a batch. Raises WorkerLostError where nobody answers."""
        ...


class Here:
    """A reward in this process."""

    def __init__(self, name: str, section: RewardSection, context: Context) -> None:
        self._name, self._reward = name, make_reward(section.kind or name, context, section.options)
        with self._foreign():
            self._reward.prepare()
            self.needs_audio = bool(self._reward.needs_audio)

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        """See `Backend`.

        Raises:
            RlError: the reward itself failed, as it would again.
        """
        # copies: the next reward hears the same answers, and the guards do
        own = tuple(one.copied() for one in completions)
        with self._foreign():
            return self._reward.score(own)

    def _foreign(self) -> AbstractContextManager[None]:
        return foreign(f"The reward '{self._name}' failed", CURE, RlError)


def backend(name: str, section: RewardSection, context: Context) -> Backend:
    """Where the configuration wants a reward to run."""
    # looked up for workers' rewards too: a name that does not exist fails before anything is decoded
    reward_class(section.kind or name)
    if section.runs == "here":
        return Here(name, section, context)
    kind = section.kind or name
    if section.runs == "ray":
        from glmtts.rl.rewards.ray_workers import RayBackend

        return RayBackend(kind, section, context)
    from glmtts.rl.rewards.grpc_workers import GrpcBackend

    return GrpcBackend(kind, section)


def _ledger_file(folder: Path | None, name: str, section: RewardSection) -> Path | None:
    """Where the scores of a reward are kept; one with other options scores otherwise, and finds none of them."""
    if folder is None:
        return None
    return folder / f"{name}-{scored_by(section.kind or name, section.options)}.jsonl"


class Scoring:
    """Scores answers by all rewards of a run; `folder` keeps their ledgers, None keeps them in memory."""

    def __init__(self, sections: Mapping[str, RewardSection], context: Context, folder: Path | None) -> None:
        self.sections = sections
        self._backends = {name: backend(name, section, context) for name, section in sections.items()}
        self.ledgers = {name: Ledger(_ledger_file(folder, name, section)) for name, section in sections.items()}

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each reward."""
        return {name: section.weight for name, section in self.sections.items()}

    def audible(self, names: Sequence[str]) -> bool:
        """Whether any of these rewards needs audio."""
        return any(self._backends[name].needs_audio for name in names)

    def score(
        self, completions: Sequence[Completion], names: Sequence[str]
    ) -> tuple[dict[str, np.ndarray], dict[str, float]]:
        """Scores (answers,) by reward, NaN where an answer could not be scored, and the seconds that each took.

        Raises:
            RlError: a worker did not answer for its `patience_minutes`.
        """
        scores, seconds = dict[str, np.ndarray](), dict[str, float]()
        for name in names:
            started = time.perf_counter()
            scores[name] = self._by(name, completions)
            seconds[name] = time.perf_counter() - started
        return scores, seconds

    def _by(self, name: str, completions: Sequence[Completion]) -> np.ndarray:
        ledger, size = self.ledgers[name], self.sections[name].batch
        # a group may hold the same tokens twice: equal answers are scored once
        fresh = list({one.key: one for one in completions if one.key not in ledger}.values())
        for start in range(0, len(fresh), size):
            batch = fresh[start : start + size]
            for one, score in zip(batch, self._asked(name, batch), strict=True):
                ledger.add(one.key, score)
        return np.array([math.nan if (score := ledger.get(one.key)) is None else score for one in completions])

    def _asked(self, name: str, batch: Sequence[Completion]) -> list[float | None]:
        """Scores of a batch; asks again while its worker is gone."""
        section, wait, started = self.sections[name], FIRST_WAIT, time.monotonic()
        while True:
            try:
                return scores_of(name, self._backends[name].score(batch), len(batch))
            except WorkerLostError as error:
                if time.monotonic() - started > 60 * section.patience_minutes:
                    raise RlError(
                        f"The reward '{name}' has not answered for {section.patience_minutes:g} minutes ({error}). "
                        "Start its worker; the same command goes on."
                    ) from None
                logger.warning("The reward '%s' does not answer (%s); trying again in %.1f s.", name, error, wait)
                time.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)
