"""Scores: counted once, left out where there are none, and waited for where a worker has died."""

import json
import math
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glmtts.errors import ConfigError, RlError
from glmtts.judging.faults import Target
from glmtts.rl.rewards import scoring
from glmtts.rl.rewards.base import Completion, Context, make_reward
from glmtts.rl.rewards.ledger import Ledger
from glmtts.rl.rewards.remote import RewardWorker, packed, serve, unpacked
from glmtts.rl.rewards.scoring import RewardSection, Scoring, WorkerLostError
from tests.training.runs import assert_same, train

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
OWN = "tests.rl.own_rewards"


def completions(*lengths: int) -> list[Completion]:
    return [Completion(f"key{n}", "a", "en", ("EN_AH0",), tuple(range(n)), True) for n in lengths]


def test_a_reward_may_decline_and_is_asked_again_later() -> None:
    both = Scoring({"own": RewardSection(kind=f"{OWN}:Declines")}, Context(None), None)
    scores, seconds = both.score(completions(2, 3, 4, 2), ["own"])
    assert scores["own"].tolist() == pytest.approx([0.5, np.nan, 1.5, 0.5], nan_ok=True)
    assert len(both.ledgers["own"]) == 2
    assert set(seconds) == {"own"}


def test_likelihood_is_that_of_the_judge(bundle: Path) -> None:
    context = Context(bundle)
    given = [Completion(str(n), "a", "en", ("EN_AH0",), tuple(range(1, 4 + n)), True) for n in range(3)]
    found = make_reward("likelihood", context, {}).score([*given, replace(given[0], phonemes=())])
    judge = context.synthesizer.judge
    wanted = [math.exp(-judge.nll(one.tokens, Target(one.phonemes))) for one in given]
    assert found[:3] == pytest.approx(wanted) and found[3] is None
    assert 0 < min(wanted) < max(wanted) < 1


def test_a_ledger_survives_a_line_that_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    Ledger(path).add("a", 0.25)
    with path.open("a") as file:
        file.write('{"key": "b", "sc')
    again = Ledger(path)
    assert ("a" in again, "b" in again, again.get("a")) == (True, False, 0.25)
    again.add("b", 1.0)
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == ["a", "b"]


def test_answers_travel_whole() -> None:
    wave = np.linspace(-1, 1, 50, dtype=np.float32)[::2]
    one = Completion(
        "k", "哈哈", "zh", ("H", "A1"), (1, 2), False, wave, 24000, np.ones(3, dtype=np.float32), None, "happy"
    )
    (back,) = unpacked(packed([one]))
    for name in ("key", "text", "language", "phonemes", "tokens", "stopped", "rate", "emotion", "reference"):
        assert getattr(back, name) == getattr(one, name)
    assert np.array_equal(back.audio(), wave)
    assert np.array_equal(back.speaker, one.speaker)


def test_two_workers_do_not_share_an_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    worker = RewardWorker(Context(None), None)
    first = serve(worker, address)
    try:
        with pytest.raises(RlError, match="cannot be listened to"):
            serve(worker, address)
    finally:
        first.stop(None).wait()


def test_the_reward_of_the_documentation_scores() -> None:
    """docs/extend.md, "Add a reward"."""
    page = (ROOT / "docs" / "extend.md").read_text(encoding="utf-8")
    code = page[page.index("# my_package/reward.py") :].partition("```")[0]
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["Brevity"](Context(None)).score(completions(1, 4)) == [0.5, 0.2]


def test_a_dead_worker_is_no_reward_of_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: the run says so in the end, and has scored nothing."""
    monkeypatch.setattr(scoring, "FIRST_WAIT", 0.01)
    section = RewardSection(kind=f"{OWN}:FewTokens", runs="grpc", addresses=("127.0.0.1:1",), patience_minutes=0.001)
    dead = Scoring({"own": section}, Context(None), None)
    with pytest.raises(RlError, match="has not answered"):
        dead.score(completions(2), ["own"])
    assert not len(dead.ledgers["own"])


def test_what_a_lost_worker_had_answered_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "FIRST_WAIT", 0.0)
    one = Scoring({"own": RewardSection(kind=f"{OWN}:FewTokens", batch=2)}, Context(None), None)
    inner, asked = one._backends["own"], []

    class Flaky:
        needs_audio = False

        def score(self, batch: Any) -> list[float | None]:
            asked.append([item.key for item in batch])
            if len(asked) == 2:
                raise WorkerLostError("gone")
            return inner.score(batch)

    one._backends["own"] = Flaky()
    scores, _ = one.score(completions(1, 2, 3, 4), ["own"])
    assert asked == [["key1", "key2"], ["key3", "key4"], ["key3", "key4"]]
    assert scores["own"].tolist() == [1 / 2, 1 / 3, 1 / 4, 1 / 5]


def test_rewards_that_do_not_exist_are_named() -> None:
    with pytest.raises(ConfigError, match=r"no reward 'loud'.*cer"):
        Scoring({"loud": RewardSection()}, Context(None), None)
    with pytest.raises(ConfigError, match="does not take these options"):
        Scoring({"own": RewardSection(kind=f"{OWN}:FewTokens", options={"x": 1})}, Context(None), None)
    with pytest.raises(ConfigError, match="addresses"):
        RewardSection.parse({"runs": "grpc"})


@pytest.fixture
def mortal_worker(tmp_path: Path) -> Iterator[tuple[str, list[int]]]:
    """A gRPC worker that is started again whenever it ends; gives its address and the exit codes so far."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "glmtts", "rl-worker", "--address", address, "--ledger", str(tmp_path / "ledger")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    codes, over, running = list[int](), threading.Event(), list[subprocess.Popen]()

    def keep_alive() -> None:
        while not over.is_set():
            running.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))
            codes.append(running[-1].wait())

    thread = threading.Thread(target=keep_alive)
    thread.start()
    yield address, codes
    over.set()
    running[-1].kill()
    thread.join()


def test_a_worker_that_is_killed_in_the_middle_of_a_run(
    make_run: Any, mortal_worker: tuple[str, list[int]], tmp_path: Path
) -> None:
    """The run waits, asks again and goes on; no answer is scored twice, and it ends as one whose worker lived."""
    address, codes = mortal_worker
    flat = {"flat": 1e-6, "resamplings": 0}

    def rewards(notes: str, lives: int, **where: Any) -> dict[str, Any]:
        return {"own": {"kind": f"{OWN}:Mortal", "options": {"notes": str(tmp_path / notes), "lives": lives}, **where}}

    guards = make_run().loss["guards"]
    killed = {"rewards": rewards("killed.notes", 8, runs="grpc", addresses=[address], batch=3), "advantages": flat}
    lived = {"rewards": rewards("lived.notes", 10**6), "advantages": flat}
    train(make_run("killed", loss={**killed, "guards": guards}))
    train(make_run("lived", loss={**lived, "guards": guards}))
    assert codes == [9]
    noted = (tmp_path / "killed.notes").read_text().splitlines()
    assert len(noted) == len(set(noted)) == len((tmp_path / "lived.notes").read_text().splitlines())
    assert_same(tmp_path / "killed", tmp_path / "lived")
