"""Rewards in other processes: Ray actors, or gRPC workers on this or other machines.

Answers travel as safetensors with a JSON header, never as pickles. A gRPC worker keeps a ledger of its own, so that
one that is killed and started again answers what it has scored without scoring it anew.
"""

import json
import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from glmtts.backends import reason_of
from glmtts.errors import ConfigError, GlmTtsError, RlError
from glmtts.rl.rewards.base import Completion, Context, Reward, hears, make_reward
from glmtts.rl.rewards.ledger import Ledger, scored_by
from glmtts.rl.rewards.scores import scores_of
from glmtts.rl.rewards.scoring import RewardSection, WorkerLostError
from glmtts.rl.rewards.turns import Turns, seconds_each

logger = logging.getLogger(__name__)
SCORE, SERVICE = "Score", "glmtts.Reward"
LARGEST_MESSAGE = 256 << 20  # bytes: eight answers of 30 s are 23 MB
LONGEST_REASON = 1000  # characters of an error that a worker tells; gRPC takes 8 KiB
OPTIONS = [
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
]
# A machine that vanished says nothing: a ping finds it, also while a reward takes its time. Servers take one in five
# minutes, and hang up on more.
KEEP_ALIVE = [
    ("grpc.keepalive_time_ms", 360_000),
    ("grpc.keepalive_timeout_ms", 60_000),
    ("grpc.http2.max_pings_without_data", 0),  # as many as it takes; of itself it sends two
]
# codes after which asking again would give the same; any other means a worker that is gone
REFUSALS = ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "INTERNAL", "UNIMPLEMENTED", "RESOURCE_EXHAUSTED")
ARRAYS, PLAIN = ("wave", "reference", "speaker"), ("key", "text", "language", "stopped", "rate", "emotion")


def packed(completions: Sequence[Completion]) -> bytes:
    """Answers as one message."""
    arrays = {
        f"{n}.{name}": value
        for n, one in enumerate(completions)
        for name in ARRAYS
        if (value := getattr(one, name)) is not None
    }
    plain = [
        {**{name: getattr(one, name) for name in PLAIN}, "phonemes": list(one.phonemes), "tokens": list(one.tokens)}
        for one in completions
    ]
    head = json.dumps(plain).encode()
    return len(head).to_bytes(8, "little") + head + save({n: np.ascontiguousarray(v) for n, v in arrays.items()})


def unpacked(message: bytes) -> list[Completion]:
    """What `packed` made."""
    size = int.from_bytes(message[:8], "little")
    plain, arrays = json.loads(message[8 : 8 + size]), load(message[8 + size :])
    found = []
    for number, values in enumerate(plain):
        own: dict[str, Any] = {name: arrays[f"{number}.{name}"] for name in ARRAYS if f"{number}.{name}" in arrays}
        values |= {"phonemes": tuple(values["phonemes"]), "tokens": tuple(values["tokens"])}
        found.append(Completion(**values, **own))
    return found


class GrpcBackend:
    """A reward at gRPC workers, which are asked in turn."""

    def __init__(self, kind: str, section: RewardSection) -> None:
        grpc = _grpc()
        self._errors, self._late = grpc.RpcError, grpc.StatusCode.DEADLINE_EXCEEDED
        self._addresses, self._turns = section.addresses, Turns(len(section.addresses))
        channels = [grpc.insecure_channel(address, options=OPTIONS + KEEP_ALIVE) for address in section.addresses]
        self._calls = [channel.unary_unary(f"/{SERVICE}/{SCORE}") for channel in channels]
        try:
            self._head = json.dumps({"kind": kind, "options": section.options}).encode()
        except TypeError as error:  # TOML's dates
            raise ConfigError(
                f"The options of the reward '{kind}' cannot be sent: {error}. Write text there."
            ) from None
        self._timeout = seconds_each(section.patience_minutes, len(section.addresses))
        self.needs_audio = hears(kind, section.options)

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        """See `scoring.Backend`.

        Raises:
            RlError: the reward itself failed, which it would again, or what answers is no reward worker.
        """
        # in turn also after an error: what one worker did not answer is asked of the next
        number = self._turns.next()
        message = len(self._head).to_bytes(8, "little") + self._head + packed(completions)
        try:
            reply = self._calls[number](message, timeout=self._timeout)
        except self._errors as error:
            if error.code().name in REFUSALS:
                raise RlError(f"The reward worker refused: {error.details()}") from None
            if error.code() == self._late:
                self._turns.late(number)
            raise WorkerLostError(error.code().name.lower()) from None
        try:
            scores: list[float | None] = json.loads(reply)
        except (ValueError, RecursionError):
            raise RlError(
                f"What answers at {self._addresses[number]} is no reward worker: it sends no scores. Start "
                "`glm-tts rl-worker` there, or correct the address."
            ) from None
        return scores


class RewardWorker:
    """What a gRPC worker does: makes each reward once, scores what it has not scored, and remembers it."""

    def __init__(self, context: Context, folder: Path | None) -> None:
        self.context, self.folder = context, folder
        self._rewards: dict[str, tuple[Any, Ledger]] = {}
        self._lock = threading.Lock()  # models are not made for many threads

    def score(self, message: bytes) -> bytes:
        """One call: the reward's name and options, then the answers; gives their scores."""
        size = int.from_bytes(message[:8], "little")
        request, completions = json.loads(message[8 : 8 + size]), unpacked(message[8 + size :])
        with self._lock:
            reward, ledger = self._reward(request["kind"], request["options"])
            scores: list[float | None] = []
            for one in completions:
                if one.key not in ledger:
                    # one by one: each is in the ledger before the next may take the worker down
                    ledger.add(one.key, *scores_of(request["kind"], reward.score([one]), 1))
                scores.append(ledger.get(one.key))
        return json.dumps(scores).encode()

    def _reward(self, kind: str, options: dict[str, Any]) -> tuple[Any, Ledger]:
        name = json.dumps([kind, options], sort_keys=True)
        if name not in self._rewards:
            path = None  # of a ledger for this reward by this worker's bundle, whose models may decide the score
            if self.folder is not None:
                path = self.folder / f"{scored_by(kind, options, self.context.digest)}.jsonl"
            reward = make_reward(kind, self.context, options)
            reward.prepare()
            self._rewards[name] = reward, Ledger(path)
        return self._rewards[name]


def serve(worker: RewardWorker, address: str) -> Any:
    """Start a gRPC server for a worker; gives it, started.

    Raises:
        RlError: the address is taken.
    """
    grpc = _grpc()

    def score(message: bytes, context: Any) -> bytes:
        try:
            return worker.score(message)
        # a reward's own error is told to the run, and does not end the worker; nor does a reward that calls sys.exit,
        # which would end the call without an answer
        except BaseException as error:
            logger.exception("A reward failed.")
            reason = reason_of(error, LONGEST_REASON)
            context.abort(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {reason}")
            raise

    # else a second worker takes half of the requests of the first
    options = [*OPTIONS, ("grpc.so_reuseport", 0)]
    # scores are made one call at a time (`_lock`); more threads unpack and answer meanwhile
    server = grpc.server(ThreadPoolExecutor(4), options=options)
    handler = grpc.unary_unary_rpc_method_handler(score)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {SCORE: handler}),))
    try:
        bound = server.add_insecure_port(address)
    except RuntimeError:
        bound = 0
    if not bound:
        raise RlError(f"{address} cannot be listened to. Choose another address.")
    server.start()
    return server


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


def _grpc() -> Any:
    try:
        import grpc
    except ImportError:
        raise RlError("Reward workers need gRPC. Install it with: pip install '.[rl]'") from None
    return grpc
