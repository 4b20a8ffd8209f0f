"""Workers over gRPC: whatever happens to them, nothing is lost, and the user reads one sentence."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from glmtts.data.pipeline import Clip, Result, Span, create_stage
from glmtts.data.pipeline.config import RemoteSection
from glmtts.data.pipeline.runner import run_pipeline
from glmtts.errors import AudioError, ConfigError, DataError
from tests.data.pipeline.corpora import MADE, STAGES, configured, hashes, odd_corpus
from tests.data.pipeline.made_stages import BrittleStage

pytest.importorskip("grpc_health")

import grpc

from glmtts.data.pipeline.remote.client import RemoteStage
from glmtts.data.pipeline.remote.server import Worker, WorkerSettings, _Batcher, _Request, endpoint, is_local

LEVEL, WAITING, FAILING = (f"{MADE}:{name}" for name in ("LevelStage", "WaitingStage", "FailingStage"))


def made(seconds: float = 0.5, seed: int = 0) -> Clip:
    wave = np.random.default_rng(seed).standard_normal(int(seconds * 24000)).astype(np.float32)
    return Clip(wave, 24000, (Span(f"s{seed}", 5, 5 + len(wave)),), {"text": "好", "n": 1})


def worker(name: str, options: dict[str, Any] | None = None, port: int = 0, **settings: Any) -> Worker:
    return Worker(name, options or {}, WorkerSettings(f"127.0.0.1:{port}", **settings))


def client(name: str, *ports: int, options: dict[str, Any] | None = None, **settings: Any) -> RemoteStage:
    values = {"addresses": [f"127.0.0.1:{port}" for port in ports], "ready": 5, "backoff": 0.05, **settings}
    return RemoteStage(name, options or {}, RemoteSection.parse(values))


def same(mine: list, theirs: list) -> bool:
    """Whether results hold the same clips."""
    pairs = [(a, b) for one, two in zip(mine, theirs, strict=True) for a, b in zip(one.kept, two.kept, strict=True)]
    return all(
        a.spans == b.spans
        and a.labels == b.labels
        and np.array_equal(a.wave, b.wave)
        and a.features.keys() == b.features.keys()
        and all(np.array_equal(a.features[name], b.features[name]) for name in a.features)
        for a, b in pairs
    ) and len(pairs) == sum(len(one.kept) for one in theirs)


def test_a_remote_stage_is_the_stage() -> None:
    clips, local = [made(seed=n) for n in range(3)], create_stage(LEVEL)
    with worker(LEVEL) as one, worker(LEVEL, merge=2) as two:
        stage = client(LEVEL, one.port, two.port)
        assert stage.features == local.features
        with ThreadPoolExecutor(4) as callers:
            for results in callers.map(stage.process, [clips] * 8):
                assert same(results, local.process(clips))


def test_a_run_with_workers_ends_in_the_same_bytes(tmp_path: Path) -> None:
    odd_corpus(tmp_path / "raw", 4)
    run_pipeline(configured(tmp_path))
    with worker(LEVEL) as one:
        remote = {"addresses": [f"127.0.0.1:{one.port}"]}
        stages = (*STAGES[:2], {"name": LEVEL, "remote": remote})
        run_pipeline(configured(tmp_path, "remote", stage=stages))
    assert hashes(tmp_path / "remote") == hashes(tmp_path / "out")


def test_a_worker_killed_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    options = {"begun": str(tmp_path / "begun"), "go": str(tmp_path / "go")}
    arguments = [f"-O{key}={value}" for key, value in options.items()]
    command = [sys.executable, "-m", "glmtts", "data", "worker", WAITING, "--port", "0", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as first:
        try:
            assert first.stderr is not None
            port = int(first.stderr.readline().rsplit(":", 1)[1])
            clips, stage = [made(), made(seed=1)], client(WAITING, port, options=options, attempts=12)
            with ThreadPoolExecutor(1) as caller:
                answer = caller.submit(stage.process, clips)
                wait_until((tmp_path / "begun").exists)
                first.kill()
                first.wait()
                (tmp_path / "go").touch()
                with worker(WAITING, options, port):
                    assert same(answer.result(), create_stage(WAITING, options).process(clips))
        finally:
            first.kill()


def test_a_slow_worker_is_given_up_and_another_asked(tmp_path: Path) -> None:
    slow = {"begun": str(tmp_path / "begun"), "go": str(tmp_path / "go")}
    with worker(WAITING, slow) as one:
        try:
            stage = client(WAITING, one.port, options=slow, deadline=0.2, attempts=2)
            with pytest.raises(DataError, match=r"answered in 2 attempts.*took longer than 0.2 s.*kept"):
                stage.process([made()])
        finally:
            (tmp_path / "go").touch()


def test_a_worker_that_is_not_there_costs_one_sentence() -> None:
    with pytest.raises(DataError, match=r"is healthy.*Start one: glm-tts data worker"):
        client(LEVEL, 9, ready=0.1)
    with worker(LEVEL) as one:
        stage = client(LEVEL, one.port, 9)
        assert len(stage.process([made()] * 2)) == 2  # the other one is enough


def test_another_stage_or_other_options_are_refused() -> None:
    with worker("length", {"min_seconds": 1}) as one:
        with pytest.raises(ConfigError, match="another options"):
            client("length", one.port)
        with pytest.raises(ConfigError, match="another stage"):
            client(LEVEL, one.port)


def test_one_name_for_many_workers(tmp_path: Path) -> None:
    """As a headless service of Kubernetes: both machines behind the name get work, and one with other options none."""
    with worker("length", {"min_seconds": 1}) as one, worker("length", {"min_seconds": 1}) as two:
        addresses = [f"ipv4:127.0.0.1:{one.port},127.0.0.1:{two.port}"]
        stage = RemoteStage("length", {"min_seconds": 1}, RemoteSection(addresses=addresses))
        assert [len(stage.process([made()])[0].kept) for _ in range(4)] == [0] * 4
        addresses = [f"ipv4:127.0.0.1:{one.port}"]
        other = RemoteStage("length", {"min_seconds": 1}, RemoteSection(addresses=addresses))
        other._identity = {**other._identity, "options": "others"}
        with pytest.raises(DataError, match="other options"):
            other.process([made()])


def test_certificates(tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    from tests.data.pipeline.certificates import made_certificates

    own, other = made_certificates(tmp_path / "own"), made_certificates(tmp_path / "other")
    pair = {"certificate": own["certificate"], "key": own["key"]}
    with worker(LEVEL, **pair, client_ca=own["ca"]) as one:
        assert len(client(LEVEL, one.port, ca=own["ca"], **pair).process([made()])) == 1
        with pytest.raises(ConfigError, match=r"do not trust.*remote.ca"):
            client(LEVEL, one.port, ca=other["ca"], **pair)
        for settings in ({"ca": own["ca"]}, {}):  # no certificate of its own; no encryption
            with pytest.raises((ConfigError, DataError), match=r"trust|is healthy"):
                client(LEVEL, one.port, ready=0.3, **settings)
    with pytest.raises(ConfigError, match="cannot be read"):
        client(LEVEL, 9, ca=tmp_path / "none.pem")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"certificate"}, "with a certificate needs a key"),
        ({"key"}, "with a key needs a certificate"),
        ({"client_ca"}, "only where it encrypts"),
        ({"client_ca", "key"}, "with a key needs a certificate"),
    ],
)
def test_a_worker_never_listens_in_plain_text_beside_a_certificate(files: set[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        WorkerSettings(**{name: Path("a.pem") for name in files})


def test_a_client_never_speaks_in_plain_text_beside_a_certificate() -> None:
    for files in ({"certificate"}, {"key"}, {"certificate", "key"}, {"ca", "key"}):
        with pytest.raises(ConfigError, match=r"go together|without ca nothing is encrypted"):
            RemoteSection.parse({"addresses": ["a:1"], **dict.fromkeys(files, "a.pem")})


@pytest.mark.parametrize(
    ("host", "local", "address"),
    [
        ("127.0.0.1", True, "127.0.0.1:9"),
        ("127.8.9.1", True, "127.8.9.1:9"),
        ("localhost", True, "localhost:9"),
        ("LOCALHOST", True, "LOCALHOST:9"),
        ("::1", True, "[::1]:9"),
        ("[::1]", True, "[::1]:9"),
        ("::", False, "[::]:9"),
        ("fe80::1%eth0", False, "[fe80::1%eth0]:9"),
        ("0.0.0.0", False, "0.0.0.0:9"),
        ("10.0.0.5", False, "10.0.0.5:9"),
        ("localhost.example.org", False, "localhost.example.org:9"),
        ("127.0.0.1.example.org", False, "127.0.0.1.example.org:9"),
    ],
)
def test_who_can_reach_a_host(host: str, local: bool, address: str) -> None:
    assert (is_local(host), endpoint(host, 9)) == (local, address)


@pytest.mark.parametrize("host", ["999.0.0.1", "127.0.0", "1.2.3.4.5", "", "127.0.0.1:80", "unix:/tmp/a", "12345::1"])
def test_what_is_no_host_is_refused(host: str) -> None:
    assert not is_local(host)
    with pytest.raises(ConfigError, match="is no address to listen at"):
        endpoint(host, 9)


def test_messages_are_split_and_too_large_ones_refused() -> None:
    clips = [made(4.0, n) for n in range(4)]  # 0.37 MiB each
    with worker(LEVEL, message_mib=1) as one:
        assert same(client(LEVEL, one.port, message_mib=1).process(clips), create_stage(LEVEL).process(clips))
        with pytest.raises(DataError, match=r"takes 1 MiB.*Raise remote.message_mib"):
            client(LEVEL, one.port, message_mib=1).process([made(15.0)])
        with pytest.raises(DataError, match=r"refuses messages.*--message-mib"):
            client(LEVEL, one.port, message_mib=8).process([made(15.0)])


def test_a_stage_that_fails_says_why_and_a_worker_goes_on() -> None:
    with worker(FAILING) as one:
        for _ in range(2):
            with pytest.raises(DataError, match=r"failed at .*the model is not there"):
                client(FAILING, one.port).process([made()])


def test_a_model_that_throws_at_a_worker_is_as_one_here() -> None:
    brittle = f"{MADE}:BrittleStage"
    with worker(brittle) as one, pytest.raises(RuntimeError, match=r"at 127.0.0.1:\d+: an odd clip"):
        client(brittle, one.port).process([made()])


@pytest.mark.parametrize("words", ["the file is not lossless", "no certificate", "a handshake", "larger than max"])
def test_what_a_stage_says_is_not_taken_for_grpcs_words(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, wanted in ((RuntimeError, RuntimeError), (DataError, DataError), (AudioError, RuntimeError)):

        def fail(*_: object, kind: type[Exception] = kind) -> None:
            raise kind(words)

        with worker("length") as one:
            stage = client("length", one.port)
            monkeypatch.setattr("glmtts.data.pipeline.stages.length.LengthStage.process", fail)
            with pytest.raises(wanted, match=rf"at 127.0.0.1:\d+: {words}$"):
                stage.process([made()])


def test_a_name_that_is_not_found_is_no_certificate() -> None:
    stage = RemoteStage.__new__(RemoteStage)
    stage._settings, stage._stage = RemoteSection(addresses=("ssl-worker:1",)), "length"

    class NotFound(grpc.RpcError):
        def code(self) -> grpc.StatusCode:
            return grpc.StatusCode.UNAVAILABLE

        def details(self) -> str:
            return "DNS resolution failed for ssl-worker:1"

    address = SimpleNamespace(address="ssl-worker:1")
    assert "is not there" in stage._judge(address, NotFound())  # type: ignore[arg-type]


def test_a_full_queue_sends_clients_away_and_they_come_back(tmp_path: Path) -> None:
    options = {"begun": str(tmp_path / "begun"), "go": str(tmp_path / "go")}
    with worker(WAITING, options, queue=1) as one, ThreadPoolExecutor(6) as callers:
        stages = [client(WAITING, one.port, options=options, attempts=1, backoff=0.02) for _ in range(6)]
        answers = [callers.submit(stage.process, [made(seed=n)]) for n, stage in enumerate(stages)]
        wait_until((tmp_path / "begun").exists)
        threading.Timer(0.3, (tmp_path / "go").touch).start()
        assert all(len(answer.result()) == 1 for answer in answers)


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.01)


class Gated(BrittleStage):
    """Works when it is told to."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def process(self, clips: Sequence[Clip]) -> list[Result]:
        self.begun.set()
        assert self.go.wait(60)
        return super().process(clips)


def test_a_bad_clip_of_one_client_costs_no_other_its_results() -> None:
    good, bad = replace(made(), spans=(Span("s", 4, 4 + made().samples),)), made()
    stage = Gated()
    batcher = _Batcher(stage, 8, merge=8)
    first = batcher.submit(_Request([good], lambda: True))
    assert stage.begun.wait(60)
    # these wait while the first is at work, and then are one batch
    others = [batcher.submit(_Request([clip], lambda: True)) for clip in (good, bad, good)]
    gone = batcher.submit(_Request([good], iter([True, False]).__next__))  # who leaves when the batch has failed
    stage.go.set()
    batcher.close()
    for done in (first, others[0], others[2]):
        assert [one.spans for one in done.result(0)[0].kept] == [good.spans]
    with pytest.raises(RuntimeError, match="an odd clip"):
        others[1].result(0)
    assert gone.cancelled()
