"""A stage whose work is done by gRPC workers: deadlines, retries on other workers, and every failure a sentence."""

import json
import os
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from glmtts.config import StrictConfig
from glmtts.data.manifest import FeatureSpec
from glmtts.data.pipeline.clips import Clip
from glmtts.data.pipeline.config import RemoteSection
from glmtts.data.pipeline.remote.protocol import (
    DESCRIBE,
    FULL,
    PROCESS,
    SERVICE,
    TOO_LARGE,
    as_metadata,
    identity,
    path_of,
)
from glmtts.data.pipeline.stage import Result
from glmtts.data.pipeline.wire import pack_clips, unpack_results
from glmtts.errors import ConfigError, DataError

AGAIN = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
LONGEST_PAUSE = 30.0  # seconds between two tries
CHECK = 5.0  # seconds for a question of health


class _Address:
    """One worker: its channel, and whether it was seen to hold the right stage."""

    def __init__(self, address: str, channel: grpc.Channel) -> None:
        self.address, self.channel = address, channel
        self.process = channel.unary_unary(path_of(PROCESS))
        self.describe = channel.unary_unary(path_of(DESCRIBE))
        self.health = health_pb2_grpc.HealthStub(channel)
        self.busy = 0
        self.known = False


class RemoteStage:
    """Implements `Stage`; its `process` sends clips to the worker that has least to do.

    Raises:
        ConfigError: a certificate cannot be read or is refused, or a worker holds another stage.
        DataError: no worker is healthy within `settings.ready` seconds.
    """

    name: ClassVar[str] = "remote"
    config_class: ClassVar[type[StrictConfig]] = RemoteSection

    def __init__(self, name: str, options: Mapping[str, Any], settings: RemoteSection) -> None:
        self._stage, self._identity, self._settings = name, identity(name, options), settings
        self._workers = [_Address(address, _channel(address, settings)) for address in settings.addresses]
        self._lock = threading.Lock()
        # as many requests in flight as there are workers
        self._senders = ThreadPoolExecutor(len(self._workers))
        self._features = self._first_features()

    @property
    def features(self) -> Mapping[str, FeatureSpec]:
        """Those that the workers announce."""
        return self._features

    def process(self, clips: Sequence[Clip]) -> list[Result]:
        """Results of the workers, in order.

        Raises:
            DataError: no worker answered in time after all attempts, the stage failed there, or a clip is too large.
        """
        answers = self._senders.map(self._ask, self._requests(clips))
        return [result for data in answers for result in unpack_results(data)]

    def _requests(self, clips: Sequence[Clip]) -> Iterator[bytes]:
        """Clips as messages, as many in each as the limit allows; so the batches do not depend on the workers."""
        some: list[Clip] = []
        limit, size = self._settings.message_mib << 20, 0
        for clip in clips:
            own = len(pack_clips([clip]))
            if own > limit:
                raise DataError(
                    f"Clip {clip.id} takes {own >> 20} MiB, and messages to workers of '{self._stage}' hold "
                    f"{self._settings.message_mib}. Raise remote.message_mib here and --message-mib there, or cut "
                    "shorter blocks."
                )
            # packed together, clips take no more bytes than one by one
            if some and size + own > limit:
                yield pack_clips(some)
                some, size = [], 0
            some.append(clip)
            size += own
        if some:
            yield pack_clips(some)

    def _ask(self, data: bytes) -> bytes:
        last = "no attempt was made"
        tried: set[str] = set()
        failed, refused, patience = 0, 0, time.monotonic() + self._settings.deadline
        while failed < self._settings.attempts:
            if failed + refused:
                self._pause(failed + refused)
            worker = self._take(tried)
            try:
                self._see(worker)
                return worker.process(data, timeout=self._settings.deadline, metadata=as_metadata(self._identity))
            except grpc.RpcError as error:
                last = self._judge(worker, error)
                # a full queue is no failure: behind a slow stage it is full for minutes
                full = FULL in str(error.details()) and time.monotonic() < patience
                failed, refused = failed + (not full), refused + full
                # when all have failed, all may be tried again
                tried = tried | {worker.address} if len(tried) + 1 < len(self._workers) else set()
            finally:
                with self._lock:
                    worker.busy -= 1
        raise DataError(
            f"No worker of '{self._stage}' answered in {self._settings.attempts} attempts: {last}. Finished units are "
            "kept; start the workers and run the same command again."
        )

    def _pause(self, attempt: int) -> None:
        pause = min(self._settings.backoff * 2 ** (attempt - 1), LONGEST_PAUSE)
        time.sleep(pause * random.uniform(0.5, 1.0))  # so that clients do not come back together

    def _take(self, tried: set[str]) -> _Address:
        """The worker with least to do among those not tried yet; processes begin at different ones."""
        with self._lock:
            left = [one for one in self._workers if one.address not in tried]
            turn = os.getpid() % len(left)
            worker = min(left[turn:] + left[:turn], key=lambda one: one.busy)
            worker.busy += 1
            return worker

    def _judge(self, worker: _Address, error: grpc.RpcError) -> str:
        """A sentence's part for an error after which another attempt makes sense; raises for all others."""
        code, details = error.code(), str(error.details())
        if code == grpc.StatusCode.UNAVAILABLE and _of_certificates(details):
            raise ConfigError(
                f"The worker at {worker.address} and this machine do not trust each other's certificates: {details}. "
                "Give the right remote.ca, certificate and key."
            ) from None
        if code == grpc.StatusCode.RESOURCE_EXHAUSTED and TOO_LARGE in details:
            raise DataError(
                f"The worker at {worker.address} refuses messages as large as these: {details}. Set its --message-mib "
                "and remote.message_mib to the same."
            ) from None
        if code == grpc.StatusCode.INTERNAL:
            raise RuntimeError(f"at {worker.address}: {details}") from None  # as the stage itself would have failed
        if code not in AGAIN:
            raise DataError(f"Stage '{self._stage}' failed at {worker.address}: {details}") from None
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"{worker.address} took longer than {self._settings.deadline:g} s"
        if FULL in details:
            return f"the queue of {worker.address} is full. Start more workers, or raise its --queue"
        if "socket closed" in details.lower():
            return f"{worker.address} closed the connection, for its end or because it asks for TLS or a certificate"
        return f"{worker.address} is not there ({details})"

    def _see(self, worker: _Address) -> dict[str, Any] | None:
        """See, once, that a worker is healthy and holds the stage that the run asks for. Raises grpc.RpcError."""
        if worker.known:
            return None
        worker.health.Check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=CHECK)
        told: dict[str, Any] = json.loads(worker.describe(b"", timeout=CHECK))
        other = [key for key, value in self._identity.items() if told.get(key) != value]
        if other:
            raise ConfigError(
                f"The worker at {worker.address} has another {' and '.join(other)} than this run asks for stage "
                f"'{self._stage}'. Start it with the same options and version."
            )
        worker.known = True
        return told

    def _first_features(self) -> dict[str, FeatureSpec]:
        """The features, from the first worker that is healthy."""
        ends = time.monotonic() + self._settings.ready
        while True:
            for worker in self._workers:
                try:
                    told = self._see(worker)
                except grpc.RpcError as error:
                    last = self._judge(worker, error)
                    continue
                assert told is not None  # no worker is known before
                return {name: FeatureSpec.parse(spec) for name, spec in told["features"].items()}
            if time.monotonic() >= ends:
                raise DataError(
                    f"No worker of '{self._stage}' is healthy: {last}. Start one: glm-tts data worker {self._stage}"
                )
            time.sleep(min(0.2, self._settings.ready))


def _of_certificates(details: str) -> bool:
    """Whether no connection came about because of TLS; a name that is not found may hold any of these words."""
    said = details.lower()
    return "dns resolution" not in said and any(word in said for word in ("certificate", "handshake", "ssl"))


def _channel(address: str, settings: RemoteSection) -> grpc.Channel:
    options = [
        ("grpc.max_receive_message_length", -1),  # results may be larger than clips; the worker is our own
        ("grpc.max_send_message_length", -1),
        ("grpc.max_reconnect_backoff_ms", 2000),  # gRPC's own is two minutes, in which a worker that is back is missed
        ("grpc.use_local_subchannel_pool", 1),  # else channels to one address share a connection, and its backoff
        ("grpc.lb_policy_name", "round_robin"),  # over all machines that one name stands for
    ]
    if settings.ca is None:
        return grpc.insecure_channel(address, options)
    try:
        ca = settings.ca.read_bytes()
        key = settings.key.read_bytes() if settings.key else None
        certificate = settings.certificate.read_bytes() if settings.certificate else None
    except OSError as error:
        raise ConfigError(f"A certificate cannot be read: {error}. Correct remote.ca, certificate and key.") from None
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(ca, key, certificate), options)
