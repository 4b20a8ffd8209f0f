"""The engine of many machines: Ray Data, with a pool of actors a stage.

Ray moves units from stage to stage, holds them back where a later stage is slower, and starts actors anew that die. It
does not decide what is done: its own checkpoints count a file as done when any of its segments is written. A unit is
done when its file is on the disk. Nor does it see a stage's errors: they travel as data, since Ray would give back
pages of traces in place of the one sentence.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report its use to its makers

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext, TaskPoolStrategy
from ray.exceptions import RayError

from glmtts.backends import reason_of
from glmtts.data.pipeline.config import PipelineConfig, StageSection
from glmtts.data.pipeline.engines.task import Listed, make_stage, read_file, work_folder, write_unit
from glmtts.data.pipeline.plan import Unit, clips_of, from_json, to_json
from glmtts.data.pipeline.stage import Stage
from glmtts.data.pipeline.standardise import Standardised
from glmtts.data.pipeline.store import unwritable
from glmtts.data.pipeline.wire import pack_work, unpack_work
from glmtts.data.pipeline.work import Work, advance, kept_sample
from glmtts.errors import ConfigError, DataError, GlmTtsError

IN_FLIGHT = 2  # units an actor: one that is worked on, one that waits
UNIT, BYTES, ERROR = "unit", "bytes", "error"


class RayEngine:
    """Connects to the cluster at `engine.address`, or starts one on this machine, when the first work comes."""

    def __init__(self, config: PipelineConfig) -> None:
        self.config = config
        self._mine = False

    def standardise(self, files: Sequence[Listed]) -> list[Standardised]:
        """Read files; see `Engine`."""
        self._connect()
        read = ray.remote(num_cpus=1)(_read)
        config = ray.put(self.config)
        try:
            answers: list[Standardised | str] = ray.get([read.remote(config, listed) for listed in files])
        except RayError as error:
            raise _failed(error) from None
        for one in answers:
            if isinstance(one, str):
                raise DataError(one)
        return [one for one in answers if not isinstance(one, str)]

    def process(self, window: int, units: Sequence[Unit]) -> Iterator[int]:
        """Take units through all stages; see `Engine`."""
        if not units:
            return
        self._connect()
        _set_safe()
        try:
            batches: Any = self._dataset(window, units).iter_batches(batch_size=None, batch_format="pyarrow")
            for batch in batches:
                for error in filter(None, batch[ERROR].to_pylist()):
                    raise DataError(error)
                yield from batch[UNIT].to_pylist()
        except RayError as error:
            raise _failed(error) from None

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        if self._mine:
            ray.shutdown()
            self._mine = False

    def _connect(self) -> None:
        if not ray.is_initialized():
            new = self.config.engine.address is None
            try:
                ray.init(
                    address="local" if new else self.config.engine.address,
                    # as many as the actors ask for, also on fewer cores: Ray would else wait for ever
                    num_cpus=max(os.cpu_count() or 1, -int(-self._needs()["CPU"] // 1)) if new else None,
                    object_store_memory=self.config.engine.store_mib << 20 if new else None,
                    include_dashboard=False if new else None,
                    log_to_driver=False,
                    configure_logging=False,
                )
            except Exception as error:  # Ray raises plain ones where its processes do not start in time
                where = self.config.engine.address or "this machine"
                reason = reason_of(error).rstrip(".")
                raise DataError(
                    f"Ray at {where} cannot be used: {reason}. Correct engine.address, or run again."
                ) from None
            self._mine = True
        self._check_needs()

    def _needs(self) -> dict[str, float]:
        """What all actors together ask for."""
        stages = self.config.stage
        return {
            "CPU": sum(one.workers * one.cpus for one in stages),
            "GPU": sum(one.workers * one.gpus for one in stages),
        }

    def _check_needs(self) -> None:
        there = ray.cluster_resources()
        for kind, needed in self._needs().items():
            if needed > there.get(kind, 0.0) + 1e-6:  # Ray would wait for ever
                raise ConfigError(
                    f"The stages ask for {needed:g} {kind}s together, and the cluster has {there.get(kind, 0.0):g}. "
                    f"Lower workers or {kind.lower()}s of stages, or add machines."
                )

    def _dataset(self, window: int, units: Sequence[Unit]) -> Any:
        """The stages as a lazy `ray.data.Dataset`; a unit is a block, so that none waits for another."""
        flow: Any = ray.data.from_items([{UNIT: to_json(unit)} for unit in units], override_num_blocks=len(units))
        flow = flow.map_batches(_load, fn_args=(self.config,), **_tasks(self.config.standardise.workers))
        for label, section in zip(self.config.labels, self.config.stage, strict=True):
            flow = flow.map_batches(
                StageActor,
                fn_constructor_args=(self.config, label, section),
                compute=ActorPoolStrategy(size=section.workers, max_tasks_in_flight_per_actor=IN_FLIGHT),
                num_cpus=section.cpus,
                num_gpus=section.gpus,
                **_ONE,
            )
        return flow.map_batches(_store, fn_args=(self.config, window), **_tasks(IN_FLIGHT))


_ONE: dict[str, Any] = {"batch_size": 1, "batch_format": "pyarrow", "zero_copy_batch": True}


def _tasks(most: int) -> dict[str, Any]:
    """Tasks that read or write: they take no CPU from the actors, which could else keep them out for ever."""
    return {**_ONE, "compute": TaskPoolStrategy(size=most), "num_cpus": 0}


def _set_safe() -> None:
    """Ray Data's settings under which nothing is lost in silence (read in the code of Ray 2.60)."""
    context = DataContext.get_current()
    context.max_errored_blocks = 0  # any other number drops blocks that failed
    context.actor_task_retry_on_errors = False  # an error is the last word; only dead processes are replaced
    context.retried_map_errors = False
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False
    context.execution_options.verbose_progress = False
    logging.getLogger("ray.data").setLevel(logging.WARNING)


