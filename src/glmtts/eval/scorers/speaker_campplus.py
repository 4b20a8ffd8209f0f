"""Similarity by CAM++ (Wang et al., 2023): the speaker encoder of a bundle, or 3D-Speaker's published weights.

Models of this project are conditioned on this very embedding, so it flatters them: measure with another encoder too.
"""

from pathlib import Path

import numpy as np
import torch

from glmtts.bundle import Bundle
from glmtts.errors import EvaluationError
from glmtts.eval.scorers.similarity import SpeakerScorer
from glmtts.foreign import filled, read_weights
from glmtts.speaker.campplus import CampPlus, CampPlusConfig


class CampPlusSimilarity(SpeakerScorer):
    """Options: `weights`, 3D-Speaker's campplus_cn_en_common.pt, or `bundle`, by default the embedded one; `device`."""

    column = "spk_similarity_campplus"
    stand_in_for = "WavLM-large with ECAPA-TDNN"

    def __init__(
        self, weights: str | Path | None = None, bundle: str | Path | None = None, device: str = "cpu"
    ) -> None:
        self.device = device
        self.encoder = (
            published(Path(weights)).to(device)
            if weights is not None
            else Bundle.open(bundle, torch.device(device)).speaker
        )

    def embed(self, wave: np.ndarray) -> np.ndarray:
        """The embedding (192,); of a long recording, of its first 30 seconds."""
        vector: np.ndarray = self.encoder.embed(torch.from_numpy(wave).to(self.device)).cpu().numpy()
        return vector


def published(path: Path) -> CampPlus:
    """Our CAM++ with the weights of 3D-Speaker.

    Raises:
        EvaluationError: the file holds others.
    """
    model = CampPlus(CampPlusConfig())
    # counters of batches, which inference never reads: the file may lack them
    counters = {name: value for name, value in model.state_dict().items() if name.endswith("num_batches_tracked")}
    weights = {**counters, **read_weights(path, "CAM++", EvaluationError)}
    return filled(model, weights, "CAM++", EvaluationError)
