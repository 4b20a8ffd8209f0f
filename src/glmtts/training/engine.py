"""The training engine: one loop for every task, on one process or many, resumed to the bit.

A step takes the mean gradient of `optimizer.micro_batches` micro-batches. What a run does is a function of its
configuration and of the step alone (loader.py), so a killed run that starts again in its folder ends with the weights
of an unbroken one (to the bit on a CPU).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from operator import call
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from glmtts.errors import GlmTtsError, TrainingError
from glmtts.training import checkpoint
from glmtts.training.adversary import Adversary
from glmtts.training.building import built, check_run, check_samples
from glmtts.training.config import CONFIG_FILE, OtherValuesError, alone_in, check_config, write_config
from glmtts.training.divergence import Divergence
from glmtts.training.ema import Average
from glmtts.training.loader import micro_batches, seed_draws, shares, to_device
from glmtts.training.logs import Logs
from glmtts.training.meter import Meter
from glmtts.training.optimizer import Optimizer
from glmtts.training.processes import Processes
from glmtts.training.schedule import Due, learning_rate
from glmtts.training.shards import Shard, shards_of
from glmtts.training.stopping import StopRequest, stop_on_signals
from glmtts.training.task import Metrics, Source, Task


class Engine:
    """Trains a task in the folder `run.out`; made again there, it goes on from the newest checkpoint."""

    def __init__(self, task: Task) -> None:
        """Build, start or resume, and place the model.

        Raises:
            TrainingError: the folder holds a run with another configuration or model, or another process trains there.
            ConfigError: the configuration does not fit the number of processes.
        """
        self.task, self.config = task, task.config
        self.processes = Processes(self.config.distributed)
        # for its check alone: processes that cannot share a step are refused before a model is built
        shares(0, self.config.optimizer.micro_batches, self.processes.index, self.processes.count)
        check_run(task)
        check_samples(self.config.log)
        with self._alone():
            resumed = checkpoint.checkpoints(self.config.run.out)
            # a run that never got so far, as for a mistyped path, may begin otherwise
            self._digest = check_config(self.config) if resumed else self.config.digest()
            # within the lock: who is refused must not leave its configuration in another's run
            if self.processes.first:
                write_config(self.config, self._digest)
        self.processes.wait()
        # alike on every process: FSDP shards the weights that each has built
        seed_draws(self.config.run.seed, "model")
        self.model = built(task)
        if not resumed:
            seed_draws(self.config.run.seed, "start")
            task.start(self.model)
        self.inside = self.processes.wrap(self.model, task.units(self.model))
        # after the wrapping, which under FSDP puts other parameters in the place of the model's
        self.optimizer = Optimizer(self.model, self.config.optimizer, self.processes.device)
        self.average = Average(self.model, self.config.optimizer.ema_decay)
        self.adversary = Adversary(task, self.processes) if task.critic_from is not None else None
        if self.adversary is not None and not resumed:
            task.start_critic(self.adversary.critic)
        self.step, self.consumed, self._minutes_before = 0, 0, 0.0
        self._saved: int | None = None  # the step of the newest checkpoint
        self._place: dict[str, Any] = {}
        self._rate, self._divergence = 0.0, Divergence()
        if resumed:
            self._resume(resumed[-1])
        self._started, self.minutes, self._meter = time.monotonic(), self._minutes_before, Meter()
        self._began = self.step
        self.source: Source | None = None

    def fit(self) -> None:
        """Train to the end of the schedule, or until a signal or `stop_minutes`; saves at the end and on the way.

        Raises:
            TrainingError: another process trains in the same folder, or has since this run was built; or the loss is no
                number any more.
        """
        with self._alone():
            if self.processes.first:
                checkpoint.check_newest(self.config.run.out, self._saved)
                # again: another run may have been built here since, and left its own
                write_config(self.config, self._digest)
            self._fit()

    def _alone(self) -> AbstractContextManager[None]:
        """The lock of the run's folder, which the first process holds for all."""
        return alone_in(self.config.run.out) if self.processes.first else nullcontext()

    def _fit(self) -> None:
        # the time of building and loading is no training
        self._started, self._minutes_before, self._began = time.monotonic(), self.minutes, self.step
        log, run, first = self.config.log, self.config.run, self.processes.first
        self._logs = Logs(self.config, self.step) if first else None
        evaluation = Due(log.evaluate_every, log.evaluate_minutes, self.minutes)
        saving, sampling = Due(run.save_every, run.save_minutes, self.minutes), Due(log.sample_every)
        with stop_on_signals() as request, self._bar() as bar:
            batches = self._batches()
            stopped = self._tick(request)
            while not stopped and not self.finished:
                self._train_step(batches)
                stopped = self._tick(request)
                self._show(bar)
                # all are asked, since each keeps its own clock
                due = [event(self.step, self.minutes) for event in (evaluation, sampling, saving)]
                self._end_step(due[0] or self.finished, *due[1:])
            # what is saved already is left alone: to write it again would put the only checkpoint at risk
            if self._saved != self.step:
                self._save()
        if self._logs is not None:
            self._logs.plot()
            self._logs.close()

    def _end_step(self, evaluating: bool, sampling: bool, saving: bool) -> None:
        """What falls due after a step. A checkpoint is the last, as it says that all of its step is done.

        So a run that is killed in an evaluation comes to it again.
        """
        try:
            if evaluating:
                self._evaluate()
            if sampling:
                self._sample()
        except TrainingError:  # such as of a full disk: the evaluation is lost, and must be made again
            raise
        except GlmTtsError:  # that of a task which has seen enough: what led there is kept, to be looked at
            if saving or self.finished:
                self._save()
            raise
        if saving:
            self._save()

    @property
    def finished(self) -> bool:
        """Whether the schedule has come to its end, or the task has had enough."""
        schedule = self.config.schedule
        if self.task.enough():
            return True
        if schedule.steps is not None:
            return self.step >= schedule.steps
        return self.minutes >= (schedule.minutes or 0.0)

    def _tick(self, request: StopRequest) -> bool:
        """Advance the clock; whether this session must stop here. All processes get the same answer."""
        session = (time.monotonic() - self._started) / 60
        # agreed upon: a process that stopped alone would leave the others waiting in a collective for ever
        self.minutes, stop = self.processes.agree(self._minutes_before + session, request.asked)
        schedule = self.config.schedule
        late = schedule.stop_minutes is not None and self.minutes - self._minutes_before >= schedule.stop_minutes
        return stop or late or (schedule.stop_steps is not None and self.step - self._began >= schedule.stop_steps)

    def _batches(self) -> Iterator[tuple[int, Any]]:
        """This process's micro-batches, from where the run stands."""
        wanted = self.config.optimizer.micro_batches
        numbers = shares(self.consumed, wanted, self.processes.index, self.processes.count)
        workers, pin = self.config.distributed.workers, self.processes.device.type == "cuda"
        self.source = self.task.source()
        if self._place:
            self.source.seek(self._place)
        return micro_batches(self.source, numbers, workers, pin)

    def _train_step(self, batches: Iterator[tuple[int, Any]]) -> None:
        each = self.config.optimizer.micro_batches // self.processes.count
        device = self.processes.device
        step = [(number, to_device(batch, device)) for number, batch in (next(batches) for _ in range(each))]
        rate = learning_rate(self.config.optimizer, self.config.schedule, self.step, self.minutes)
        self.inside.train()
        adversary = self.adversary if self.adversary is not None and self.adversary.joins(self.step) else None
        if adversary is not None:
            # first, so that the loss below meets the critic after its step
            self._meter.add(adversary.train_step(step, self._fake))
        critic = adversary.critic if adversary is not None else None
        for place, (number, batch) in enumerate(step):
            with self.processes.gradients(self.inside, last=place == each - 1):
                loss, metrics = self._loss(number, batch, critic)
                # the mean over this process's share; DDP and FSDP take the mean over processes
                (loss / each).backward()
            self._meter.add({"loss": loss, **metrics})
        norm = self.optimizer.step(rate)
        seed_draws(self.config.run.seed, "after", self.step)
        self.task.after_step(self.model, self.step)
        self.average.update(self.step)
        self._rate = rate
        self._meter.add({"gradient_norm": norm})
        self.step += 1
        self.consumed += self.config.optimizer.micro_batches

    def _loss(self, number: int, batch: Any, critic: nn.Module | None) -> tuple[Tensor, Metrics]:
        seed_draws(self.config.run.seed, number)
        with self._autocast():
            return self.inside(self.task.loss, batch, self.step, critic)

    def _fake(self, number: int, batch: Any) -> Any:
        """What the critic is shown, with the draws of the loss."""
        seed_draws(self.config.run.seed, number)
        with torch.no_grad(), self._autocast():
            return self.inside(self.task.fake, batch)

    def _autocast(self) -> torch.autocast:
        enabled = self.config.run.precision == "bf16"
        return torch.autocast(self.processes.device.type, torch.bfloat16, enabled=enabled)

    def _bar(self) -> tqdm:
        """A bar over steps, or over minutes, with the time left."""
        schedule, name = self.config.schedule, self.config.run.out.name
        total, unit = (schedule.steps, "step") if schedule.steps is not None else (schedule.minutes, "min")
        initial = self.step if schedule.steps is not None else round(self.minutes, 2)
        hidden = not self.processes.first
        return tqdm(total=total, initial=initial, desc=name, unit=unit, mininterval=5, disable=hidden)

    def _show(self, bar: tqdm) -> None:
        """Advance the bar, and every `log.every` steps write the means of the metrics."""
        schedule = self.config.schedule
        bar.update(1 if schedule.minutes is None else round(min(self.minutes, schedule.minutes) - bar.n, 4))
        if self.step % self.config.log.every:
            return
        # the count of the session, added once a line, so that its mean is the count itself
        self._meter.add({"skipped": self.optimizer.skipped})
        means = self._meter.read(self.processes)
        bar.set_postfix(loss=f"{means['loss']:.3f}")
        if self._logs is not None:
            self._logs.metrics(self.step, {**means, "learning_rate": self._rate})
        self._divergence.watch(means["skipped"], self.step, self.config.log.every)

    def _aside(self, function: Callable[..., Any]) -> Any:
        """What a function of the task gives with the averaged weights, in evaluation mode, on every process."""
        self.inside.eval()
        seed_draws(self.config.run.seed, "aside")
        try:
            with torch.no_grad(), self.average.applied():
                return self.inside(partial(call, function), self.processes.device)
        # through `Inside`, where FSDP has gathered the averaged weights
        finally:
            self.processes.release(self.inside)  # else the next step would begin with the averaged weights

    def _evaluate(self) -> None:
        figures = self._aside(self.task.evaluate)
        if figures and self._logs is not None:
            self._logs.metrics(self.step, figures, "evaluation")

    def _sample(self) -> None:
        sounds = self._aside(self.task.samples)
        if sounds and self._logs is not None:
            self._logs.sounds(self.step, sounds)

    def groups(self) -> checkpoint.Groups:
        """All tensors of the run, by group: what a checkpoint holds."""
        groups: dict[str, dict[str, Shard]] = {
            "model": shards_of(self.model),
            "ema": self.average.shards(),
            "optimizer": self.optimizer.shards(),
        }
        if self.adversary is not None:
            groups |= self.adversary.groups()
        return groups

    def _save(self) -> None:
        # without a source nothing was drawn, and the loaded place still holds
        place = self.source.place(self.consumed) if self.source is not None else self._place
        values = {"consumed": self.consumed, "minutes": self.minutes, "data": place, "hash": self._digest}
        rank, world = self.processes.index, self.processes.count
        checkpoint.save(self.config.run.out, self.step, self.groups(), values, rank, world, self.processes.wait)
        self._saved = self.step
        if self._logs is not None:
            checkpoint.keep_last(self.config.run.out, self.config.run.keep_last)
            self._logs.plot()

    def _resume(self, folder: Path) -> None:
        values = checkpoint.load(folder, self.groups())
        if values.get("hash", self._digest) != self._digest:
            what = f"{folder} was trained with other values than {CONFIG_FILE} has"
            raise OtherValuesError(what, self.config.run.out)
        try:
            self.step, self.consumed, self._place = int(values["step"]), int(values["consumed"]), dict(values["data"])
            self._minutes_before, self._saved = float(values["minutes"]), self.step
            if self.consumed < 0 or not 0 <= self._minutes_before < float("inf"):
                raise ValueError
        except (KeyError, TypeError, ValueError, OverflowError):
            raise TrainingError(
                f"{folder} does not say where its run stood. Remove it: the one before serves."
            ) from None
