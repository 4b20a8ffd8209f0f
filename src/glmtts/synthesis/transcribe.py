"""What is said in a recording, where the user does not tell: Whisper, if the extra [asr] is installed."""

import logging
from functools import lru_cache

from torch import Tensor

from glmtts import asr
from glmtts.audio.resample import resample
from glmtts.errors import AsrError

logger = logging.getLogger(__name__)
DEFAULT_MODEL = "whisper-base"


def transcribe(samples_T: Tensor, rate: int, model: str = DEFAULT_MODEL) -> str:
    """The words in samples (T,), or nothing where no recogniser is at hand.

    `model` is a name of `glmtts.asr`; it is looked up among the models that lie on this machine, so that nothing is
    downloaded unasked.
    """
    recogniser = _recogniser(model)
    if recogniser is None:
        return ""
    return recogniser.transcribe([resample(samples_T, rate, asr.SAMPLE_RATE).numpy()], None)[0].text


@lru_cache(maxsize=1)
def _recogniser(model: str) -> asr.SpeechRecogniser | None:
    try:
        return asr.load(model, local_only=True)
    except AsrError as error:
        logger.info("The voice is made without its text: %s", error)
        return None
