"""One embedding for a recording."""

import torch
from torch import Tensor

from glmtts.audio.fbank import kaldi_fbank
from glmtts.errors import AudioError
from glmtts.speaker.campplus import CampPlus
from glmtts.speaker.onnx import OnnxSpeaker

SAMPLE_RATE = 16000
SHORTEST_SECONDS = 0.4
LONGEST_SECONDS = 30


@torch.inference_mode()
def speaker_embedding(model: CampPlus | OnnxSpeaker, samples_T: Tensor) -> Tensor:
    """Embedding (D,) of length 1 from 16 kHz samples (T,); of a long recording, the first 30 seconds.

    Raises:
        AudioError: the recording is too short.
    """
    if len(samples_T) < SHORTEST_SECONDS * SAMPLE_RATE:
        raise AudioError(f"The recording is shorter than {SHORTEST_SECONDS} s: too short to tell who speaks.")
    fbank = kaldi_fbank(samples_T[: LONGEST_SECONDS * SAMPLE_RATE], model.config.n_mels)
    return torch.nn.functional.normalize(model(fbank[None].to(samples_T.device))[0], dim=-1)
