"""Speech that leaves by standard output as it is made, in a format that needs no end to begin."""

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
            AudioError: the format needs a package that is not installed.
        """
        kind: Any = form
        try:
            self._encoder = encoder(kind, rate, synthetic_tags(model))
        except ImportError:
            raise AudioError(f"{form} as a stream needs another package: pip install 'glm-tts[formats]'.") from None
        self._out = sys.stdout.buffer

    def write(self, samples_T: ArrayLike) -> None:
        """Samples (T,)."""
        self._out.write(self._encoder.feed(np.asarray(samples_T).clip(-1, 1)))
        self._out.flush()

    def close(self) -> None:
        """What the encoder held back."""
        self._out.write(self._encoder.finish())
        self._out.flush()
