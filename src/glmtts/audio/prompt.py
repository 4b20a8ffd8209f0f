"""What a recording must be to become a voice, with PyTorch or without it."""

import math
from pathlib import Path

from glmtts.errors import VoiceError

SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 30.0  # a second gives similarity 0.77, whole recordings 0.80
PROMPT_LUFS = -21.0  # the middle of the speech that mini learnt from, and of its own voices (−17 to −25)
SILENCE = 1e-3  # −60 dBFS: below it there is no speech to learn from


def check_prompt(path: str | Path, seconds: float, peak: float) -> None:
    """See that a recording of so many seconds, whose largest sample is `peak`, can become a voice.

    Raises:
        VoiceError: it is too short or silent.
    """
    if seconds < SHORTEST_SECONDS:
        shown = math.floor(100 * seconds) / 100  # rounded up, 0.996 s would be told as the second that it lacks
        raise VoiceError(f"{path} is {shown:.2f} s long. A voice needs {SHORTEST_SECONDS:.0f} second or more.")
    if peak < SILENCE:
        raise VoiceError(f"{path} is silent. Give a recording in which somebody speaks.")
