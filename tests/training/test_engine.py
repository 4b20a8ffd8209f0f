"""The engine on a small task: schedules, averages, skipped steps, clocks, signals, and what a run leaves."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file
from torch import nn

import tests.training.toy  # noqa: F401, registers the task
from glmtts.errors import ConfigError, TrainingError
from glmtts.training import checkpoint
from glmtts.training.config import (
    OptimizerSection,
    RunConfig,
    ScheduleSection,
    alone_in,
    saved_config,
    write_config,
)
from glmtts.training.ema import Average
from glmtts.training.engine import Engine
from glmtts.training.loader import map_tensors, shares, to_device
from glmtts.training.logs import append_row, drop_rows_after, plot_csv, read_rows, wandb_id
from glmtts.training.optimizer import Optimizer, decays
from glmtts.training.registry import create_task
from glmtts.training.schedule import Due, learning_rate
from glmtts.training.shards import Shard
from glmtts.training.weights import trained_model, trained_weights
from tests.training.made_up import run_of
from tests.training.runs import assert_same, tensors, train


def toy(out: Path, **sections: dict[str, Any]) -> RunConfig:
    return run_of("toy", Path(), out, **sections)


def test_one_big_step_is_many_small_ones(tmp_path: Path) -> None:
    """Four micro-batches of one step give the mean of their gradients."""
    engine = train(toy(tmp_path / "four", optimizer={"micro_batches": 4}, schedule={"steps": 1}))
    config = toy(tmp_path / "by_hand", optimizer={"micro_batches": 4}, schedule={"steps": 1})
    task = create_task(config)
    torch.manual_seed(0)
    by_hand = engine.__class__(task)
    source = task.source()
    for number in range(4):
        (by_hand._loss(number, source.batch(number), None)[0] / 4).backward()
    by_hand.optimizer.step(learning_rate(config.optimizer, config.schedule, 0, 0.0))
    for name, value in engine.model.named_parameters():
        torch.testing.assert_close(dict(by_hand.model.named_parameters())[name], value)


def test_processes_share_the_micro_batches_of_every_step() -> None:
    alone = shares(8, 4, 0, 1)
    two = [shares(8, 4, rank, 2) for rank in range(2)]
    for _ in range(3):
        step = [next(alone) for _ in range(4)]
        assert [next(numbers) for numbers in two for _ in range(2)] == step
    with pytest.raises(ConfigError, match="multiple of 3"):
        shares(0, 4, 0, 3)


def test_learning_rate_over_steps_and_over_minutes() -> None:
    optimizer = OptimizerSection(learning_rate=1.0, final_learning_rate=0.1)
    steps = ScheduleSection(steps=100, warmup_steps=10)
    rates = [learning_rate(optimizer, steps, step, 0.0) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == pytest.approx(1.0)
    assert rates[55] == pytest.approx(0.55)
    assert rates[100] == pytest.approx(0.1)
    minutes = ScheduleSection(minutes=60, warmup_minutes=6)
    assert learning_rate(optimizer, minutes, 5000, 3.0) == pytest.approx(0.5)
    assert learning_rate(optimizer, minutes, 5000, 33.0) == pytest.approx(0.55)
    assert learning_rate(optimizer, minutes, 1, 61.0) == pytest.approx(0.1)


def test_a_warm_up_over_minutes_takes_no_steps_off() -> None:
    optimizer = OptimizerSection(learning_rate=1.0, final_learning_rate=0.0)
    steps = ScheduleSection(steps=100, warmup_minutes=6)  # of fewer steps than a warm-up over steps has by default
    assert learning_rate(optimizer, steps, 20, 3.0) == pytest.approx(0.5)
    assert learning_rate(optimizer, steps, 50, 60.0) == pytest.approx(0.5)
    assert learning_rate(optimizer, steps, 100, 120.0) == pytest.approx(0.0)


def test_events_fall_due_by_their_own_clock() -> None:
    by_steps, by_minutes, never = Due(3), Due(3, 10.0), Due(None)
    assert [by_steps(step, step * 6.0) for step in range(1, 7)] == [False, False, True, False, False, True]
    assert [by_minutes(step, step * 6.0) for step in range(1, 7)] == [False, True, False, True, False, True]
    assert not any(never(step, 0.0) for step in range(1, 7))


def test_vectors_do_not_decay() -> None:
    convolution = nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 8, 3))
    named = dict(convolution.named_parameters())
    assert {name for name, value in named.items() if decays(value)} == {"parametrizations.weight.original1"}
    module = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2))
    optimizer = Optimizer(module, OptimizerSection(weight_decay=0.5), torch.device("cpu"))
    before = {name: value.detach().clone() for name, value in module.named_parameters()}
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step(0.1)
    assert all(torch.equal(value, before[name]) for name, value in module.named_parameters()), "nothing was learnt"
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    module[0].weight.grad[0, 0] = 1.0
    optimizer.step(0.1)
    changed = {name for name, value in module.named_parameters() if not torch.equal(value, before[name])}
    assert changed == {"0.weight"}


def test_gradients_are_clipped_to_their_whole_norm() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    optimizer = Optimizer(module, OptimizerSection(gradient_clip=0.5), torch.device("cpu"))
    for parameter in module.parameters():
        parameter.grad = torch.full_like(parameter, 2.0)
    count = sum(parameter.numel() for parameter in module.parameters())
    gradient = module[0].weight.grad
    assert float(optimizer.step(0.0)) == pytest.approx(2.0 * count**0.5)
    assert gradient is not None
    assert float(gradient[0, 0]) == pytest.approx(0.5 / count**0.5, rel=1e-4)


def test_a_step_that_is_not_finite_is_left_out_and_counted(tmp_path: Path) -> None:
    config = toy(tmp_path / "bad", loss={"bad_number": 3}, log={"every": 1}, run={"save_every": 1, "keep_last": 9})
    train(config)
    assert [float(row["skipped"]) for row in read_rows(config.run.out / "log.csv")] == [0, 0, 0, 1, 1, 1, 1, 1]
    steps = [checkpoint.read_group(folder, "optimizer") for folder in checkpoint.checkpoints(config.run.out)]
    weights = [checkpoint.read_group(folder, "model") for folder in checkpoint.checkpoints(config.run.out)]
    assert [float(state["step.enter.weight"]) for state in steps] == [1, 2, 3, 3, 4, 5, 6, 7]
    assert torch.equal(weights[2]["enter.weight"], weights[3]["enter.weight"])
    assert all(torch.isfinite(value).all() for state in steps for value in state.values())


@pytest.mark.parametrize("every", [1, 3, 10])
def test_a_run_without_any_finite_gradient_ends(tmp_path: Path, every: int) -> None:
    config = toy(tmp_path / "lost", optimizer={"learning_rate": 1e30}, log={"every": every}, schedule={"steps": 60})
    with pytest.raises(TrainingError, match="No gradient was finite"):
        train(config)
    assert len(read_rows(config.run.out / "log.csv")) <= 30 // every


def test_two_processes_do_not_train_in_one_folder(tmp_path: Path) -> None:
    config = toy(tmp_path / "run")
    with alone_in(config.run.out), pytest.raises(TrainingError, match="Another process trains"):
        train(config)
    train(config)


def test_a_refused_run_leaves_the_configuration_of_the_other(tmp_path: Path) -> None:
    config, other = toy(tmp_path / "run"), toy(tmp_path / "run", optimizer={"learning_rate": 1.0})
    built = Engine(create_task(config))
    with alone_in(config.run.out), pytest.raises(TrainingError, match="Another process trains"):
        Engine(create_task(other))
    assert saved_config(config.run.out).optimizer.learning_rate == 3e-3
    Engine(create_task(other))  # while the first is still being built, before it has a checkpoint
    built.fit()
    assert saved_config(config.run.out).optimizer.learning_rate == 3e-3


def test_a_run_does_not_go_on_beside_what_another_trained_meanwhile(tmp_path: Path) -> None:
    config = toy(tmp_path / "run", run={"keep_last": 1})
    late = Engine(create_task(config))
    train(config)
    with pytest.raises(TrainingError, match=r"has trained in .* meanwhile\. Run the command again"):
        late.fit()
    assert train(config).step == 8


def test_a_checkpoint_of_other_values_is_refused(tmp_path: Path) -> None:
    config, other = toy(tmp_path / "run"), toy(tmp_path / "run", optimizer={"learning_rate": 1.0})
    train(config)
    write_config(create_task(other).config)  # as a refused run once left it
    with pytest.raises(TrainingError, match=r"step-00000008 was trained with other values than config\.json has"):
        train(other)
    (config.run.out / "config.json").unlink()
    with pytest.raises(TrainingError, match="was trained with other values"):
        train(other)


def test_a_run_that_an_earlier_version_began_goes_on(tmp_path: Path) -> None:
    config = toy(tmp_path / "run")
    train(config)
    newest = checkpoint.latest(config.run.out) / "state.json"
    for path in (config.run.out / "config.json", newest):  # with another hash, as where a key has been added since
        path.write_text(json.dumps({**json.loads(path.read_text()), "hash": "earlier"}))
    assert train(toy(tmp_path / "run", schedule={"steps": 10})).step == 10
    assert checkpoint.values_of(checkpoint.latest(config.run.out))["hash"] == "earlier"


def test_the_average_follows_trained_weights_alone() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).requires_grad_(False))
    average = Average(module, 0.9)
    start = module[0].weight.detach().clone()
    with torch.no_grad():
        module[0].weight.add_(1.0)
        module[1].weight.add_(1.0)
    frozen = module[1].weight.detach().clone()
    average.update(1000)
    with average.applied():
        torch.testing.assert_close(module[0].weight, start + 0.1)
        assert torch.equal(module[1].weight, frozen)
    torch.testing.assert_close(module[0].weight, start + 1.0)
    assert set(average.shards()) == {"0.weight", "0.bias"}
    assert not Average(module, 0.0).shards()


def test_what_a_run_leaves(tmp_path: Path) -> None:
    log = {"every": 2, "evaluate_every": 4, "sample_every": 8, "tensorboard": True, "plot": True}
    config = toy(tmp_path / "run", log=log, run={"save_every": 2, "keep_last": 2}, loss={"critic_from": 4})
    train(config)
    out = config.run.out
    assert [path.name for path in checkpoint.checkpoints(out)] == ["step-00000006", "step-00000008"]
    rows = read_rows(out / "log.csv")
    assert [row["step"] for row in rows] == ["2", "4", "6", "8"]
    assert [bool(row["critic"]) for row in rows] == [False, False, True, True]
    assert [row["step"] for row in read_rows(out / "evaluation.csv")] == ["4", "8"]
    assert (out / "loss.png").stat().st_size > 1000
    samples, rate = soundfile.read(out / "samples" / "00000008_wave.wav")
    assert (len(samples), rate) == (100, 24000)
    assert list((out / "tensorboard").glob("events.*"))


def test_evaluation_does_not_change_the_run(tmp_path: Path) -> None:
    train(toy(tmp_path / "often", log={"evaluate_every": 1, "sample_every": 3}))
    train(toy(tmp_path / "never", log={"evaluate_every": None}))
    assert_same(tmp_path / "often", tmp_path / "never")


def test_loader_processes_do_not_change_the_run(tmp_path: Path) -> None:
    train(toy(tmp_path / "none", distributed={"workers": 0}))
    train(toy(tmp_path / "two", distributed={"workers": 2}))
    assert_same(tmp_path / "none", tmp_path / "two")


def test_recomputed_activations_do_not_change_the_run(tmp_path: Path) -> None:
    train(toy(tmp_path / "kept"))
    train(toy(tmp_path / "recomputed", distributed={"activation_checkpointing": True}))
    assert_same(tmp_path / "kept", tmp_path / "recomputed")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_cleanly(number: int, tmp_path: Path) -> None:
    def interrupt(micro_batch: int) -> None:
        if micro_batch == 5:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    config = toy(tmp_path / "stopped", run={"save_every": 100})
    engine = train(config, interrupt)
    assert (engine.step, engine.finished) == (3, False)
    assert signal.getsignal(number) == before
    train(config)
    train(toy(tmp_path / "whole", run={"save_every": 100}))
    assert_same(tmp_path / "stopped", tmp_path / "whole")


def test_a_run_by_the_clock_ends_when_its_time_is_over(tmp_path: Path) -> None:
    schedule = {"steps": None, "minutes": 0.02, "warmup_minutes": 0.001}
    engine = train(toy(tmp_path / "clock", schedule=schedule, log={"every": 1, "evaluate_every": None}))
    assert engine.finished
    assert engine.step > 1
    assert 0.02 <= engine.minutes < 0.1
    rates = [float(row["learning_rate"]) for row in read_rows(tmp_path / "clock" / "log.csv")]
    assert rates[-1] < 0.5 * max(rates)


def test_a_longer_schedule_goes_on_and_another_model_is_refused(tmp_path: Path) -> None:
    train(toy(tmp_path / "run"))
    assert train(toy(tmp_path / "run", schedule={"steps": 10}, log={"every": 1})).step == 10
    with pytest.raises(TrainingError, match=r"other values of model\.width, optimizer\.learning_rate\."):
        train(toy(tmp_path / "run", model={"width": 9}, optimizer={"learning_rate": 1.0}))
    (tmp_path / "run" / "config.json").unlink()
    with pytest.raises(TrainingError, match=r"of another model: .* is \[7.*\] there, \[9.*\] here"):
        train(toy(tmp_path / "run", model={"width": 9}))


def test_a_damaged_checkpoint_is_one_sentence(tmp_path: Path) -> None:
    config = toy(tmp_path / "run")
    train(config)
    next(checkpoint.latest(config.run.out).glob("model-*")).write_bytes(b"cut off")
    with pytest.raises(TrainingError, match=r"cannot be read.*the one before"):
        train(config)


def test_a_checkpoint_that_may_not_be_kept_is_said_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the folder's own flush fails, after the rename."""
    run, fsync = tmp_path / "run", os.fsync
    folder = run / "checkpoints"

    def failing(handle: int) -> None:
        if folder.exists() and os.path.samestat(os.fstat(handle), folder.stat()):
            raise OSError(5, "Input/output error")
        fsync(handle)

    monkeypatch.setattr("os.fsync", failing)
    with pytest.raises(TrainingError, match="is written and whole, but the disk does not say that it keeps it"):
        train(toy(run))
    assert trained_weights(run)


