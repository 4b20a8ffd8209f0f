"""Rewards in other processes: Ray actors, or gRPC workers on this or other machines.

Answers travel as safetensors with a JSON header, never as pickles. A gRPC worker keeps a ledger of its own, so that
one that is killed and started again answers what it has scored without scoring it anew.
"""

import json
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from glmtts.errors import ConfigError, RlError
from glmtts.rl.rewards.base import Completion, Context, Reward, make_reward, reward_class, scores_of
from glmtts.rl.rewards.ledger import Ledger, scored_by
from glmtts.rl.rewards.scoring import RewardSection, WorkerLostError

logger = logging.getLogger(__name__)
SCORE, SERVICE = "Score", "glmtts.Reward"
LARGEST_MESSAGE = 256 << 20  # bytes: eight answers of 30 s are 23 MB
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
        self._errors, self._turn = grpc.RpcError, count()
        options = [
            ("grpc.max_send_message_length", LARGEST_MESSAGE),
            ("grpc.max_receive_message_length", LARGEST_MESSAGE),
        ]
        channels = [grpc.insecure_channel(address, options=options) for address in section.addresses]
        self._calls = [channel.unary_unary(f"/{SERVICE}/{SCORE}") for channel in channels]
        try:
            self._head = json.dumps({"kind": kind, "options": section.options}).encode()
        except TypeError as error:  # TOML's dates
            raise ConfigError(
                f"The options of the reward '{kind}' cannot be sent: {error}. Write text there."
            ) from None
        self._timeout = 60 * section.patience_minutes
        self.needs_audio = reward_class(kind).hears(section.options)

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        """See `scoring.Backend`."""
        # in turn also after an error: what one worker did not answer is asked of the next
        call = self._calls[next(self._turn) % len(self._calls)]
        try:
            reply = call(
                len(self._head).to_bytes(8, "little") + self._head + packed(completions), timeout=self._timeout
            )
        except self._errors as error:
            if error.code().name in REFUSALS:
                raise RlError(f"The reward worker refused: {error.details()}") from None
            raise WorkerLostError(error.code().name.lower()) from None
        return json.loads(reply)


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
        except Exception as error:  # a reward's own error is told to the run, and does not end the worker
            logger.exception("A reward failed.")
            context.abort(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")
            raise

    options = [
        ("grpc.max_send_message_length", LARGEST_MESSAGE),
        ("grpc.max_receive_message_length", LARGEST_MESSAGE),
        ("grpc.so_reuseport", 0),  # else a second worker takes half of the requests of the first
    ]
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
        self._ray, self._turn = ray, count()
        gpus = section.gpus_each
        self._check_gpus(kind, gpus * section.workers)
        actor: Any = ray.remote(max_restarts=-1, num_gpus=gpus)(_Actor)
        # Ray shows an actor its own GPU alone, whatever its number
        given = (kind, context.bundle, section.options, "cuda" if gpus else None)
        self._actors: list[Any] = [actor.remote(*given) for _ in range(section.workers)]
        self._kind, self._timeout = kind, 60 * section.patience_minutes
        self.needs_audio = reward_class(kind).hears(section.options)
        try:
            # options that a reward does not take end the run here, and not an actor again and again
            self._answer([one.make.remote() for one in self._actors])
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
        actor = self._actors[next(self._turn) % len(self._actors)]
        return self._answer(actor.score.remote(packed(completions)))

    def _answer(self, asked: Any) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(asked, timeout=self._timeout)
        except errors.RayTaskError as error:
            cause = error.cause
            raise RlError(f"The reward '{self._kind}' failed: {type(cause).__name__}: {cause}") from None
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
        _ = self._reward

    def score(self, message: bytes) -> list[float | None]:
        return self._reward.score(unpacked(message))


def _grpc() -> Any:
    try:
        import grpc
    except ImportError:
        raise RlError("Reward workers need gRPC. Install it with: pip install '.[rl]'") from None
    return grpc
