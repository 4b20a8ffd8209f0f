"""What every vocoder's configuration says of the mel that it takes."""

from glmtts.audio.geometry import MelConfig
from glmtts.config import StrictConfig


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
