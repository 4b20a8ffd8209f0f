"""A recogniser whose readings a test writes itself."""

from collections import OrderedDict

import pytest
import torch

from glmtts.synthesis.synthesizer import Synthesizer
from glmtts.text.labels import LABELS

MARGIN = -9.0  # log-probability of what a token does not say


def reading_labels(tts: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> Synthesizer:
    """The synthesizer, for one test, with a recogniser that reads label n in token n."""

    def log_probs(tokens: torch.Tensor, start: int = 0, lengths: torch.Tensor | None = None) -> torch.Tensor:
        return torch.full((*tokens.shape, len(LABELS)), MARGIN).scatter(-1, tokens[..., None], -0.01)

    monkeypatch.setattr(tts.judge, "_kept", OrderedDict())
    monkeypatch.setattr(tts.bundle.recogniser, "log_probs", log_probs)
    return tts
