"""NISQA: predicted quality in five columns, and predicted naturalness of synthetic speech (Mittag et al., 2021).

The weights are for non-commercial use (CC BY-NC-SA 4.0) and are not part of this package. Each clip is scored at its
own sample rate, as the published program does: compare systems at one rate.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import torch

from glmtts.errors import EvaluationError
from glmtts.eval.scorers.clip import Clip, Score
from glmtts.eval.scorers.networks import nisqa
from glmtts.foreign import filled, read_weights

WHERE = "https://github.com/gabrielmittag/NISQA/tree/master/weights"


class _Base:
    """What both share: weights in, segments through the network."""

    NETWORK: ClassVar[type[nisqa.Nisqa] | type[nisqa.NisqaTts]]
    FILE: ClassVar[str]
    name = "nisqa"
    columns: tuple[str, ...]
    higher_is_better: Mapping[str, bool]
    stand_in_for = None

    def __init__(self, weights: str | Path | None = None) -> None:
        if weights is None:
            raise EvaluationError(
                f"NISQA needs its weights: give the path of {self.FILE} (or of its state dict as safetensors) as the "
                f"option 'weights'. They are at {WHERE}, for non-commercial use."
            )
        tensors = read_weights(Path(weights), "NISQA", EvaluationError)
        self.network = filled(self.NETWORK(), tensors, "NISQA", EvaluationError)

    def score(self, clips: Sequence[Clip]) -> list[Score]:
        """Opinions, 1 to 5; None for a clip shorter than 150 ms. Of a long clip, the first 52 s (60 s) count."""
        return [self._one(clip) for clip in clips]

    @torch.inference_mode()
    def _one(self, clip: Clip) -> Score:
        longest = int(self.NETWORK.LONGEST_SECONDS * clip.sample_rate)
        wave, network = clip.wave[:longest], self.NETWORK
        segments = nisqa.segments(wave, clip.sample_rate, network.HIGHEST_HZ, network.HOP)
        if not len(segments):
            return dict.fromkeys(self.columns)
        return dict(zip(self.columns, self.network(segments).tolist(), strict=True))


class Nisqa(_Base):
    """Options: `weights`, the path of nisqa.tar or nisqa.safetensors."""

    NETWORK, FILE = nisqa.Nisqa, "nisqa.tar"
    columns = ("nisqa_mos_pred", "nisqa_noi_pred", "nisqa_dis_pred", "nisqa_col_pred", "nisqa_loud_pred")
    higher_is_better = dict.fromkeys(columns, True)


class NisqaTts(_Base):
    """Options: `weights`, the path of nisqa_tts.tar or nisqa_tts.safetensors."""

    NETWORK, FILE = nisqa.NisqaTts, "nisqa_tts.tar"
    columns = ("nisqa_tts_mos_pred",)
    higher_is_better = dict.fromkeys(columns, True)
