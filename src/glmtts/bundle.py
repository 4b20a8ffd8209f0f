"""A model bundle on disk: `bundle.json`, one safetensors file a module, the text vocabulary, the voices.

Every file is listed in `bundle.json` with its SHA-256 and checked when it is read; modules are loaded when needed.
"""

import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save_file
from torch import Tensor, nn

from glmtts.config import StrictConfig
from glmtts.errors import BundleError, ConfigError, VoiceError
from glmtts.flow.dit import DiT, FlowConfig
from glmtts.lm.model import Llama, LMConfig
from glmtts.lm.sampling import SamplingConfig
from glmtts.speaker.campplus import CampPlus, CampPlusConfig
from glmtts.speech_tokenizer.model import SpeechTokenizer, SpeechTokenizerConfig
from glmtts.text.frontend import TextConfig, TextFrontend
from glmtts.text.tokenizer import TextTokenizer
from glmtts.vocoder.vocos2d import Vocos2D, Vocos2DConfig

CONFIG_FILE = "bundle.json"
TOKENIZER_FILES = ("tokenizer.model", "added_tokens.json")
TRAINING_ONLY = ("codebook.ema_count", "codebook.ema_weight", "codebook.updates", "num_batches_tracked")
ROOMS: dict[str, tuple[type[StrictConfig], type[nn.Module]]] = {
    "speech_tokenizer": (SpeechTokenizerConfig, SpeechTokenizer),
    "speaker": (CampPlusConfig, CampPlus),
    "lm": (LMConfig, Llama),
    "flow": (FlowConfig, DiT),
    "vocoder": (Vocos2DConfig, Vocos2D),
}


class ModuleEntry(StrictConfig):
    """A module's weights and the configuration of its class."""

    file: str
    sha256: str
    config: dict[str, Any]


class VoiceEntry(StrictConfig):
    """A bundled voice."""

    file: str
    sha256: str
    description: str


class SynthesisDefaults(StrictConfig):
    """How a model speaks where the user does not say."""

    voice: str
    sampling: SamplingConfig = SamplingConfig()
    steps: int = 10
    guidance: float = 0.7
    pause_seconds: float = 0.15


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
            self.read(name, digest)
        return TextFrontend(self.config.text, TextTokenizer.load(self.folder))

    def module(self, name: str) -> Any:
        """One of `ROOMS`, in evaluation mode and float32; loaded once.

        Raises:
            BundleError: the bundle has no such module, or its file does not match.
        """
        if name not in self._modules:
            if name not in self.config.modules:
                raise BundleError(f"The bundle '{self.config.name}' has no {name}, which this task needs.")
            entry = self.config.modules[name]
            config_class, module_class = ROOMS[name]
            module = module_class(config_class.parse(entry.config))
            self._fill(module, _tensors(self.read(entry.file, entry.sha256), entry.file), entry.file)
            self._modules[name] = module.eval().requires_grad_(False).to(self.device)
        return self._modules[name]

    def read(self, name: str, digest: str) -> bytes:
        """Content of one file, checked against its hash.

        Raises:
            BundleError: the file is missing or was changed.
        """
        path = self.folder / name
        if not path.is_file():
            raise BundleError(f"The bundle lacks the file {path}. Install the model again.")
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise BundleError(f"{path} is corrupt: its hash is not the recorded one. Install the model again.")
        return data

    def voice_bytes(self, name: str) -> bytes:
        """The file of a bundled voice.

        Raises:
            VoiceError: there is no voice of this name.
        """
        if name not in self.config.voices:
            known = ", ".join(self.config.voices)
            raise VoiceError(f"There is no voice '{name}'. Known are: {known}; or give an audio file.")
        entry = self.config.voices[name]
        return self.read(entry.file, entry.sha256)

    @staticmethod
    def _fill(module: nn.Module, weights: dict[str, Tensor], file: str) -> None:
        needed = {name for name in module.state_dict() if not name.endswith(TRAINING_ONLY)}
        wrong = sorted(needed ^ weights.keys())
        own = module.state_dict()
        wrong += [f"{k} {list(weights[k].shape)}" for k in needed & weights.keys() if own[k].shape != weights[k].shape]
        if wrong:
            raise BundleError(f"{file} does not fit its configuration; missing, extra or misshapen: {wrong[:8]}.")
        module.load_state_dict({name: value.float() for name, value in weights.items()}, strict=False)


def _tensors(data: bytes, file: str) -> dict[str, Tensor]:
    try:
        return load_tensors(data)
    except SafetensorError as error:
        raise BundleError(f"{file} is no safetensors file: {error}. Install the model again.") from None


def save_module(folder: Path, name: str, module: nn.Module, config: StrictConfig) -> ModuleEntry:
    """Write a module's weights as float16; gives its entry for `bundle.json`."""
    weights = {
        key: value.detach().cpu().half().contiguous()
        for key, value in module.state_dict().items()
        if not key.endswith(TRAINING_ONLY)
    }
    file = f"{name}.safetensors"
    temporary = folder / f"{file}.part"
    save_file(weights, temporary)
    temporary.replace(folder / file)
    return ModuleEntry(file=file, sha256=digest_of(folder / file), config=config.model_dump())


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def save_config(folder: Path, config: BundleConfig) -> None:
    """Write `bundle.json` last, so that a folder without it is no bundle yet."""
    temporary = folder / f"{CONFIG_FILE}.part"
    temporary.write_text(json.dumps(config.model_dump(), ensure_ascii=False, indent=1), encoding="utf-8")
    temporary.replace(folder / CONFIG_FILE)
