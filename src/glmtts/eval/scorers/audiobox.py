"""Audiobox Aesthetics (Tjandra et al., 2025): enjoyment, usefulness, complexity and quality, by its package."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import torch

from glmtts.backends import backend, reason_of
from glmtts.errors import EvaluationError
from glmtts.eval.scorers.clip import Clip, Score

INSTALL = "pip install audiobox_aesthetics"
AXES = ("CE", "CU", "PC", "PQ")
SHORTEST_SECONDS = 0.1


class AudioboxAesthetics:
    """Options: `weights`, a checkpoint on this machine, by default fetched by the package."""

    name = "audiobox_aesthetics"
    columns = tuple(f"audiobox_aesthetics_{axis}" for axis in AXES)
    # content that is more complex is neither better nor worse
    higher_is_better = {f"audiobox_aesthetics_{axis}": True for axis in ("CE", "CU", "PQ")}
    stand_in_for = None

    def __init__(self, weights: str | Path | None = None) -> None:
        package = backend("audiobox_aesthetics.infer", "The scorer 'audiobox_aesthetics'", INSTALL, EvaluationError)
        try:
            self.predictor: Any = package.initialize_predictor(None if weights is None else str(weights))
        except Exception as error:  # downloads, and what its model's code raises
            reason = reason_of(error)
            raise EvaluationError(
                f"Audiobox Aesthetics cannot be loaded: {reason}. It needs the network once, or its checkpoint as the "
                "option 'weights'."
            ) from None
        self._lock = Lock()  # a scorer may be called from several threads; of its package nobody says so

    def score(self, clips: Sequence[Clip]) -> list[Score]:
        """Each axis from 1 to 10; None for a clip shorter than 0.1 s."""
        return [self._one(clip) for clip in clips]

    def _one(self, clip: Clip) -> Score:
        if clip.seconds < SHORTEST_SECONDS:
            return dict.fromkeys(self.columns)
        wave = torch.from_numpy(clip.wave)[None]
        with self._lock:
            found = self.predictor.forward([{"path": wave, "sample_rate": clip.sample_rate}])[0]
        return {f"audiobox_aesthetics_{axis}": float(found[axis]) for axis in AXES}
