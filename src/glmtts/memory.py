"""Memory of processes that speak for hours."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

INTERVAL = 10.0  # seconds


def trim() -> bool:
    """Have glibc give free memory of the heap back to the system; False where there is no glibc.

    Tensors, whose sizes change with every sentence, leave holes in the heap, and a process grew by two thirds in ten
    minutes of speech.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return False
    return True


@contextmanager
def trimming(seconds: float = INTERVAL) -> Iterator[None]:
    """Trim in the background, every so many seconds.

    It takes 2 ms each time, and what is used again is handed out anew. To map every large tensor (M_MMAP_THRESHOLD)
    keeps as little, and took a tenth of the CPU time of `mini` by ONNX Runtime: the system clears each page anew.
    """
    over = Event()

    def run() -> None:
        while not over.wait(seconds) and trim():
            pass

    thread = Thread(target=run, name="trim", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
