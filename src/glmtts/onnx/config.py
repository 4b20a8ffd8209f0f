"""What `onnx.json` says of an exported bundle."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from glmtts.audio.geometry import Count, MelConfig
from glmtts.config import StrictConfig
from glmtts.lm.config import LMConfig
from glmtts.text.frontend import TextConfig

Number = Annotated[float, Field(allow_inf_nan=False)]


class DecoderConfig(LMConfig):
    """Sizes of the language model, and how many speech tokens its head chooses from, the end included."""

    choices: Annotated[int, Field(ge=2)]

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        none = [name for name, value in self if isinstance(value, int) and value < 1]
        if none:
            raise ValueError(f"{', '.join(none)} must be at least 1")
        return self


class FlowGraphConfig(StrictConfig):
    """What the loop around the flow's graphs needs: the scale of mels, and what a voice must bring.

    `prior` is where the normalised mel prior begins within embedded tokens; None where the model has none.
    `adaptation` is the shape (L, K) of what a voice adds to it.
    """

    n_mels: Count
    frames_per_token: Count
    mel_mean: Number
    mel_std: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    prior: Annotated[int, Field(ge=0)] | None
    adaptation: tuple[Count, Count] | None


class SpectrumConfig(StrictConfig):
    """The STFT after the vocoder's graph, in samples; its hop may be a part of the mel's.

    With `source` the graph gives filters of pulses and noise, and a second graph reads F0 (onnx/vocoder.py).
    """

    n_fft: Count
    hop_length: Count
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
    token_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    mel: MelConfig
    lm: DecoderConfig
    flow: FlowGraphConfig
    look_ahead: int | None = Field(ge=0)
    istft: SpectrumConfig
    reads: Count | None
    """Tokens that the judge's recogniser can read at once; None without one."""
    tokenizer_mels: Count | None
    text: TextConfig
    synthesis: dict[str, Any]
    speaker_prompts: dict[str, list[int]]
    voices: dict[str, VoiceFile]
    made_with: dict[str, str]
    files: dict[str, str]
