"""What `onnx.json` says of an exported bundle."""

from typing import Any, Literal

from pydantic import Field

from glmtts.audio.geometry import MelConfig
from glmtts.config import StrictConfig
from glmtts.lm.config import LMConfig
from glmtts.text.frontend import TextConfig


class DecoderConfig(LMConfig):
    """Sizes of the language model, and how many speech tokens its head chooses from, the end included."""

    choices: int


class FlowGraphConfig(StrictConfig):
    """What the loop around the flow's graphs needs: the scale of mels, and what a voice must bring.

    `prior` is where the normalised mel prior begins within embedded tokens; None where the model has none.
    `adaptation` is the shape (L, K) of what a voice adds to it.
    """

    n_mels: int
    frames_per_token: int
    mel_mean: float
    mel_std: float
    prior: int | None
    adaptation: tuple[int, int] | None


class SpectrumConfig(StrictConfig):
    """The STFT after the vocoder's graph, in samples; its hop may be a part of the mel's.

    With `source` the graph gives filters of pulses and noise, and a second graph reads F0 (onnx/vocoder.py).
    """

    n_fft: int
    hop_length: int
    source: bool = False


class VoiceFile(StrictConfig):
    """A voice that comes with the model."""

    file: str
    description: str


class OnnxConfig(StrictConfig):
    """An exported bundle: its stages, how text is read and spoken, its voices, and the SHA-256 of every file."""

    format: Literal[1] = 1
    name: str
    description: str
    licence: str
    token_rate: float
    mel: MelConfig
    lm: DecoderConfig
    flow: FlowGraphConfig
    look_ahead: int | None = Field(ge=0)
    istft: SpectrumConfig
    reads: int | None
    """Tokens that the judge's recogniser can read at once; None without one."""
    tokenizer_mels: int | None
    text: TextConfig
    synthesis: dict[str, Any]
    speaker_prompts: dict[str, list[int]]
    voices: dict[str, VoiceFile]
    made_with: dict[str, str]
    files: dict[str, str]
