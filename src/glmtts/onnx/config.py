"""What `onnx.json` says of an exported bundle."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from glmtts.audio.geometry import MelConfig
from glmtts.config import LARGEST_SIZE, Count, CountFromZero, StrictConfig
from glmtts.lm.config import LMConfig
from glmtts.text.frontend import TextConfig


class DecoderConfig(LMConfig):
    """Sizes of the language model, and how many speech tokens its head chooses from, the end included."""

    choices: int = Field(ge=2, le=LARGEST_SIZE)


class FlowGraphConfig(StrictConfig):
    """What the loop around the flow's graphs needs: the scale of mels, and what a voice must bring.

    `prior` is where the normalised mel prior begins within embedded tokens; None where the model has none.
    `adaptation` is the shape (L, K) of what a voice adds to it.
    """

    n_mels: Count
    frames_per_token: Count
    mel_mean: float
    mel_std: Annotated[float, Field(gt=0)]
    prior: CountFromZero | None
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
    look_ahead: CountFromZero | None
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
    def _parts_that_fit(self) -> Self:
        if self.mel.hop_length > self.mel.n_fft or self.mel.hop_length % self.istft.hop_length:
            raise ValueError("mel.hop_length must be at most mel.n_fft, and a multiple of istft.hop_length")
        if self.flow.n_mels != self.mel.n_mels:
            raise ValueError(f"flow.n_mels is {self.flow.n_mels}, and mel.n_mels {self.mel.n_mels}")
        outside = [name for name, ids in self.speaker_prompts.items() if not _within(ids, self.lm.vocab_size)]
        if outside:
            raise ValueError(f"speaker_prompts holds ids for {outside[0]} that the language model does not have")
        return self


def _within(ids: list[int], count: int) -> bool:
    return all(0 <= number < count for number in ids)
