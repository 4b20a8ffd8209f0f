"""The engine of many machines: Ray Data, with a pool of actors a stage.

Ray moves units from stage to stage, holds them back where a later stage is slower, and starts actors anew that die. It
does not decide what is done: its own checkpoints count a file as done when any of its segments is written. A unit is
done when its file is on the disk.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report its use to its makers

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext, Dataset
from ray.exceptions import RayError

from glmtts.data.pipeline.config import PipelineConfig, StageSection
from glmtts.data.pipeline.engines.task import Listed, make_stage, read_file, work_folder, write_unit
from glmtts.data.pipeline.plan import Unit, clips_of, from_json, to_json
from glmtts.data.pipeline.standardise import Standardised
from glmtts.data.pipeline.wire import pack_work, unpack_work
from glmtts.data.pipeline.work import Work, advance, kept_sample
from glmtts.errors import DataError, GlmTtsError

IN_FLIGHT = 2  # units an actor: one that is worked on, one that waits
UNIT, BYTES = "unit", "bytes"


class RayEngine:
    """Connects to the cluster at `engine.address`, or starts one on this machine, when the first work comes."""

    def __init__(self, config: PipelineConfig) -> None:
        self.config = config
        self._mine = False

    def standardise(self, files: Sequence[Listed]) -> list[Standardised]:
        """Read files; see `Engine`."""
        self._connect()
        read = ray.remote(num_cpus=1, max_retries=3)(read_file)
        config = ray.put(self.config)
        try:
            return ray.get([read.remote(config, listed) for listed in files])
        except (RayError, GlmTtsError) as error:
            raise _failed(error) from None

    def process(self, window: int, units: Sequence[Unit]) -> Iterator[int]:
        """Take units through all stages; see `Engine`."""
        if not units:
            return
        self._connect()
        _set_safe()
        logging.getLogger("ray.data").setLevel(logging.WARNING)
        try:
            batches: Any = self._dataset(window, units).iter_batches(batch_size=None, batch_format="pyarrow")
            for batch in batches:
                yield from batch[UNIT].to_pylist()
        except (RayError, GlmTtsError) as error:
            raise _failed(error) from None

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        if self._mine:
            ray.shutdown()
            self._mine = False

    def _connect(self) -> None:
        if ray.is_initialized():
            return
        new = self.config.engine.address is None
        try:
            ray.init(
                address="local" if new else self.config.engine.address,
                object_store_memory=self.config.engine.store_mib << 20 if new else None,
                include_dashboard=False if new else None,
                log_to_driver=False,
                configure_logging=False,
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise DataError(
                f"The Ray cluster at {self.config.engine.address} cannot be joined: {error} Correct engine.address."
            ) from None
        self._mine = True

    def _dataset(self, window: int, units: Sequence[Unit]) -> Dataset:
        """The stages as a lazy dataset; a unit is a block, so that none waits for another."""
        planned = ray.data.from_items([{UNIT: to_json(unit)} for unit in units], override_num_blocks=len(units))
        readers = _pool(self.config.standardise.workers)
        flow = planned.map_batches(_Reader, fn_constructor_args=(self.config,), compute=readers, **_ONE)
        for label, section in zip(self.config.labels, self.config.stage, strict=True):
            flow = flow.map_batches(
                _StageActor,
                fn_constructor_args=(self.config, label, section),
                compute=_pool(section.workers),
                num_cpus=section.cpus,
                num_gpus=section.gpus,
                **_ONE,
            )
        return flow.map_batches(
            _Writer, fn_constructor_args=(self.config, window), compute=_pool(1), num_cpus=0, **_ONE
        )


_ONE: dict[str, Any] = {"batch_size": 1, "batch_format": "pyarrow", "zero_copy_batch": True}


def _pool(workers: int) -> ActorPoolStrategy:
    return ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=IN_FLIGHT)


def _set_safe() -> None:
    """Ray Data's settings under which nothing is lost in silence (read in the code of Ray 2.60)."""
    context = DataContext.get_current()
    context.max_errored_blocks = 0  # any other number drops blocks that failed
    context.actor_task_retry_on_errors = False  # an error of a stage is its last word; only dead actors are retried
    context.retried_map_errors = False
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False
    context.execution_options.verbose_progress = False


class _Reader:
    """The first actor: the sound of a unit."""

    def __init__(self, config: PipelineConfig) -> None:
        self.config = config

    def __call__(self, batch: pa.Table) -> pa.Table:
        unit = from_json(batch[UNIT][0].as_py())
        return _table(Work(unit.number, tuple(clips_of(unit, work_folder(self.config)))))


class _StageActor:
    """One stage."""

    def __init__(self, config: PipelineConfig, label: str, section: StageSection) -> None:
        self.config, self.label = config, label
        self.stage = make_stage(section)

    def __call__(self, batch: pa.Table) -> pa.Table:
        return _table(advance(_work(batch), self.label, self.stage, self.config.report))


class _Writer:
    """The last actor: puts a finished unit on the disk."""

    def __init__(self, config: PipelineConfig, window: int) -> None:
        self.config, self.window = config, window

    def __call__(self, batch: pa.Table) -> pa.Table:
        work = _work(batch)
        write_unit(self.config, self.window, kept_sample(work, self.config.report))
        return pa.table({UNIT: [work.unit]})


def _table(work: Work) -> pa.Table:
    return pa.table({UNIT: [work.unit], BYTES: pa.array([pack_work(work)], pa.large_binary())})


def _work(batch: pa.Table) -> Work:
    return unpack_work(batch[BYTES][0].as_py())


def _failed(error: Exception) -> GlmTtsError:
    """The sentence of a stage where there is one, out of Ray's wrappings."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, GlmTtsError):
            return seen
        seen = getattr(seen, "cause", None) or seen.__cause__
    lines = [line for line in str(error).splitlines() if line.strip()]
    return DataError(
        f"Ray could not finish: {lines[-1].strip() if lines else type(error).__name__} Finished units are kept; "
        "run the same command again."
    )
