"""What a log-mel is of: rates, windows, bins."""

from pydantic import Field

from glmtts.config import Count, StrictConfig


class MelConfig(StrictConfig):
    """Geometry of the log-mel; the defaults are the 24 kHz ones of the release, 50 frames a second."""

    sample_rate: Count = 24000
    n_fft: Count = 1920
    hop_length: Count = 480
    n_mels: Count = 80
    f_min: float = Field(default=0.0, ge=0)
    f_max: float = Field(default=8000.0, gt=0)
