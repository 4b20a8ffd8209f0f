"""SIGINT and SIGTERM end a run cleanly: the step is finished, a checkpoint written."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class StopRequest:
    """Whether the process was told to stop."""

    asked = False


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Note SIGINT and SIGTERM instead of dying of them; a second one does what it always did."""
    request = StopRequest()
    before: dict[int, Any] = {}

    def note(number: int, frame: Any) -> None:
        request.asked = True
        signal.signal(number, before[number])

    # Python lets no other thread set handlers
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
