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
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from glmtts.cli import app
from glmtts.errors import ConfigError, GlmTtsError, RlError
from glmtts.judging.faults import Target
from glmtts.judging.judge import Judge
from glmtts.rl.advantages import AdvantageConfig
from glmtts.rl.credit import CreditConfig
from glmtts.rl.experience import Collector
from glmtts.rl.grpo import PolicyTask
from glmtts.rl.rewards import scoring
from glmtts.rl.rewards.base import Completion, Context, make_reward, reward_class
from glmtts.rl.rewards.grpc_workers import GrpcBackend, RewardWorker, serve
from glmtts.rl.rewards.ledger import Ledger
from glmtts.rl.rewards.messages import packed, unpacked
from glmtts.rl.rewards.scoring import RewardSection, Scoring, WorkerLostError
from glmtts.rl.rollout import Answer
from glmtts.rl.speaking import key_of
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


@pytest.mark.parametrize(
    ("values", "gpus"),
    [
        ({}, 0.0),
        ({"options": {"heard_by": "cuda", "device": "cpu"}}, 0.0),
        ({"options": {"device": "cuda:0"}}, 1.0),
        ({"options": {"detector_options": {"device": "cuda"}}}, 1.0),
        ({"options": {"device": "cuda"}, "gpus": 0.25}, 0.25),
        ({"gpus": 2}, 2.0),
    ],
)
def test_an_actor_asks_for_a_gpu_where_its_reward_names_one(values: dict[str, Any], gpus: float) -> None:
    assert RewardSection.parse({"runs": "ray", **values}).gpus_each == gpus


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"workers": 2}, "of Ray actors"),
        ({"gpus": 0}, "of Ray actors"),
        ({"runs": "ray", "gpus": 1.5}, "a part of one GPU, or several whole ones"),
        ({"runs": "ray", "gpus": -1}, "gpus"),
    ],
)
def test_what_no_actor_would_read_is_refused(values: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        RewardSection.parse(values)


def test_a_reward_s_bundle_lies_where_it_is_told(bundle: Path) -> None:
    assert Context(bundle, device="cpu").synthesizer.bundle.device == torch.device("cpu")
    with pytest.raises(ConfigError, match="The device is 'gpu'"):
        _ = Context(bundle, device="gpu").synthesizer


def test_likelihood_is_that_of_the_judge(bundle: Path) -> None:
    context = Context(bundle)
    given = [Completion(str(n), "a", "en", ("EN_AH0",), tuple(range(1, 4 + n)), True) for n in range(3)]
    found = make_reward("likelihood", context, {}).score([*given, replace(given[0], phonemes=())])
    judge = context.synthesizer.judge
    wanted = [math.exp(-judge.nll(one.tokens, Target(one.phonemes))) for one in given]
    assert found[:3] == pytest.approx(wanted) and found[3] is None
    assert 0 < min(wanted) < max(wanted) < 1


def test_scores_of_other_options_are_not_taken(tmp_path: Path) -> None:
    """The same name in the table, the same folder: another kind, other options, and then the first again."""

    def scored(kind: str, options: dict[str, Any]) -> float:
        section = RewardSection(kind=f"{OWN}:{kind}", options=options)
        scores, _ = Scoring({"own": section}, Context(None), tmp_path / "rewards").score(completions(3), ["own"])
        return float(scores["own"][0])

    def noted(name: str) -> tuple[Path, dict[str, Any]]:
        return tmp_path / name, {"notes": str(tmp_path / name), "lives": 10}

    (one, first), (two, second) = noted("one"), noted("two")
    assert scored("FewTokens", {}) == 0.25
    assert [scored("Mortal", options) for options in (first, second, first)] == [1.0, 1.0, 1.0]
    assert [len(notes.read_text().splitlines()) for notes in (one, two)] == [1, 1]


def test_a_ledger_survives_a_line_that_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    Ledger(path).add("a", 0.25)
    with path.open("a") as file:
        file.write('{"key": "b", "sc')
    again = Ledger(path)
    assert ("a" in again, "b" in again, again.get("a")) == (True, False, 0.25)
    again.add("b", 1.0)
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == ["a", "b"]


def test_a_ledger_skips_a_line_in_the_middle_that_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    path.write_text('{"key": "a", "sc{"key": "b", "score": 1.0}\n[]\n{"key": "c", "score": 0.5}\n')
    again = Ledger(path)
    assert (len(again), again.get("c")) == (1, 0.5)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    full = Ledger(tmp_path / "scores.jsonl")
    full.path.symlink_to("/dev/full")
    with pytest.raises(RlError, match=r"cannot keep scores: No space left"):
        full.add("a", 1.0)
    assert "a" not in full


def test_what_was_half_written_is_taken_back(tmp_path: Path) -> None:
    """A worker lives on after a full disk: its next line must not be joined to half of this one."""
    resource = pytest.importorskip("resource", reason="needs POSIX")
    ledger = Ledger(tmp_path / "scores.jsonl")
    ledger.add("a", 1.0)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ledger.path.stat().st_size + 10, before[1]))  # ten bytes more, as a disk
    try:
        with pytest.raises(RlError, match="cannot keep scores"):
            ledger.add("b", 1.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    ledger.add("c", 1.0)
    assert [key in Ledger(ledger.path) for key in "abc"] == [True, False, True]


def test_a_remote_reward_is_given_audio_where_its_options_ask_for_it() -> None:
    for options, audio in (({}, False), ({"heard_by": "tokens"}, False), ({"heard_by": "whisper-base"}, True)):
        assert reward_class("cer").hears(options) == audio
        section = RewardSection(runs="grpc", addresses=("127.0.0.1:1",), options=options)
        assert GrpcBackend("cer", section).needs_audio == audio
    assert reward_class("similarity").hears({}) and not reward_class("likelihood").hears({})


def test_a_bundle_that_cannot_read_tokens_gives_no_reward_of_them() -> None:
    """All scores would be None, all groups dropped, and nothing trained."""
    blind: Any = Context(None, SimpleNamespace(judge=Judge(None, 12.5)))
    for kind in ("cer", "likelihood"):
        with pytest.raises(ConfigError, match="no token recogniser"):
            make_reward(kind, blind, {})
    make_reward("cer", blind, {"heard_by": "whisper-base"})
    with pytest.raises(ConfigError, match=r"credit\.elsewhere"):
        Collector(Scoring({}, blind, None), AdvantageConfig(), CreditConfig(elsewhere=0.5), blind.synthesizer.judge)


def test_keys_hold_what_another_run_may_have_otherwise(make_run: Any) -> None:
    task = PolicyTask(make_run())
    prompt = task.asked(0)[0]
    answer = Answer(prompt, (1,), (2, 3), "stop", 1)
    voice = prompt.segment.voice
    others = [prompt._replace(line=prompt.line._replace(emotion="happy"))]
    for changed in (
        replace(voice, mel=voice.mel + 1),
        replace(voice, tokens=voice.tokens.flip(0)[1:]),
        replace(voice, adaptation=torch.ones(2, 2)),
    ):
        others.append(prompt._replace(segment=replace(prompt.segment, voice=changed)))
    keys = [key_of(replace(answer, prompt=one), "a") for one in (prompt, *others)]
    assert len({*keys, key_of(answer, "b")}) == 6
    assert key_of(answer, "a") == keys[0]


def test_a_worker_of_another_bundle_has_another_ledger(bundle: Path, tmp_path: Path) -> None:
    for given in (Context(bundle), Context(None)):
        RewardWorker(given, tmp_path)._reward(f"{OWN}:FewTokens", {})[1].add("a", 1.0)
    assert len(list(tmp_path.glob("*.jsonl"))) == 2


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
    with pytest.raises(ConfigError, match="cannot be made with these options"):
        Scoring({"own": RewardSection(kind=f"{OWN}:FewTokens", options={"x": 1})}, Context(None), None)
    with pytest.raises(ConfigError, match="no subclass of"):
        Scoring({"own": RewardSection(kind="tests.training.runs:train")}, Context(None), None)
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


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--device", "foo"], "The device is 'foo'"),
        (["--model", "/nope"], "/nope"),
        (["--ledger", str(Path(__file__) / "below")], "Give another --ledger"),
    ],
)
def test_a_worker_tells_of_its_options_before_it_listens(given: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["rl-worker", "--address", "127.0.0.1:1", *given])
    assert isinstance(result.exception, GlmTtsError) and said in str(result.exception)
