"""Who does the work: this process, several on this machine, or a Ray cluster."""

import multiprocessing
import re
import socket
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any

from glmtts.backends import backend, reason_of
from glmtts.errors import EvaluationError, GlmTtsError
from glmtts.eval.work import Done, Task, Work, Workers

CONNECT_SECONDS = 5.0  # to a machine of a network; Ray itself goes on asking for minutes
AHEAD = 2  # chunks handed out for each worker: one is done, one waits; more would fill memory with audio


class InProcess:
    """One chunk after another, here."""

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Done]]:
        """Do the tasks in order."""
        for task in tasks:
            yield task, task.prepare()()


class Processes:
    """Several processes on this machine, a core each; with GPUs, they take them in turn."""

    def __init__(self, count: int) -> None:
        self.count = count

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Done]]:
        """Do the tasks.

        Raises:
            EvaluationError: a process died.
        """
        # not forked: after operations with several threads a fork hangs in the next one (threads.py)
        context = multiprocessing.get_context("spawn")
        numbers = context.Value("i", 0)
        # a counter that the processes share numbers them, since a pool does not
        with ProcessPoolExecutor(self.count, context, _start, (numbers,)) as pool:
            try:
                yield from self._done(pool, iter(tasks))
            except BrokenProcessPool:
                raise EvaluationError(
                    "A process of the evaluation died, perhaps for lack of memory. Start the same command again, with "
                    "fewer --processes; it goes on where it was."
                ) from None

    def _done(self, pool: ProcessPoolExecutor, tasks: Iterator[Task]) -> Iterator[tuple[Task, Done]]:
        """What is done, as it comes; handing out fails too once a process has died."""
        waiting = dict[Future[Done], Task]()
        while True:
            for task in islice(tasks, AHEAD * self.count - len(waiting)):
                waiting[pool.submit(_do, task.prepare())] = task
            if not waiting:
                return
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                yield waiting.pop(future), future.result()


class RayWorkers:
    """A Ray cluster: tasks of one CPU (and so much of a GPU) each. Recordings and bundles must lie at the same paths
    on every node; what is made comes back to this one. The address "local" starts a cluster of this machine.

    Raises:
        EvaluationError: Ray is not installed, nothing answers at the address, or the cluster has too few GPUs.
    """

    def __init__(self, address: str, gpus: float = 0.0) -> None:
        ray = self.ray = backend("ray", "--ray", "pip install 'glm-tts[ray]'", EvaluationError)
        if not ray.is_initialized():
            _check_answers(address)
            try:
                ray.init(address=address, log_to_driver=False)
            except Exception as error:  # Ray raises plain ones of many kinds
                raise _no_cluster(address, reason_of(error)) from None
        there = ray.cluster_resources()
        if gpus > there.get("GPU", 0.0):  # Ray would wait for ever
            raise EvaluationError(f"The cluster has {there.get('GPU', 0.0):g} GPUs. Give --gpus no more than that.")
        self.cores = max(1, int(there.get("CPU", 1)))
        self.do = ray.remote(num_cpus=1, num_gpus=gpus)(_do_on_one_core)

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Done]]:
        """Do the tasks.

        Raises:
            EvaluationError: a worker or the cluster was lost.
            GlmTtsError: what a task raises.
        """
        waiting, rest = dict[Any, Task](), iter(tasks)
        while True:
            for task in islice(rest, AHEAD * self.cores - len(waiting)):
                waiting[self.do.remote(task.prepare())] = task
            if not waiting:
                return
            finished, _ = self.ray.wait(list(waiting), num_returns=1)
            for reference in finished:
                yield waiting.pop(reference), self._result(reference)

    def _result(self, reference: Any) -> Done:
        errors = self.ray.exceptions
        try:
            done: Done = self.ray.get(reference)
            return done
        except errors.RayTaskError as error:  # its text is a traceback
            if isinstance(error.cause, GlmTtsError):
                raise error.cause from None
            raise error.cause from error
        except errors.RayError as error:
            raise EvaluationError(
                f"Ray lost a task: {reason_of(error)}. Start the same command again; it goes on where it was."
            ) from None


def _check_answers(address: str) -> None:
    """Ask whether anything listens at HOST:PORT."""
    if (place := re.fullmatch(r"(?:ray://)?\[?([^\[\]]+?)\]?:(\d+)", address)) is None:
        return
    try:
        socket.create_connection((place[1], int(place[2])), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, getattr(error, "strerror", None) or str(error)) from None


def _no_cluster(address: str, reason: str) -> EvaluationError:
    return EvaluationError(
        f"There is no Ray cluster at '{address}': {reason.rstrip('.')}. Correct the address, or give --ray local."
    )


def workers_of(processes: int, ray: str | None, gpus: float = 0.0) -> Workers:
    """The workers that a command asks for: `ray` is an address, or "local" for a cluster of this machine."""
    if ray is not None:
        return RayWorkers(ray, gpus)
    return Processes(processes) if processes > 1 else InProcess()


def _start(numbers: Any) -> None:
    import torch

    torch.set_num_threads(1)
    with numbers.get_lock():
        number, numbers.value = numbers.value, numbers.value + 1
    if (count := torch.cuda.device_count()) > 1:
        torch.cuda.set_device(number % count)  # "cuda" without a number is this one from now on


def _do(work: Work) -> Done:
    return work()


def _do_on_one_core(work: Work) -> Done:
    import torch

    torch.set_num_threads(1)
    return work()
