"""DistillMOS: a predicted mean opinion from a small network (Stahl and Gamper, 2025).

The weights come with the package `distillmos`, which is not imported: it needs a torchaudio that fits the installed
PyTorch. The network is ours (`networks/distillmos.py`) and gives the same scores.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch

from glmtts.errors import EvaluationError
from glmtts.eval.scorers.clip import Clip, Score
from glmtts.eval.scorers.networks.distillmos import SAMPLE_RATE, DistillMosNet
from glmtts.foreign import filled, read_weights

INSTALL = "pip install --no-deps distillmos"
FILE = "weights/distill_mos_v7.pt"


class DistillMos:
    """Options: `weights`, the path of distill_mos_v7.pt, by default that of the installed package."""

    name = "distillmos"
    columns = ("distillmos",)
    higher_is_better = {"distillmos": True}
    stand_in_for = "UTMOS"

    def __init__(self, weights: str | Path | None = None) -> None:
        path = _installed() if weights is None else Path(weights)
        tensors = read_weights(path, "DistillMOS", EvaluationError)
        self.network = filled(DistillMosNet(), tensors, "DistillMOS", EvaluationError)

    @torch.inference_mode()
    def score(self, clips: Sequence[Clip]) -> list[Score]:
        """An opinion, 1 to 5; None for a clip without samples."""
        return [
            {"distillmos": float(self.network(torch.from_numpy(clip.at(SAMPLE_RATE)))) if len(clip.wave) else None}
            for clip in clips
        ]


def _installed() -> Path:
    spec = find_spec("distillmos")
    if spec is None or spec.origin is None:
        raise EvaluationError(f"The scorer 'distillmos' needs the package distillmos. Install it with: {INSTALL}")
    return Path(spec.origin).parent / FILE
