"""Sound files whose writing fails as that of any other file.

On a full disk libsndfile raises errors of its own, which are no OSError, and its last bytes may be missing without any.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile

from glmtts.places import name_for_c


@contextmanager
def sound_file(path: Path, rate: int, subtype: str, form: str) -> Iterator[soundfile.SoundFile]:
    """A new mono file at `rate` Hz to write samples to; `form` is a format of libsndfile.

    Raises:
        OSError: the disk does not take it.
    """
    path.open("wb").close()  # where that is forbidden, the system says so itself
    try:
        with soundfile.SoundFile(name_for_c(path), "w", rate, 1, subtype, format=form) as file:
            yield file
            frames = file.frames
        whole = not frames or soundfile.info(name_for_c(path)).frames == frames
    except (soundfile.LibsndfileError, AssertionError):  # soundfile asserts that all samples were written
        whole = False
    if not whole:
        # libsndfile keeps the system's reason to itself
        raise OSError(errno.EIO, "the sound file is not whole, as on a full disk", str(path))


def write_sound(path: Path, wave: np.ndarray, rate: int, form: str) -> None:
    """Write samples (T,) of ±1 with 16 bits.

    Raises:
        OSError: the disk does not take it.
    """
    with sound_file(path, rate, "PCM_16", form) as file:
        file.write(to_int16(wave))


def to_int16(wave: np.ndarray) -> np.ndarray:
    """Samples of ±1 as int16, rounded to the nearest; what is louder is clipped."""
    # `astype` alone cuts towards zero: twice the error, and none of it independent of the sound
    return np.rint(wave.clip(-1, 1) * 32767).astype(np.int16)
