"""Similarity by Resemblyzer's GE2E encoder (Wan et al., 2018), whose weights come with its package."""

import numpy as np

from glmtts.backends import backend
from glmtts.errors import EvaluationError
from glmtts.eval.scorers.similarity import SAMPLE_RATE, SpeakerScorer

INSTALL = "pip install 'glm-tts[eval]'"


class Resemblyzer(SpeakerScorer):
    """Options: `device`."""

    column = "spk_similarity_resemblyzer"
    stand_in_for = "WavLM-large with ECAPA-TDNN"

    def __init__(self, device: str = "cpu") -> None:
        self.package = backend("resemblyzer", "The scorer 'speaker_resemblyzer'", INSTALL, EvaluationError)
        self.encoder = self.package.VoiceEncoder(device, verbose=False)

    def embed(self, wave: np.ndarray) -> np.ndarray:
        """The embedding (256,), of the speech without its pauses."""
        speech = self.package.preprocess_wav(wave, source_sr=SAMPLE_RATE)
        # its voice detector may find no speech at all
        vector: np.ndarray = self.encoder.embed_utterance(speech if len(speech) else wave)
        return vector
