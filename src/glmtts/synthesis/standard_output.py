"""Speech that leaves by standard output as it is made, in a format that needs no end to begin."""

import os
import sys
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from glmtts.audio.encode import encoder
from glmtts.audio.provenance import synthetic_tags
from glmtts.errors import AudioError


class StandardOutput:
    """Standard output as a file of speech."""

    def __init__(self, form: str, rate: int, model: str) -> None:
        """Begin a file of a format of audio/encode.py at `rate` Hz, which says that `model` spoke.

        Raises:
            AudioError: the format needs a package that is not installed, or standard output is closed.
        """
        if sys.stdout is None:
            raise AudioError("Standard output is closed. Give it a file or a program, or name a file with -o.")
        kind: Any = form
        try:
            self._encoder = encoder(kind, rate, synthetic_tags(model))
        except ImportError:
            raise AudioError(f"{form} as a stream needs another package: pip install 'glm-tts[formats]'.") from None
        self._out = sys.stdout.buffer

    def write(self, samples_T: ArrayLike) -> None:
        """Samples (T,). Raises AudioError where nobody takes them, or the disk is full."""
        self._send(self._encoder.feed(np.asarray(samples_T).clip(-1, 1)))

    def close(self) -> None:
        """What the encoder held back. Raises AudioError as `write` does."""
        self._send(self._encoder.finish())

    def _send(self, data: bytes) -> None:
        try:
            self._out.write(data)
            self._out.flush()
        except OSError as error:
            # Python flushes once more as it ends, and would show a second error
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._out.fileno())
            raise AudioError(
                f"Standard output takes no more: {error.strerror}. What left before is cut off: run it again."
            ) from None