def saved_in_halves(run: Path) -> Path:
    """A checkpoint whose `model` and `ema` two processes wrote, two rows each."""
    whole, barrier = torch.arange(8.0).view(4, 2), Barrier(2)

    def save(rank: int) -> None:
        half = Shard(whole[2 * rank :][:2], (4, 2), (2 * rank, 0), False)
        checkpoint.save(
            run, 1, {"model": {"w": half}, "ema": {"w": half}}, {}, rank, 2, lambda: barrier.wait() and None
        )

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(save, range(2)))
    assert torch.equal(trained_weights(run)["w"], whole)
    return checkpoint.latest(run)


@pytest.mark.parametrize("lost", ["ema-00001-of-00002", "ema-00002-of-00002", "ema-*"])
def test_weights_of_which_a_file_is_lost_are_refused(lost: str, tmp_path: Path) -> None:
    for path in saved_in_halves(tmp_path).glob(f"{lost}.safetensors"):
        path.unlink()
    with pytest.raises(TrainingError, match=r"step-00000001 lacks .*ema.* the one before serves"):
        trained_weights(tmp_path)


def test_a_lost_file_is_not_taken_for_another_model(tmp_path: Path) -> None:
    folder = saved_in_halves(tmp_path)
    (folder / "ema-00002-of-00002.safetensors").unlink()
    with pytest.raises(TrainingError, match=r"lacks ema-00002-of-00002\.safetensors"):
        checkpoint.load(folder, {"ema": {"w": Shard(torch.zeros(4, 2), (4, 2), (0, 0), True)}})


