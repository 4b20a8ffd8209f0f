"""One embedding for a recording, whatever runs the network."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from glmtts.audio.fbank import SAMPLE_RATE, kaldi_fbank
from glmtts.errors import AudioError

SHORTEST_SECONDS = 0.4  # a word; less says little of a speaker
LONGEST_SECONDS = 30  # bounds the memory of one embedding


class Embeds:
    """Gives a network on filter banks the `embed` of `stages.SpeakerEncoder`."""

    config: Any

    @property
    def sample_rate(self) -> int:
        """Samples a second that `embed` takes."""
        return SAMPLE_RATE

    @torch.inference_mode()
    def embed(self, samples_T: Tensor) -> Tensor:
        """Embedding (D,) of length 1 from 16 kHz samples (T,); of a long recording, the first 30 seconds.

        Raises:
            AudioError: the recording is too short.
        """
        if len(samples_T) < SHORTEST_SECONDS * SAMPLE_RATE:
            raise AudioError(f"The recording is shorter than {SHORTEST_SECONDS} s: too short to tell who speaks.")
        fbank = kaldi_fbank(samples_T[: LONGEST_SECONDS * SAMPLE_RATE], self.config.n_mels)
        network: Any = self  # a CampPlus or an OnnxSpeaker: both are called alike
        return F.normalize(network(fbank[None].to(self._on(samples_T)))[0], dim=-1)

    def _on(self, samples_T: Tensor) -> torch.device:
        """The network's device; that of the samples where it has no parameters."""
        parameters = getattr(self, "parameters", lambda: iter(()))()
        return next((parameter.device for parameter in parameters), samples_T.device)
