"""A worker: one stage behind gRPC, with a queue before it, health beside it, and TLS around it."""

import json
import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from glmtts.data.pipeline.clips import Clip
from glmtts.data.pipeline.remote.protocol import DESCRIBE, FULL, PROCESS, SERVICE, as_metadata, identity
from glmtts.data.pipeline.stage import CLIP_FAULTS, Result, Stage, check, create_stage
from glmtts.data.pipeline.wire import pack_results, unpack_clips
from glmtts.errors import ConfigError, DataError, GlmTtsError

logger = logging.getLogger(__name__)
GRACE = 30.0  # seconds that requests have to end when the worker is stopped


@dataclass(frozen=True)
class WorkerSettings:
    """How a worker listens.

    `queue` requests wait at most; further ones are told to come back. `merge` requests that wait become one batch:
    faster on a GPU, but results may then differ in the last bits from run to run, since padding does. `certificate` and
    `key` (PEM) encrypt; `client_ca` lets in only clients with a certificate of it.

    Raises:
        ConfigError: one of the files is missing beside another. The worker would listen in plain text, and whoever gave
            a certificate would not expect it.
    """

    address: str = "127.0.0.1:50051"
    queue: int = 16
    merge: int = 1
    message_mib: int = 128
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            given, missing = ("key", "certificate") if self.certificate is None else ("certificate", "key")
            raise ConfigError(f"A worker with a {given} needs a {missing} too, else nothing is encrypted. Give both.")
        if self.client_ca is not None and self.certificate is None:
            raise ConfigError(
                "A worker asks for its clients' certificates (client_ca) only where it encrypts. "
                "Give its certificate and key too."
            )


def is_local(host: str) -> bool:
    """Whether only this machine can reach a worker that listens at a host."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def endpoint(host: str, port: int) -> str:
    """Host and port as gRPC reads them; an IPv6 address stands in brackets.

    Raises:
        ConfigError: the host is neither an address nor a name.
    """
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        # a colon is that of a port or a scheme, and digits alone are an address that was mistyped
        if not host or ":" in host or not host.strip("0123456789."):
            raise ConfigError(f"'{host}' is no address to listen at. Give one such as 127.0.0.1 or ::1.") from None
        return f"{host}:{port}"
    return f"[{address}]:{port}" if isinstance(address, IPv6Address) else f"{address}:{port}"


@dataclass
class _Request:
    clips: list[Clip]
    wanted: Callable[[], bool]  # whether the client still waits
    done: Future = field(default_factory=Future)


class _Batcher:
    """The one thread that has the model; it takes requests from a bounded queue, several at a time where it may."""

    def __init__(self, stage: Stage, waiting: int, merge: int) -> None:
        self._stage, self._merge = stage, merge
        self._queue: queue.Queue[_Request | None] = queue.Queue(waiting)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def submit(self, request: _Request) -> Future:
        """Put a request in the queue. Raises queue.Full."""
        self._queue.put_nowait(request)
        return request.done

    def close(self) -> None:
        """Finish what is queued, and end."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            requests, ended = [first], False
            # only what waits already: a request never waits for company
            while len(requests) < self._merge and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    ended = True
                    break
                requests.append(following)
            self._answer([one for one in requests if _wanted(one)])
            if ended:
                return

    def _answer(self, requests: Sequence[_Request]) -> None:
        clips = [clip for one in requests for clip in one.clips]
        if not clips:
            for one in requests:
                one.done.set_result([])
            return
        try:
            results = self._stage.process(clips)
            check(self._stage.name, clips, results)
        except Exception as error:  # whatever it is, the clients must hear of it, and the worker go on
            if len(requests) == 1:
                requests[0].done.set_exception(error)
                return
            # each alone: what is wrong with a clip of one client is no fault of the others
            for one in requests:
                if _wanted(one):
                    self._answer([one])
            return
        for one in requests:
            mine, results = results[: len(one.clips)], results[len(one.clips) :]
            one.done.set_result(mine)


def _wanted(request: _Request) -> bool:
    """Whether a request's client still waits; else its future is cancelled, and no work is spent on it."""
    return request.wanted() or not request.done.cancel()