def test_a_file_that_holds_less_than_it_should_is_refused(tmp_path: Path) -> None:
    folder = saved_in_halves(tmp_path)
    save_file({}, folder / "ema-00002-of-00002.safetensors", metadata={"places": "{}"})
    with pytest.raises(TrainingError, match="lacks a part of ema w"):
        trained_weights(tmp_path)


def test_the_trained_model_has_the_averaged_weights(tmp_path: Path) -> None:
    engine = train(toy(tmp_path / "run", optimizer={"ema_decay": 0.5}))
    model, kept = trained_model(tmp_path / "run"), tensors(tmp_path / "run")
    assert not model.training
    assert torch.equal(model.get_parameter("enter.weight"), kept["ema.enter.weight"])
    assert not torch.equal(kept["ema.enter.weight"], engine.model.get_parameter("enter.weight"))
    assert int(model.get_buffer("seen")) == 8


def test_logs_grow_new_columns(tmp_path: Path) -> None:
    for step in (1, 2):
        append_row(tmp_path / "log.csv", {"step": step, **({"critic": 0.5} if step == 2 else {})})
    assert read_rows(tmp_path / "log.csv") == [{"step": "1", "critic": ""}, {"step": "2", "critic": "0.5"}]


def test_small_figures_keep_their_digits_in_the_log(tmp_path: Path) -> None:
    append_row(tmp_path / "log.csv", {"step": 12345678, "learning_rate": 2.54321e-6, "norm": 1234.5678901})
    (row,) = read_rows(tmp_path / "log.csv")
    assert row == {"step": "12345678", "learning_rate": "2.54321e-06", "norm": "1234.568"}


