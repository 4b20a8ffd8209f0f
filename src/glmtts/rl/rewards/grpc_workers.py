"""Rewards at gRPC workers, on this or other machines: what asks them, and what they do.

A worker keeps a ledger of its own, so that one that is killed and started again answers what it has scored without
scoring it anew.
"""

import json
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from glmtts.backends import reason_of
from glmtts.errors import ConfigError, RlError
from glmtts.rl.rewards.base import Completion, Context, Reward, hears, make_reward
from glmtts.rl.rewards.ledger import Ledger, scored_by
from glmtts.rl.rewards.messages import LONGEST_REASON, framed, packed, unframed, unpacked
from glmtts.rl.rewards.scores import scores_of
from glmtts.rl.rewards.scoring import RewardSection, WorkerLostError
from glmtts.rl.rewards.turns import Turns, seconds_each

logger = logging.getLogger(__name__)
SCORE, SERVICE = "Score", "glmtts.Reward"
LARGEST_MESSAGE = 256 << 20  # bytes: eight answers of 30 s are 23 MB
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
        message = framed(self._head, packed(completions))
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
        self._rewards: dict[str, tuple[Reward, Ledger]] = {}
        self._lock = threading.Lock()  # models are not made for many threads

    def score(self, message: bytes) -> bytes:
        """One call: the reward's name and options, then the answers; gives their scores."""
        head, body = unframed(message)
        request, completions = json.loads(head), unpacked(body)
        with self._lock:
            reward, ledger = self._reward(request["kind"], request["options"])
            scores: list[float | None] = []
            for one in completions:
                if one.key not in ledger:
                    # one by one: each is in the ledger before the next may take the worker down
                    ledger.add(one.key, *scores_of(request["kind"], reward.score([one]), 1))
                scores.append(ledger.get(one.key))
        return json.dumps(scores).encode()

    def _reward(self, kind: str, options: dict[str, Any]) -> tuple[Reward, Ledger]:
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


def _grpc() -> Any:
    try:
        import grpc
    except ImportError:
        raise RlError("Reward workers need gRPC. Install it with: pip install '.[rl]'") from None
    return grpc
