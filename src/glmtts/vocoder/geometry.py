"""What vocoders have in common: the mel that they take, and blocks that can be compiled."""

from typing import Any, ClassVar

from glmtts.audio.geometry import MelConfig
from glmtts.config import StrictConfig
from glmtts.graphs import Acceleration, compile_blocks


class MelGeometry(StrictConfig):
    """Sample rate in Hz, window and hop in samples, and bins of the mel; the defaults are the release's at 24 kHz."""

    sample_rate: int = 24000
    n_fft: int = 1920
    hop_length: int = 480
    n_mels: int = 80

    @property
    def mel(self) -> MelConfig:
        """The mel of this geometry."""
        return MelConfig(sample_rate=self.sample_rate, n_fft=self.n_fft, hop_length=self.hop_length, n_mels=self.n_mels)


class Compilable:
    """A network whose blocks, in the lists that `BLOCKS` names, are compiled where that is asked for."""

    BLOCKS: ClassVar[tuple[str, ...]] = ("blocks",)

    def accelerate(self: Any, acceleration: Acceleration) -> None:
        """Compile the blocks for `compile`; graphs gain little here, since an utterance is one forward."""
        if acceleration == "compile":
            compile_blocks(block for name in self.BLOCKS for block in getattr(self, name))
