"""Rewards in Ray actors, on this or other machines."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from glmtts.backends import reason_of
from glmtts.errors import GlmTtsError, RlError
from glmtts.rl.rewards.base import Completion, Context, Reward, hears, make_reward
from glmtts.rl.rewards.messages import LONGEST_REASON, packed, unpacked
from glmtts.rl.rewards.scores import scores_of
from glmtts.rl.rewards.scoring import RewardSection, WorkerLostError
from glmtts.rl.rewards.turns import Turns, seconds_each


class RayBackend:
    """A reward in Ray actors, which are asked in turn; one that dies is started again."""

    def __init__(self, kind: str, section: RewardSection, context: Context) -> None:
        """Start the actors, each with `section.gpus_each` GPUs, and wait until each has made its reward.

        Raises:
            RlError: Ray is not installed, the cluster has too few GPUs, the reward cannot be made, or no actor starts
                for `patience_minutes`.
        """
        try:
            import ray
        except ImportError:
            raise RlError("Rewards as Ray actors need Ray. Install it with: pip install '.[ray]'") from None
        if not ray.is_initialized():
            ray.init(log_to_driver=False)
        self._ray, self._turns = ray, Turns(section.workers)
        gpus = section.gpus_each
        self._check_gpus(kind, gpus * section.workers)
        actor: Any = ray.remote(max_restarts=-1, num_gpus=gpus)(_Actor)
        # Ray shows an actor its own GPU alone, whatever its number
        given = (kind, context.bundle, section.options, "cuda" if gpus else None)
        self._actors: list[Any] = [actor.remote(*given) for _ in range(section.workers)]
        self._kind, self._timeout = kind, seconds_each(section.patience_minutes, section.workers)
        self.needs_audio = hears(kind, section.options)
        try:
            # options that a reward does not take end the run here, and not an actor again and again
            self._answer([one.make.remote() for one in self._actors], 60 * section.patience_minutes)
        except WorkerLostError as error:
            needed = "CPUs and GPUs" if gpus else "CPUs"
            raise RlError(
                f"No Ray actor starts for the reward '{kind}' ({error}). Give the cluster {needed}."
            ) from None

    def _check_gpus(self, kind: str, wanted: float) -> None:
        """Refuse to wait for GPUs that the cluster does not have: Ray would for ever."""
        there = self._ray.cluster_resources().get("GPU", 0.0)
        if wanted > there:
            raise RlError(
                f"The workers of the reward '{kind}' ask for {wanted:g} GPUs, and the Ray cluster has {there:g}. Set "
                "its gpus to a part of one, give it fewer workers, or the cluster more GPUs."
            )

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        """See `scoring.Backend`.

        Raises:
            RlError: the reward itself failed, which it would again.
        """
        number = self._turns.next()
        try:
            return self._answer(self._actors[number].score.remote(packed(completions)), self._timeout)
        except WorkerLostError as error:
            if str(error) == self._ray.exceptions.GetTimeoutError.__name__:
                self._turns.late(number)
            raise

    def _answer(self, asked: Any, timeout: float) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(asked, timeout=timeout)
        except errors.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, GlmTtsError):  # which says itself what failed
                raise RlError(str(cause)) from None
            reason = reason_of(cause, LONGEST_REASON)
            raise RlError(f"The reward '{self._kind}' failed: {type(cause).__name__}: {reason}") from None
        except (errors.RayActorError, errors.GetTimeoutError) as error:
            raise WorkerLostError(type(error).__name__) from None


class _Actor:
    """What a Ray actor holds: a reward, made when it is asked for.

    An error of an actor's constructor looks like an actor that died, which is started again and again.
    """

    def __init__(self, kind: str, bundle: Path | None, options: dict[str, Any], device: str | None) -> None:
        self._given = kind, bundle, options, device

    @cached_property
    def _reward(self) -> Reward:
        kind, bundle, options, device = self._given
        reward = make_reward(kind, Context(bundle, device=device), options)
        reward.prepare()
        return reward

    def make(self) -> None:
        with _no_exit():
            _ = self._reward

    def score(self, message: bytes) -> list[float | None]:
        completions = unpacked(message)
        with _no_exit():
            # here: what a reward gives may be nothing that travels, such as a generator
            return scores_of(self._given[0], self._reward.score(completions), len(completions))


@contextmanager
def _no_exit() -> Iterator[None]:
    """A reward that calls sys.exit fails, like one that raises: else its actor would be waited for."""
    try:
        yield
    except SystemExit as error:
        raise RuntimeError(f"it calls sys.exit({error})") from None
