"""Diarization by pyannote.audio 4's community-1: powerset segmentation, WeSpeaker embeddings, VBx with PLDA."""

import os
from typing import Any

import numpy as np
import torch

from glmtts.backends import backend, reason_of
from glmtts.data.pipeline.stages.diarization import FRAMES_A_SECOND, SAMPLE_RATE, Diarization
from glmtts.errors import DataError

MODEL = "pyannote/speaker-diarization-community-1"


class PyannoteDiarizer:
    """The published pipeline. Its weights (CC-BY-4.0) are given after their conditions were accepted on the Hub."""

    def __init__(self, model: str = MODEL, device: str = "cpu") -> None:
        os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")  # it reports what it does to its makers otherwise
        audio = backend("pyannote.audio", "The diarizer 'pyannote'", "pip install 'pyannote.audio>=4'", DataError)
        try:
            pipeline: Any = audio.Pipeline.from_pretrained(model)
        except Exception as error:  # the hub's client raises what its network does
            reason = reason_of(error, 120)
            raise DataError(
                f"'{model}' cannot be loaded: {reason}. Accept its conditions on https://hf.co/{MODEL} and log in with "
                "'hf auth login', give a folder with the model, or use the engine 'pyannet'."
            ) from None
        if pipeline is None:
            raise DataError(f"'{model}' was not given out. Accept its conditions on https://hf.co/{MODEL} and log in.")
        self._pipeline = pipeline.to(torch.device(device))

    def __call__(self, wave: np.ndarray) -> Diarization:
        """See `Diarizer`; what overlaps is what is in the diarization and not in the exclusive one."""
        output = self._pipeline({"waveform": torch.from_numpy(wave.copy())[None], "sample_rate": SAMPLE_RATE})
        frames = -(-len(wave) * FRAMES_A_SECOND // SAMPLE_RATE)
        return from_annotations(output.speaker_diarization, output.exclusive_speaker_diarization, frames)


def from_annotations(everything: Any, exclusive: Any, frames: int) -> Diarization:
    """Frames (K, F) from two pyannote annotations.

    `exclusive_speaker_diarization` gives each overlap to one speaker, for transcription; here overlap is dropped, so a
    frame counts as one speaker's where both annotations agree that nobody else speaks.
    """
    names = sorted(everything.labels())
    active_KF = np.zeros((len(names), frames), dtype=bool)
    for annotation in (everything, exclusive):
        for segment, _, name in annotation.itertracks(yield_label=True):
            start, end = round(segment.start * FRAMES_A_SECOND), round(segment.end * FRAMES_A_SECOND)
            active_KF[names.index(name), start:end] = True
    return Diarization(active_KF)
