"""Memory of processes that speak for hours."""

import ctypes

M_MMAP_THRESHOLD = -3
LARGE = 256 * 1024  # bytes; smaller blocks come and go too often to be mapped each time


def set_malloc_trim() -> bool:
    """Have glibc return every block of 256 KiB or more to the system when it is freed; False where there is no glibc.

    By default glibc raises that bound as it goes, up to 32 MiB. Tensors, whose sizes change with every sentence, then
    leave holes in the heap, and the process grows by two thirds in ten minutes of speech.
    """
    try:
        return bool(ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE))
    except (AttributeError, OSError, TypeError):
        return False
