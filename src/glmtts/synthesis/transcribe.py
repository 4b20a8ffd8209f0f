"""What is said in a recording, where the user does not tell: Whisper, if the extra [asr] is installed."""

import logging
from functools import lru_cache
from typing import Any

from torch import Tensor

from glmtts.audio.resample import resample

logger = logging.getLogger(__name__)
DEFAULT_MODEL = "base"


def transcribe(samples_T: Tensor, rate: int, model: str = DEFAULT_MODEL) -> str:
    """The words in samples (T,), or nothing where no recogniser is at hand.

    `model` is a folder or a name of faster-whisper; a name is looked up among the models that lie on this machine, so
    nothing is downloaded unasked.
    """
    recogniser = _recogniser(model)
    if recogniser is None:
        return ""
    parts, _ = recogniser.transcribe(resample(samples_T, rate, 16000).numpy(), beam_size=5)
    return "".join(part.text for part in parts).strip()


@lru_cache(maxsize=1)
def _recogniser(model: str) -> Any:
    try:
        from faster_whisper import WhisperModel
    except ImportError:
        return None
    try:
        return WhisperModel(model, compute_type="int8", local_files_only=True)
    except (OSError, RuntimeError, ValueError) as error:
        logger.info("No recogniser '%s' here (%s): the voice is made without its text.", model, error)
        return None