def _read(config: PipelineConfig, listed: Listed) -> Standardised | str:
    """A standardised file, or the sentence that says why there is none."""
    try:
        return read_file(config, listed)
    except (GlmTtsError, OSError) as error:
        return _sentence(config, error)


def _sentence(config: PipelineConfig, error: Exception) -> str:
    return str(unwritable(config.run.output, error) if isinstance(error, OSError) else error)


def _load(batch: pa.Table, config: PipelineConfig) -> pa.Table:
    """The sound of a planned unit."""
    unit = from_json(batch[UNIT][0].as_py())
    return _table(Work(unit.number, tuple(clips_of(unit, work_folder(config)))))


class StageActor:
    """One stage; it is made with the first unit, so that an error in its making travels as others do."""

    def __init__(self, config: PipelineConfig, label: str, section: StageSection) -> None:
        self.config, self.label, self.section = config, label, section
        self._stage: Stage | None = None

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Take one unit through the stage; what failed before passes by."""
        if batch[ERROR][0].as_py():
            return batch
        try:
            self._stage = self._stage or make_stage(self.section)
            on_error = self.section.on_error
            return _table(advance(_work(batch), self.label, self._stage, self.config.report, on_error))
        except GlmTtsError as error:
            return _table(None, str(error))


def _store(batch: pa.Table, config: PipelineConfig, window: int) -> pa.Table:
    """Put a finished unit on the disk."""
    if batch[ERROR][0].as_py():
        # as at the end of this function: all blocks have the same columns
        return batch.drop_columns([BYTES])
    work = _work(batch)
    error = ""
    try:
        write_unit(config, window, kept_sample(work, config.report))
    except (GlmTtsError, OSError) as failed:
        error = _sentence(config, failed)
    return pa.table({UNIT: [work.unit], ERROR: [error]})


def _table(work: Work | None, error: str = "") -> pa.Table:
    unit, data = (-1, b"") if work is None else (work.unit, pack_work(work))
    return pa.table({UNIT: [unit], BYTES: pa.array([data], pa.large_binary()), ERROR: [error]})


def _work(batch: pa.Table) -> Work:
    return unpack_work(batch[BYTES][0].as_py())


def _failed(error: Exception) -> DataError:
    """What Ray itself could not do, in short."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    what = lines[-1].strip().rstrip(".") if lines else type(error).__name__
    return DataError(f"Ray could not finish: {what}. Finished units are kept; run the same command again.")
