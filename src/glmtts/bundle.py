"""A model bundle on disk: `bundle.json`, one safetensors file a module, the text vocabulary, the voices.

Every file is listed in `bundle.json` with its SHA-256 and checked when it is read; modules are loaded when needed.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from glmtts.config import StrictConfig
from glmtts.errors import BundleError, ConfigError, VoiceError
from glmtts.flow.cfm import Solver
from glmtts.flow.dit import DiT, FlowConfig
from glmtts.flow.streaming import tokens_needed
from glmtts.judging.recogniser import TokenRecogniser
from glmtts.judging.resampling import SteeringConfig
from glmtts.lm.model import Llama, LMConfig
from glmtts.lm.sampling import SamplingConfig
from glmtts.speaker.campplus import CampPlus, CampPlusConfig
from glmtts.speaker.onnx import OnnxSpeaker, OnnxSpeakerConfig
from glmtts.speech_tokenizer.model import SpeechTokenizer, SpeechTokenizerConfig
from glmtts.text.frontend import TextConfig, TextFrontend
from glmtts.text.tokenizer import TextTokenizer
from glmtts.vocoder.hift import HiFT, HiFTConfig
from glmtts.vocoder.torchscript import TorchScriptVocoder, TorchScriptVocoderConfig
from glmtts.vocoder.vocos2d import Vocos2D, Vocos2DConfig

CONFIG_FILE = "bundle.json"
TOKENIZER_FILES = ("tokenizer.model", "added_tokens.json")
TRAINING_ONLY = ("codebook.ema_count", "codebook.ema_weight", "codebook.updates", "num_batches_tracked")
ARCHITECTURES: dict[str, tuple[type[StrictConfig], Any]] = {
    "whisper_vq": (SpeechTokenizerConfig, SpeechTokenizer),
    "token_recogniser": (SpeechTokenizerConfig, TokenRecogniser),
    "campplus": (CampPlusConfig, CampPlus),
    "campplus_onnx": (OnnxSpeakerConfig, OnnxSpeaker),
    "llama": (LMConfig, Llama),
    "dit": (FlowConfig, DiT),
    "vocos2d": (Vocos2DConfig, Vocos2D),
    "hift": (HiFTConfig, HiFT),
    "vocos2d_torchscript": (TorchScriptVocoderConfig, TorchScriptVocoder),
}


class ModuleEntry(StrictConfig):
    """A module's weights, its class (one of `ARCHITECTURES`) and the configuration of that."""

    architecture: str
    file: str
    sha256: str
    config: dict[str, Any]


class VoiceEntry(StrictConfig):
    """A bundled voice."""

    file: str
    sha256: str
    description: str


