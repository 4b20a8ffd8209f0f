"""Similarity by WavLM-large with ECAPA-TDNN, as Seed-TTS-eval measures SIM."""

from pathlib import Path

import numpy as np
import torch

from glmtts.backends import backend
from glmtts.errors import EvaluationError
from glmtts.eval.scorers.networks.wavlm_ecapa import LARGE, WavLmEcapaNet, translated
from glmtts.eval.scorers.similarity import SpeakerScorer
from glmtts.foreign import filled, read_weights
from glmtts.places import is_file

INSTALL = "pip install transformers"
WHERE = "https://github.com/microsoft/UniSpeech/tree/main/downstreams/speaker_verification"


class WavLmEcapa(SpeakerScorer):
    """Options: `weights`, the path of `wavlm_large_finetune.pth`; `device`."""

    column = "spk_similarity_wavlm"

    def __init__(self, weights: str | Path | None = None, device: str = "cpu") -> None:
        if weights is None or not is_file(Path(weights), EvaluationError):
            raise EvaluationError(
                f"The scorer 'speaker_wavlm' needs wavlm_large_finetune.pth. Download it as {WHERE} says, and give its "
                "path as the option 'weights'."
            )
        transformers = backend("transformers", "The scorer 'speaker_wavlm'", INSTALL, EvaluationError)
        network = WavLmEcapaNet(transformers.WavLMModel(transformers.WavLMConfig(**LARGE)))
        what = "WavLM with ECAPA-TDNN"
        tensors = translated(read_weights(Path(weights), what, EvaluationError))
        self.network, self.device = filled(network, tensors, what, EvaluationError).to(device), device

    @torch.inference_mode()
    def embed(self, wave: np.ndarray) -> np.ndarray:
        """The embedding (256,)."""
        vector: np.ndarray = self.network(torch.from_numpy(wave).to(self.device)).cpu().numpy()
        return vector
