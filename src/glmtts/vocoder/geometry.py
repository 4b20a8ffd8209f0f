"""What vocoders have in common: the mel that they take, and blocks that can be compiled."""

from typing import Any, ClassVar, Self

from pydantic import model_validator

from glmtts.audio.geometry import MelConfig
from glmtts.config import Count, StrictConfig
from glmtts.graphs import Acceleration, compile_blocks


class MelGeometry(StrictConfig):
    """Sample rate in Hz, window and hop in samples, and bins of the mel; the defaults are the release's at 24 kHz."""

    sample_rate: Count = 24000
    n_fft: Count = 1920
    hop_length: Count = 480
    n_mels: Count = 80

    @model_validator(mode="after")
    def _window_holds_a_hop(self) -> Self:
        # (n_fft − hop) / 2 samples are padded at either end
        if not 0 < self.hop_length <= self.n_fft or (self.n_fft - self.hop_length) % 2:
            raise ValueError("hop_length must be at most n_fft, and both even or both odd")
        return self

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
