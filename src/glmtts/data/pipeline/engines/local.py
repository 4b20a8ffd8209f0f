"""The engine of one machine: the stages in this process, or in several that each hold all of them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any, TypeVar

from glmtts.data.pipeline.config import PipelineConfig
from glmtts.data.pipeline.engines.task import Chain, Listed, read_file
from glmtts.data.pipeline.plan import Unit
from glmtts.data.pipeline.standardise import Standardised
from glmtts.errors import DataError

Made = TypeVar("Made")
AHEAD = 2  # tasks in flight a worker: one that is worked on, one that waits
_configs: list[PipelineConfig] = []  # of this worker process
_chains: list[Chain] = []


class LocalEngine:
    """`engine.workers` processes for the stages, `standardise.workers` for reading; one of them is this one."""

    def __init__(self, config: PipelineConfig) -> None:
        self.config = config
        self._chain: Chain | None = None
        self._pools: dict[str, ProcessPoolExecutor] = {}

    def standardise(self, files: Sequence[Listed]) -> list[Standardised]:
        """Read files; see `Engine`."""
        if self.config.standardise.workers == 1:
            return [read_file(self.config, listed) for listed in files]
        pool = self._pool("standardise", self.config.standardise.workers, _start)
        return _guarded(lambda: list(pool.map(partial(read_file, self.config), files)))

    def process(self, window: int, units: Sequence[Unit]) -> Iterator[int]:
        """Take units through all stages; see `Engine`."""
        if self.config.engine.workers == 1:
            self._chain = self._chain or Chain(self.config)
            yield from (self._chain.finish(window, unit) for unit in units)
            return
        pool = self._pool("stages", self.config.engine.workers, _start_chain, self.config)
        limit = AHEAD * self.config.engine.workers
        yield from _completed((partial(pool.submit, _finish, window, unit) for unit in units), limit)

    def close(self) -> None:
        """End the worker processes."""
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)
        self._pools.clear()

    def _pool(self, name: str, workers: int, start: Callable[..., None], *arguments: Any) -> ProcessPoolExecutor:
        if name not in self._pools:
            # spawned: a process that forked after PyTorch's threads ran hangs in its next operation
            context = multiprocessing.get_context("spawn")
            self._pools[name] = ProcessPoolExecutor(workers, context, initializer=start, initargs=arguments)
        return self._pools[name]


def _completed(submits: Iterable[Callable[[], Future]], limit: int) -> Iterator[int]:
    """Results as they come, with at most `limit` tasks in flight: the next ones would only hold memory."""
    waiting: set[Future] = set()
    for submit in submits:
        waiting.add(_guarded(submit))
        if len(waiting) >= limit:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (_guarded(one.result) for one in done)
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        yield from (_guarded(one.result) for one in done)


def _guarded(work: Callable[[], Made]) -> Made:
    try:
        return work()
    except BrokenProcessPool:
        raise DataError(
            "A worker process was killed or could not start; finished units are kept. If memory ran out, set fewer "
            "workers. Run the same command again."
        ) from None


def _start() -> None:
    """Let a worker end with its parent: one whose parent was killed would wait for work for ever.

    Ctrl-C is the parent's to hear: it lets the unit that is worked on be finished.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _start_chain(config: PipelineConfig) -> None:
    _start()
    _configs[:] = [config]


def _finish(window: int, unit: Unit) -> int:
    if not _chains:  # not in _start_chain: an error there would reach the user as a broken pool, without its sentence
        _chains.append(Chain(_configs[0]))
    return _chains[0].finish(window, unit)