@pytest.mark.parametrize("torn", ["1", "1,", "1,0.", "\0\0\0\r\n", "\0\0\0\0,\0\r\n", "1,0.21,0.5\r\n"])
def test_a_row_that_a_power_cut_tore_is_dropped(torn: str, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    for step in (1, 2):
        append_row(path, {"step": step, "loss": 0.5})
    whole = path.read_bytes()
    path.write_bytes(whole + torn.encode())
    plot_csv(path, tmp_path / "loss.png", "loss")
    drop_rows_after(path, 2)
    assert path.read_bytes() == whole
    append_row(path, {"step": 3, "loss": 0.25})
    assert [row["loss"] for row in read_rows(path)] == ["0.5", "0.5", "0.25"]


def test_a_header_that_a_power_cut_tore_is_written_again(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes(b"ste")
    drop_rows_after(tmp_path / "log.csv", 0)
    append_row(tmp_path / "log.csv", {"step": 1, "loss": 0.5})
    assert (tmp_path / "log.csv").read_bytes() == b"step,loss\r\n1,0.5\r\n"


def test_a_full_disk_at_the_plot_is_one_sentence(tmp_path: Path) -> None:
    config = toy(tmp_path / "run", log={"plot": True})
    (tmp_path / "run" / "loss.png").mkdir(parents=True)  # no file can be written there
    with pytest.raises(TrainingError, match="run cannot be written: Is a directory"):
        train(config)


def test_runs_of_one_name_have_pages_of_their_own(tmp_path: Path) -> None:
    ids = []
    for name in ("a", "b", "a"):
        (tmp_path / name / "lm").mkdir(parents=True, exist_ok=True)
        ids.append(wandb_id(tmp_path / name / "lm"))
    assert ids[0] == ids[2] != ids[1]
    (tmp_path / "a").rename(tmp_path / "moved")
    assert wandb_id(tmp_path / "moved" / "lm") == ids[0]


def test_batches_go_to_the_device_of_the_model() -> None:
    """No accelerator is at hand in tests; "meta" stands in for one."""
    moved = to_device({"rest": [(torch.zeros(2), "text", None)], "x": torch.zeros(3)}, torch.device("meta"))
    assert moved["x"].device == moved["rest"][0][0].device == torch.device("meta")
    assert moved["rest"][0][1:] == ("text", None)
    assert np.array_equal(map_tensors([torch.ones(2)], lambda tensor: tensor + 1)[0], [2, 2])
