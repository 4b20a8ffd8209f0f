"""Similarity by WavLM-base-plus with an x-vector head (microsoft/wavlm-base-plus-sv), by Transformers."""

import numpy as np
import torch

from glmtts.backends import backend, reason_of
from glmtts.errors import EvaluationError
from glmtts.eval.scorers.similarity import SAMPLE_RATE, SpeakerScorer

INSTALL = "pip install transformers"


class WavLmXVector(SpeakerScorer):
    """Options: `model`, a folder or a name of the Hub; `device`; `local_only`, to download nothing."""

    column = "spk_similarity_wavlm_sv"
    stand_in_for = "WavLM-large with ECAPA-TDNN"

    def __init__(
        self, model: str = "microsoft/wavlm-base-plus-sv", device: str = "cpu", local_only: bool = False
    ) -> None:
        transformers = backend("transformers", "The scorer 'speaker_wavlm_sv'", INSTALL, EvaluationError)
        try:
            self.extractor = transformers.Wav2Vec2FeatureExtractor.from_pretrained(model, local_files_only=local_only)
            network = transformers.WavLMForXVector.from_pretrained(model, local_files_only=local_only)
        except (OSError, ValueError) as error:
            reason = reason_of(error)
            raise EvaluationError(
                f"'{model}' cannot be loaded: {reason}. Give a folder or a name of the Hub."
            ) from None
        self.network, self.device = network.to(device).eval(), device

    @torch.inference_mode()
    def embed(self, wave: np.ndarray) -> np.ndarray:
        """The embedding (512,)."""
        values = self.extractor(wave, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_values
        vector: np.ndarray = self.network(values.to(self.device)).embeddings[0].cpu().numpy()
        return vector