class SynthesisDefaults(StrictConfig):
    """How a model speaks where the user does not say.

    `continue_prompt`: the language model goes on from the text and tokens of the voice, where its text is known,
    and takes over its manner; else the voice is the flow's alone. `candidates` token sequences are drawn for each
    piece of text, and the one that the module `token_recogniser` reads best is spoken. Where even that one has a
    fault (lm/checks.py), or costs more than `doubt` (nats a phoneme), all are drawn again. With `steering` they
    compete on the way (lm/steering.py). With `renderings` above 1 the sound is judged too: while it costs more than
    `clear`, the next best candidate is rendered, and the clearest is spoken (synthesis/rendering.py). In
    `adaptation_steps` steps the prior is tuned to each new voice (flow/adaptation.py), `show_prompt` has the flow see
    the voice's recording before what it speaks. `blocks` are the token counts of a stream's blocks; the last one
    repeats. A stream has at most `stream_candidates`.
    """

    voice: str | None = None
    sampling: SamplingConfig = SamplingConfig()
    continue_prompt: bool = True
    candidates: int = 1
    doubt: float = 1e9
    steering: SteeringConfig | None = None
    renderings: int = Field(default=1, ge=1)
    clear: float = 0.0
    stream_candidates: int = 4
    steps: int = 10
    guidance: float = 0.7
    start: float = Field(default=0.0, ge=0, lt=1)
    flow_temperature: float = Field(default=1.0, ge=0)
    adaptation_steps: int = Field(default=0, ge=0)
    show_prompt: bool = True
    pause_seconds: float = 0.15
    blocks: tuple[int, ...] = (25, 50, 200)

    def for_streams(self) -> Self:
        """As a stream speaks, which cannot wait: fewer candidates, and one survivor, whose tokens leave at once.

        A round falls due just when the tokens are there that the first block and its look-ahead need.
        """
        steering = self.steering
        if steering is not None:
            first = tokens_needed(self.blocks[0])
            rounds = max(1, round(first / steering.interval))
            steering = steering.model_copy(update={"survivors": 1, "interval": -(-first // rounds)})
        count = min(self.candidates, self.stream_candidates) if steering else 1
        return self.model_copy(update={"candidates": count, "steering": steering})

    @property
    def solver(self) -> Solver:
        """How the flow is integrated; `start` and `flow_temperature` are explained there."""
        return Solver(self.steps, self.guidance, self.start, self.flow_temperature)


class BundleConfig(StrictConfig):
    """What `bundle.json` holds."""

    format: Literal[1] = 1
    name: str
    description: str
    licence: str
    sample_rate: int
    modules: dict[str, ModuleEntry]
    text: TextConfig
    text_files: dict[str, str]
    voices: dict[str, VoiceEntry]
    speaker_prompts: dict[str, list[int]] = Field(default={})
    synthesis: SynthesisDefaults


def embedded() -> Path:
    """The folder of the bundle that ships with the package."""
    return Path(str(files("glmtts.models").joinpath("mini")))


class Bundle:
    """An opened bundle; `module(name)` builds and loads one on first use."""

    def __init__(self, folder: Path, config: BundleConfig, device: torch.device) -> None:
        self.folder, self.config, self.device = folder, config, device
        self._modules: dict[str, nn.Module] = {}

    @classmethod
    def open(cls, folder: str | Path | None = None, device: torch.device | None = None) -> Self:
        """Open a bundle folder, or the embedded one.

        Raises:
            BundleError: the folder is no bundle, or its description is not valid.
        """
        folder = embedded() if folder is None else Path(folder)
        path = folder / CONFIG_FILE
        if not path.is_file():
            raise BundleError(f"{folder} is no model bundle: it holds no {CONFIG_FILE}. Give another --model.")
        try:
            config = BundleConfig.parse(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, ConfigError) as error:
            raise BundleError(f"{path} is corrupt: {error} Install the model again.") from None
        return cls(folder, config, device or torch.device("cpu"))

    def frontend(self) -> TextFrontend:
        """The text front end with the bundle's vocabulary."""
        for name, digest in self.config.text_files.items():
            self.path(name, digest)
        return TextFrontend(self.config.text, TextTokenizer.load(self.folder))

    def module(self, name: str) -> Any:
        """One of the bundle's modules, in evaluation mode; loaded once.

        Weights become float32, but those of a language model stored as bfloat16 stay so: decoding is bound by the
        bytes that it reads.

        Raises:
            BundleError: the bundle has no such module, or its file does not match.
        """
        if name not in self._modules:
            if name not in self.config.modules:
                raise BundleError(f"The bundle '{self.config.name}' has no {name}, which this task needs.")
            self._modules[name] = self._load(self.config.modules[name], keep=name == "lm")
        return self._modules[name]

    def optional(self, name: str) -> Any:
        """A module that some bundles lack; None where this one does."""
        return self.module(name) if name in self.config.modules else None

    def _load(self, entry: ModuleEntry, keep: bool) -> Any:
        if entry.architecture not in ARCHITECTURES:
            known = ", ".join(ARCHITECTURES)
            raise BundleError(f"{entry.file} is a {entry.architecture}; known are {known}. Update glm-tts.")
        config_class, module_class = ARCHITECTURES[entry.architecture]
        config, path = config_class.parse(entry.config), self.path(entry.file, entry.sha256)
        if not issubclass(module_class, nn.Module):
            return module_class.open(path, config)
        with NoInitialisation(), torch.inference_mode(False):  # else nothing could be adapted through it
            module = module_class(config)
            renamed = getattr(module_class, "RENAMED", {})
            self._fill(module, _renamed(_tensors(path, keep), renamed), entry.file)
            return module.eval().requires_grad_(False).to(self.device)

    def path(self, name: str, digest: str) -> Path:
        """Path of one file, checked against its hash.

        Raises:
            BundleError: the file is missing or was changed.
        """
        path = self.folder / name
        if not path.is_file():
            raise BundleError(f"The bundle lacks the file {path}. Install the model again.")
        if digest_of(path) != digest:
            raise BundleError(f"{path} is corrupt: its hash is not the recorded one. Install the model again.")
        return path

    def voice_path(self, name: str) -> Path:
        """The file of a bundled voice.

        Raises:
            VoiceError: there is no voice of this name.
        """
        if name not in self.config.voices:
            known = ", ".join(self.config.voices)
            raise VoiceError(f"There is no voice '{name}'. Known are: {known}; or give an audio file.")
        entry = self.config.voices[name]
        return self.path(entry.file, entry.sha256)

    @staticmethod
    def _fill(module: nn.Module, weights: dict[str, Tensor], file: str) -> None:
        needed = {name for name in module.state_dict() if not name.endswith(TRAINING_ONLY)}
        wrong = sorted(needed ^ weights.keys())
        own = module.state_dict()
        wrong += [f"{k} {list(weights[k].shape)}" for k in needed & weights.keys() if own[k].shape != weights[k].shape]
        if wrong:
            raise BundleError(f"{file} does not fit its configuration; missing, extra or misshapen: {wrong[:8]}.")
        module.load_state_dict(weights, strict=False, assign=True)


class NoInitialisation(TorchFunctionMode):
    """Modules built inside leave their weights unset, since a file fills them: gigabytes need not be drawn first."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Skip `torch.nn.init`; do everything else."""
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def _tensors(path: Path, keep_bfloat16: bool) -> dict[str, Tensor]:
    """All tensors of a file as float32, those that need no change mapped into memory rather than read."""
    kept = torch.bfloat16 if keep_bfloat16 else torch.float32
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return {name: value if value.dtype == kept else value.float() for name, value in tensors.items()}
    except SafetensorError as error:
        raise BundleError(f"{path} is no safetensors file: {error}. Install the model again.") from None


def _renamed(tensors: dict[str, Tensor], patterns: Mapping[str, str]) -> dict[str, Tensor]:
    """The tensors under their present names; each pattern is replaced in turn."""
    for pattern, replacement in patterns.items():
        tensors = {re.sub(pattern, replacement, name): value for name, value in tensors.items()}
    return tensors


def save_module(folder: Path, name: str, architecture: str, module: nn.Module, config: StrictConfig) -> ModuleEntry:
    """Write a module's weights as float16; gives its entry for `bundle.json`."""
    weights = {
        key: value.detach().cpu().half().contiguous()
        for key, value in module.state_dict().items()
        if not key.endswith(TRAINING_ONLY)
    }
    file = f"{name}.safetensors"
    temporary = folder / f"{file}.part"
    save_file(weights, temporary)
    temporary.chmod(0o644)
    temporary.replace(folder / file)
    return ModuleEntry(
        architecture=architecture, file=file, sha256=digest_of(folder / file), config=config.model_dump()
    )


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_config(folder: Path, config: BundleConfig) -> None:
    """Write `bundle.json` last, so that a folder without it is no bundle yet."""
    temporary = folder / f"{CONFIG_FILE}.part"
    temporary.write_text(json.dumps(config.model_dump(), ensure_ascii=False, indent=1), encoding="utf-8")
    temporary.replace(folder / CONFIG_FILE)
