"""Other packages' stages plug in, and what is not known is refused."""

import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import glmtts
from glmtts import stages
from glmtts.audio.mel import MelConfig
from glmtts.bundle import Bundle, save_config, save_module
from glmtts.errors import BundleError
from glmtts.stages import register
from glmtts.vocoder.geometry import MelGeometry


class HumConfig(MelGeometry):
    """Sizes of `Hum`."""

    hertz: float = 220.0


class Hum(nn.Module):
    """A vocoder of another package: a tone as loud as the mel."""

    def __init__(self, config: HumConfig) -> None:
        super().__init__()
        self.config = config
        self.gain = nn.Parameter(torch.ones(1))

    @property
    def mel(self) -> MelConfig:
        return self.config.mel

    @property
    def look_ahead(self) -> int:
        return 0

    def forward(self, mel_BMT: Tensor) -> Tensor:
        loudness = mel_BMT.exp().mean(1).repeat_interleave(self.config.hop_length, dim=1)
        places = torch.arange(loudness.shape[1]) % (480 * 12)
        return self.gain * loudness * torch.sin(2 * torch.pi * self.config.hertz * places / self.config.sample_rate)


def test_a_vocoder_of_another_package_speaks(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "copy"))
    config = Bundle.open(folder).config
    entry = save_module(folder, "vocoder", "hum", Hum(HumConfig()), HumConfig())
    save_config(folder, config.model_copy(update={"modules": {**config.modules, "vocoder": entry}}))
    with pytest.raises(BundleError, match="architecture 'hum'; known are campplus"):
        Bundle.open(folder)

    class EntryPoint:
        """As an installed package brings one along."""

        name = "hum"

        @staticmethod
        def load() -> None:
            register("hum", config=f"{__name__}:HumConfig", model=f"{__name__}:Hum")

    monkeypatch.setattr(stages, "_registered", dict(stages._registered))
    monkeypatch.setattr(stages, "entry_points", lambda group: [EntryPoint] if group == stages.PLUGINS else [])
    tts = glmtts.load(folder)
    assert isinstance(tts.bundle.vocoder, Hum)
    whole = tts.say("Hello there.", seed=1)
    assert whole.samples.abs().max() > 0
    assert sum(chunk.seconds for chunk in tts.stream("Hello there.")) > 0
