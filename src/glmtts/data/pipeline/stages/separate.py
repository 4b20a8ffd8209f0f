"""Source separation (report section 2.1): the voices of a clip without music and other sounds."""

from pathlib import Path
from typing import ClassVar

import torch

from glmtts.audio.resample import resample
from glmtts.config import StrictConfig
from glmtts.data.pipeline.clips import Clip
from glmtts.data.pipeline.stage import Result, keep
from glmtts.data.pipeline.stages.per_clip import PerClip, fitted, wave_at
from glmtts.data.pipeline.stages.separation import demix, load_roformer
from glmtts.errors import DataError


class SeparateConfig(StrictConfig):
    """`weights` is the checkpoint of the vocals model (KimberleyJSN/melbandroformer, MelBandRoformer.ckpt, 913 MB)."""

    weights: Path | None = None


class SeparateStage(PerClip):
    """Replaces the sound of each clip by its voices; nothing is dropped."""

    name: ClassVar[str] = "separate"
    config_class: ClassVar[type[StrictConfig]] = SeparateConfig

    def __init__(self, config: SeparateConfig, device: str = "cpu") -> None:
        super().__init__(config, device)
        if config.weights is None:
            raise DataError(
                "Source separation needs the weights of Mel-Band RoFormer. Fetch MelBandRoformer.ckpt from "
                "https://hf.co/KimberleyJSN/melbandroformer and give its path as 'weights', or leave the stage out."
            )
        self._model = load_roformer(config.weights, device)

    def one(self, clip: Clip) -> Result:
        """The clip's voices; the model is stereo, so both channels get the same sound."""
        rate = self._model.config.sample_rate
        mix_CT = torch.from_numpy(wave_at(clip, rate)).to(self.device).expand(2, -1)
        voices = demix(self._model, mix_CT).mean(0).cpu()
        return keep(clip.with_wave(fitted(resample(voices, rate, clip.sample_rate).numpy(), clip.samples)))
