"""The stages of synthesis as Protocols, the plain values that pass between them, and the registry of architectures.

A bundle gives each stage as one of these types. Whatever implements a Protocol plugs in: an engine in int8 or ONNX, a
language model behind vLLM, adapters, another vocoder. Tensors are named with their axes: B batch, T frames, S speech
tokens, M mel bins, D width, C speech tokens of the vocabulary and the end of audio.

Nothing here imports PyTorch, since ONNX Runtime speaks without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from glmtts.audio.geometry import MelConfig
from glmtts.backends import foreign
from glmtts.config import StrictConfig
from glmtts.errors import BundleError
from glmtts.text.audio_tokens import AudioTokens

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from glmtts.adapters import Adapter


@dataclass(frozen=True)
class Clock:
    """The one clock of a bundle: how tokens, mel frames and samples relate.

    `token_rate` is in tokens a second; `mel` is the geometry of the mel that flow and vocoder share.
    """

    token_rate: float
    frames_per_token: int
    mel: MelConfig

    @property
    def sample_rate(self) -> int:
        """Samples a second of the waveform."""
        return self.mel.sample_rate

    @property
    def samples_per_token(self) -> int:
        """Samples of the waveform that one speech token stands for."""
        return self.frames_per_token * self.mel.hop_length

    def check(self) -> None:
        """Compare frames a token with the rates of tokens and of frames.

        Raises:
            BundleError: the parts keep different time, so that speech would be cut or stretched.
        """
        # exact: a quotient of floats may miss an equality by its last bit
        frame_rate = Fraction(self.mel.sample_rate, self.mel.hop_length)
        if Fraction(self.token_rate) * self.frames_per_token != frame_rate:
            raise BundleError(
                f"The parts of this bundle do not fit: {self.token_rate:g} tokens a second with "
                f"{self.frames_per_token} mel frames each are not the {float(frame_rate):g} frames a second of the "
                "vocoder. Convert or train it with matching parts."
            )


@dataclass(frozen=True)
class Conditions:
    """What the flow is conditioned on, B rows padded to the longest.

    `tokens_BS` are the speech tokens of prompt and speech, `lengths_B` how many of them are real (all where it is
    None). `speaker_BD` are speaker embeddings, `prompt_mel_BMP` the log-mel of each row's prompt, of which the first
    `prompt_frames_B` frames are real (all where it is None). `f0_B` is the speaker's median F0 in Hz, for models that
    ask for it, `adaptation_BLK` what a voice adds to the mel prior (flow/adaptation.py), `adapters` the low-rank
    adapter of each row, where any has one.
    """

    tokens_BS: Tensor
    speaker_BD: Tensor
    prompt_mel_BMP: Tensor
    f0_B: Tensor | None = None
    adaptation_BLK: Tensor | None = None
    lengths_B: Tensor | None = None
    prompt_frames_B: Tensor | None = None
    adapters: Sequence[Adapter | None] = ()


@dataclass(frozen=True)
class Solver:
    """How the flow is integrated: Euler steps with classifier-free guidance.

    `t_start` skips the flow up to that time: x begins as t_start · μ + (1 − t_start) · temperature · noise, where μ is
    the mel prior, as in DiffSinger's shallow diffusion (Liu et al., 2022). 0 begins with noise alone and needs no
    prior. A `temperature` below 1 is closer to the average, and clearer (Grad-TTS).
    """

    steps: int = 10
    guidance: float = 0.7
    t_start: float = 0.0
    temperature: float = 1.0


@dataclass
class FlowState:
    """What a streamed flow keeps between chunks: x before every Euler step, each (B, T, M)."""

    steps: list[Tensor]


class SpeechTokenizer(Protocol):
    """Speech to tokens (report section 2.3)."""

    @property
    def sample_rate(self) -> int:
        """Samples a second that `tokenize` takes."""
        ...

    def tokenize(self, samples_T: Tensor) -> Tensor:
        """Tokens (S,) of samples (T,) of any length. Raises AudioError where they are shorter than one token."""
        ...


class SpeakerEncoder(Protocol):
    """A recording to one vector that tells who speaks."""

    @property
    def sample_rate(self) -> int:
        """Samples a second that `embed` takes."""
        ...

    def embed(self, samples_T: Tensor) -> Tensor:
        """Embedding (D,) of length 1 of samples (T,). Raises AudioError where they are too short."""
        ...


class LanguageModel(Protocol):
    """Text to speech tokens, decoded for many rows at once (report section 2.2).

    `new_state` begins a decoding run; the state is opaque to callers and passed to every call. Rows join by `prefill`,
    all advance by `step`, and `reorder` drops, moves and repeats them.
    """

    @property
    def max_positions(self) -> int:
        """Ids that prompt and speech may have together."""
        ...

    @property
    def device(self) -> torch.device:
        """Where logits come and codes go. A model without PyTorch says None: its logits are NumPy's (lm/rows.py)."""
        ...

    def new_state(self, layout: AudioTokens) -> Any:
        """A state with no rows, for speech tokens that lie in the vocabulary as `layout` says."""
        ...

    def prefill(self, state: Any, prompt_ids: Sequence[int], copies: int, adapter: Adapter | None = None) -> Tensor:
        """Append `copies` rows that continue the same prompt; gives their logits of the first speech token (B, C).

        With an adapter, which only models are given that voices were trained for, the rows are decoded through it.
        """
        ...

    def step(self, state: Any, codes_B: Sequence[int]) -> Tensor:
        """Append one code (from 0) to every row; gives the logits that follow (B, C)."""
        ...

    def reorder(self, state: Any, rows: Sequence[int]) -> None:
        """Row i of the state becomes what row `rows[i]` was; rows that are not named leave."""
        ...