class Worker:
    """A stage that listens. Use it as a context manager.

    Raises:
        ConfigError: the stage, its options or the certificates cannot be used, or the address is taken.
    """

    def __init__(self, name: str, options: Mapping[str, Any], settings: WorkerSettings, device: str = "cpu") -> None:
        self._identity = identity(name, options)
        self._stage = create_stage(name, options, device)
        self._batcher = _Batcher(self._stage, settings.queue, settings.merge)
        self._health = health.HealthServicer()
        limit = settings.message_mib << 20
        self._server = grpc.server(
            ThreadPoolExecutor(settings.queue + settings.merge + 4),  # a request holds one, and health must answer
            options=[
                ("grpc.max_receive_message_length", limit),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),  # else a second worker takes half of the requests of the first
            ],
        )
        self._server.add_generic_rpc_handlers((_handlers(self._describe, self._process),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self.port = _listen(self._server, settings)

    def __enter__(self) -> Self:
        self._server.start()
        self._set_health(health_pb2.HealthCheckResponse.SERVING)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # no new requests first, then the end of those that run, then that of the model's thread
        self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        self._server.stop(GRACE).wait()
        self._batcher.close()

    def wait(self) -> None:
        """Serve until the process is interrupted."""
        self._server.wait_for_termination()

    def _set_health(self, status: int) -> None:
        for service in ("", SERVICE):
            self._health.set(service, status)

    def _describe(self, _: bytes, context: grpc.ServicerContext) -> bytes:
        features = {name: spec.model_dump(mode="json") for name, spec in self._stage.features.items()}
        return json.dumps({**self._identity, "features": features}).encode()

    def _process(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        asked = dict(context.invocation_metadata())
        if any(asked.get(key) != value for key, value in as_metadata(self._identity)):
            other = ConfigError("this worker has another stage, other options or another version than the run")
            _abort(context, grpc.StatusCode.FAILED_PRECONDITION, other)
        try:
            request = _Request(unpack_clips(data), context.is_active)
        except DataError as error:
            _abort(context, grpc.StatusCode.INVALID_ARGUMENT, error)
        try:
            results: list[Result] = self._batcher.submit(request).result()
            return pack_results(results)
        except queue.Full:
            # the code after which clients come back
            _abort(context, grpc.StatusCode.UNAVAILABLE, DataError(FULL))
        except CancelledError:
            _abort(context, grpc.StatusCode.CANCELLED, DataError("the client no longer waits"))
        except CLIP_FAULTS as error:  # as a model that throws: the run may drop that clip
            _abort(context, grpc.StatusCode.INTERNAL, error)
        except GlmTtsError as error:
            _abort(context, grpc.StatusCode.FAILED_PRECONDITION, error)
        except Exception as error:
            logger.exception("The stage failed")
            _abort(context, grpc.StatusCode.INTERNAL, error)


def _abort(context: grpc.ServicerContext, code: grpc.StatusCode, error: Exception) -> NoReturn:
    context.abort(code, str(error) or type(error).__name__)
    raise AssertionError  # abort raises


def _handlers(describe: Callable[..., bytes], process: Callable[..., bytes]) -> grpc.GenericRpcHandler:
    """The service without generated code: both methods take and give bytes."""
    methods = {DESCRIBE: describe, PROCESS: process}
    return grpc.method_handlers_generic_handler(
        SERVICE, {name: grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()}
    )


def _listen(server: grpc.Server, settings: WorkerSettings) -> int:
    try:
        if settings.certificate is None or settings.key is None:
            return server.add_insecure_port(settings.address)
        pair = (settings.key.read_bytes(), settings.certificate.read_bytes())
        ca = settings.client_ca.read_bytes() if settings.client_ca else None
        credentials = grpc.ssl_server_credentials([pair], ca, require_client_auth=ca is not None)
        return server.add_secure_port(settings.address, credentials)
    except OSError as error:
        raise ConfigError(f"The worker's certificate cannot be read: {error}. Give PEM files.") from None
    except (RuntimeError, ValueError) as error:
        raise ConfigError(f"The worker cannot listen at {settings.address}: {error}. Give another address.") from None
