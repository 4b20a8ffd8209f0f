"""What `onnx.json` says of an exported bundle."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from glmtts.audio.geometry import Count, MelConfig
from glmtts.config import StrictConfig
from glmtts.lm.config import LMConfig
from glmtts.text.frontend import TextConfig

Number = Annotated[float, Field(allow_inf_nan=False)]
LARGEST = 1 << 20  # of a size: a choice, above all that are in use; memory is not taken for what is only claimed


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

    @model_validator(mode="after")
    def _window_holds_a_hop(self) -> Self:
        if self.hop_length > self.n_fft:
            raise ValueError("hop_length must be at most n_fft")
        return self


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
    token_rate: Annotated[float, Field(gt=0, le=1000)]
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

    @model_validator(mode="after")
    def _sizes_that_models_have(self) -> Self:
        large = [name for name, size in _sizes(self) if size > LARGEST]
        if large:
            raise ValueError(f"{', '.join(large)} must be at most {LARGEST}")
        return self

    @model_validator(mode="after")
    def _parts_that_fit(self) -> Self:
        if self.mel.hop_length > self.mel.n_fft or self.mel.hop_length % self.istft.hop_length:
            raise ValueError("mel.hop_length must be at most mel.n_fft, and a multiple of istft.hop_length")
        if self.flow.n_mels != self.mel.n_mels:
            raise ValueError(f"flow.n_mels is {self.flow.n_mels}, and mel.n_mels {self.mel.n_mels}")
        outside = [name for name, ids in self.speaker_prompts.items() if not _within(ids, self.lm.vocab_size)]
        if outside:
            raise ValueError(f"speaker_prompts holds ids for {outside[0]} that the language model does not have")
        return self


def _sizes(config: BaseModel) -> Iterator[tuple[str, int]]:
    """The whole numbers of a configuration and of those within it, with their names."""
    for name, value in config:
        if isinstance(value, BaseModel):
            yield from ((f"{name}.{inner}", size) for inner, size in _sizes(value))
        elif isinstance(value, int | tuple):
            yield from ((name, size) for size in (value if isinstance(value, tuple) else [value]))


def _within(ids: list[int], count: int) -> bool:
    return all(0 <= number < count for number in ids)