class Flow(Protocol):
    """Speech tokens to log-mel by conditional flow matching (report section 2)."""

    def sample(
        self,
        conditions: Conditions,
        noise_BTM: Tensor,
        solver: Solver,
        attention_mask: Tensor | None = None,
        finished: tuple[FlowState, int] | None = None,
    ) -> tuple[Tensor, FlowState]:
        """The log-mel (B, M, T) of prompt and speech, and the state for a next chunk.

        `noise_BTM` covers prompt and speech; `attention_mask` (T, T) is true where a frame may attend. `finished` is
        the state of the chunk before and the number of leading frames that are done: before every step they take the
        values that they had then.
        """
        ...

    def adapt(self, tokens_S: Tensor, embedding_D: Tensor, mel_MT: Tensor, f0: Tensor, steps: int) -> Tensor:
        """What a new voice adds to the mel prior, (L, K), found in `steps` of gradient descent.

        Raises ConfigError where the model has nothing to adapt.
        """
        ...


class Vocoder(Protocol):
    """Log-mel to waveform (report section 2.7)."""

    @property
    def mel(self) -> MelConfig:
        """Geometry of the mel that it takes."""
        ...

    @property
    def look_ahead(self) -> int | None:
        """Frames on either side on which a frame's samples depend; None where that is not known."""
        ...

    def __call__(self, mel_BMT: Tensor) -> Tensor:
        """Log-mel (B, M, T) to samples (B, T · hop length)."""
        ...


@runtime_checkable
class Continuing(Protocol):
    """What a vocoder has besides, in which something runs through a whole utterance, such as a phase."""

    def samples_from(self, mel_BMT: Tensor, first: int) -> Tensor:
        """Samples (B, (T − first) · hop length) of the frames from `first` on; the mel begins with its utterance."""
        ...


class Recogniser(Protocol):
    """Reads labels (text/labels.py) in speech tokens; an optional part of a bundle (judging/recogniser.py)."""

    @property
    def longest(self) -> int:
        """Tokens that can be read at once."""
        ...

    def log_probs(self, tokens_BS: Tensor, start: int = 0, lengths_B: Tensor | None = None) -> Tensor:
        """Log-probabilities of the labels (B, S, V) at each token; the first is token `start` of its utterance."""
        ...


@dataclass(frozen=True)
class Architecture:
    """A class that a module of a bundle may have, and the class of its configuration, as "package.module:Class"."""

    config: str
    model: str

    def config_class(self) -> type[StrictConfig]:
        """Import the configuration's class."""
        return _imported(self.config)

    def model_class(self) -> Any:
        """Import the model's class: a `torch.nn.Module`, or a class with `open(path, config)`."""
        return _imported(self.model)


# Packages whose import registers their architectures; others come by the entry point group of `PLUGINS`.
BUILT_IN = tuple(f"glmtts.{name}" for name in ("speech_tokenizer", "speaker", "lm", "flow", "vocoder", "judging"))
PLUGINS = "glmtts.architectures"
_registered: dict[str, Architecture] = {}


def register(name: str, config: str, model: str) -> None:
    """Make an architecture known under the name that `bundle.json` gives it."""
    _registered[name] = Architecture(config, model)


def architecture(name: str) -> Architecture:
    """The architecture of this name.

    Raises:
        BundleError: there is none, or a plug-in cannot be loaded.
    """
    # here and not at the top: these packages import this module to register themselves
    for package in BUILT_IN:
        import_module(package)
    # plugins only where no built-in has the name: importing a stranger's package may be slow, or fail
    if name not in _registered:
        for plugin in entry_points(group=PLUGINS):
            with foreign(f"The plug-in '{plugin.name}' cannot be loaded", "Mend or uninstall it.", BundleError):
                plugin.load()
    if name not in _registered:
        known = ", ".join(sorted(_registered))
        raise BundleError(f"The bundle has a module of the architecture '{name}'; known are {known}. Update glm-tts.")
    return _registered[name]


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
