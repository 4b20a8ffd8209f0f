"""Laughter: how likely, and how long, somebody laughs in a clip (Gillick et al., 2021)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from glmtts.errors import EvaluationError
from glmtts.eval.scorers.clip import Clip, Score
from glmtts.eval.scorers.networks.laughter import SAMPLE_RATE, WINDOW, LaughterNet, decibels
from glmtts.foreign import filled, read_weights

WHERE = "https://github.com/jrgillick/laughter-detection (checkpoints/in_use/resnet_without_augmentation)"
STEP = 8  # frames (186 ms): a window is a second, and every frame, as published, costs eight times as much
SMOOTHING = 3  # windows, half a second: single ones fire on consonants
BATCH = 64  # windows at once: bounds memory


class Laughter:
    """Options: `weights`, the network's state dict (safetensors or PyTorch); `threshold`."""

    name = "laughter"
    columns = ("laughter", "laughter_seconds")
    higher_is_better = {"laughter": True, "laughter_seconds": True}
    stand_in_for = None

    def __init__(self, weights: str | Path | None = None, threshold: float = 0.5) -> None:
        if weights is None:
            raise EvaluationError(
                f"The scorer 'laughter' needs weights: give the path of the ResNet of {WHERE} as the option 'weights'."
            )
        what = "the laughter detector"
        self.network = filled(LaughterNet(), read_weights(Path(weights), what, EvaluationError), what, EvaluationError)
        self.threshold = threshold

    def score(self, clips: Sequence[Clip]) -> list[Score]:
        """`laughter` is the highest smoothed probability of the clip, `laughter_seconds` the time above the threshold.

        None for a clip without samples.
        """
        return [self._one(clip) for clip in clips]

    def _one(self, clip: Clip) -> Score:
        wave = clip.at(SAMPLE_RATE)
        if len(wave) < 2:
            return dict.fromkeys(self.columns)
        windows = self.probabilities(wave)
        share = float((windows > self.threshold).mean())
        return {"laughter": float(windows.max()), "laughter_seconds": share * clip.seconds}

    @torch.inference_mode()
    def probabilities(self, wave: np.ndarray) -> np.ndarray:
        """Smoothed probability of laughter (windows,) of 8 kHz samples (samples,), a window of a second every `STEP`.

        Audio shorter than a window is followed by silence.
        """
        level = decibels(wave)
        padded = F.pad(level, (0, 0, 0, max(0, WINDOW - len(level))), value=float(level.min()))
        windows = padded.unfold(0, WINDOW, STEP).transpose(1, 2)
        raw = torch.cat([self.network(part) for part in windows.split(BATCH)])
        ends = SMOOTHING // 2
        smooth: np.ndarray = F.avg_pool1d(raw[None], SMOOTHING, 1, ends, count_include_pad=False)[0].numpy()
        return smooth
