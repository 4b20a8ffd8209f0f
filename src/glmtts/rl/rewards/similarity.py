"""Similarity of timbre: (1 + cos) / 2 of speaker embeddings (report 2.4)."""

from collections.abc import Sequence

import numpy as np
import torch

from glmtts.audio.resample import resample
from glmtts.errors import AudioError
from glmtts.rl.rewards.base import Completion, Reward


class Similarity(Reward):
    """(1 + cos) / 2 of the voice's embedding and the answer's, both by the bundle's speaker encoder."""

    needs_audio = True

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        """See the class; None where the audio is too short for an embedding."""
        bundle, found = self.context.synthesizer.bundle, list[float | None]()
        encoder = bundle.speaker
        for one in completions:
            wave = resample(torch.from_numpy(one.audio()), one.rate, encoder.sample_rate)
            try:
                embedding = encoder.embed(wave.to(bundle.device)).cpu().numpy()
            except AudioError:
                found.append(None)
            else:
                # with the embedding that the flow was conditioned on, not with the audio of the voice
                found.append((1 + cosine(embedding, one.speaker)) / 2)
        return found


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of two vectors; 0 where one of them is zero."""
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length else 0.0
