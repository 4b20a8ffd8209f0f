"""What a log-mel is of: rates, windows, bins."""

from glmtts.config import StrictConfig


class MelConfig(StrictConfig):
    """Geometry of the log-mel; the defaults are the 24 kHz ones of the release, 50 frames a second."""

    sample_rate: int = 24000
    n_fft: int = 1920
    hop_length: int = 480
    n_mels: int = 80
    f_min: float = 0.0
    f_max: float = 8000.0
