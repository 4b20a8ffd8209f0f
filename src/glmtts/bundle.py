"""A model bundle on disk: `bundle.json`, one safetensors file a module, the text vocabulary, the voices.

Every file is listed in `bundle.json` with its SHA-256 and checked when it is read. A module is loaded when it is first
asked for, once, whatever number of threads ask; what it is comes from the registry of architectures (stages.py).
"""

import json
import threading
from contextlib import nullcontext
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import save_file
from torch import nn

from glmtts import durable
from glmtts.bundle_config import BundleConfig, ModuleEntry
from glmtts.config import StrictConfig, read_json
from glmtts.errors import BundleError, ConfigError, VoiceError
from glmtts.graphs import chosen
from glmtts.options import nearest
from glmtts.places import EXPORTED_FILE, check_holds_weights, is_file
from glmtts.stages import Clock, Flow, LanguageModel, Recogniser, SpeakerEncoder, SpeechTokenizer, Vocoder, architecture
from glmtts.text.audio_tokens import AudioTokens
from glmtts.text.frontend import TextFrontend
from glmtts.text.tokenizer import TextTokenizer
from glmtts.weights import NoInitialisation, check_shapes, digest_of, read_tensors, renamed, stored

CONFIG_FILE = "bundle.json"
TOKENIZER_FILES = ("tokenizer.model", "added_tokens.json")


def bundle_digest(folder: Path) -> str:
    """SHA-256 of a bundle's description, which names the hash of each of its files."""
    return digest_of(folder / CONFIG_FILE)


def embedded() -> Path:
    """The folder of the bundle that ships with the package."""
    return Path(str(files("glmtts.models").joinpath("mini")))


class Bundle:
    """An opened bundle; the stages are its properties."""

    def __init__(self, folder: Path, config: BundleConfig, device: torch.device, allow_program: bool = False) -> None:
        self.folder, self.config, self.device, self.allow_program = folder, config, device, allow_program
        self.acceleration = chosen("auto", device)  # of modules that are loaded from now on
        self._modules: dict[str, Any] = {}
        self._loading = threading.RLock()

    @classmethod
    def open(
        cls, folder: str | Path | None = None, device: torch.device | None = None, allow_program: bool = False
    ) -> Self:
        """Open a bundle folder, or the embedded one, and check that its parts keep the same time.

        `allow_program` lets a module run that is a program rather than weights (vocoder/torchscript.py).

        Raises:
            BundleError: the folder is no bundle, or its description is not valid.
        """
        folder = embedded() if folder is None else Path(folder)
        path = folder / CONFIG_FILE
        check_holds_weights(folder, BundleError)
        if not is_file(path, BundleError):
            if is_file(folder / EXPORTED_FILE, BundleError):
                raise BundleError(
                    f"{folder} was exported for ONNX Runtime: `say`, `clone` and `serve` take it, and `load_onnx`. "
                    "Give the bundle that it was made of."
                )
            raise BundleError(f"{folder} is no model bundle: it holds no {CONFIG_FILE}. Give another --model.")
        try:
            config = BundleConfig.parse(read_json(path))
            bundle = cls(folder, config, device or torch.device("cpu"), allow_program)
            # a bundle of single stages has no common time to check
            if {"speech_tokenizer", "flow", "vocoder"} <= bundle.config.modules.keys():
                bundle.clock.check()
        except (ValueError, ConfigError) as error:
            raise BundleError(f"{path} is corrupt: {error} Install the model again.") from None
        return bundle

    @cached_property
    def clock(self) -> Clock:
        """How tokens, mel frames and samples relate, by the configurations of the parts.

        Raises:
            BundleError: a part is missing, or two parts contradict each other.
        """
        tokenizer, flow, vocoder = (self._entry(name).parsed() for name in ("speech_tokenizer", "flow", "vocoder"))
        if vocoder.sample_rate != self.config.sample_rate:
            raise BundleError(
                f"The bundle says {self.config.sample_rate} Hz and its vocoder {vocoder.sample_rate}: "
                "they do not fit. Convert or train it again."
            )
        # a flow may know more codes than the tokenizer gives, never fewer
        if flow.n_mels != vocoder.n_mels or flow.vocabulary < tokenizer.codes:
            raise BundleError(
                f"A flow of {flow.n_mels} mel bins and {flow.vocabulary} codes does not fit a vocoder of "
                f"{vocoder.n_mels} bins and a tokenizer of {tokenizer.codes} codes. Convert or train it again."
            )
        return Clock(tokenizer.tokens_per_second, flow.frames_per_token, vocoder.mel)

    @cached_property
    def audio_tokens(self) -> AudioTokens:
        """Where speech tokens lie in the vocabulary.

        Raises:
            BundleError: the language model has no rows for all of it.
        """
        rows = getattr(self.config.modules["lm"].parsed(), "vocab_size", None) if "lm" in self.config.modules else None
        # a table may have more rows than there are ids: nobody asks for those
        if rows is not None and rows < self.tokenizer.size:
            raise BundleError(
                f"The language model of '{self.config.name}' knows {rows} ids and its vocabulary has "
                f"{self.tokenizer.size}: they do not fit. Convert or train it again."
            )
        return AudioTokens.of(self.tokenizer)

    @cached_property
    def tokenizer(self) -> TextTokenizer:
        """The bundle's vocabulary."""
        # for the hashes alone: the tokenizer opens these files by their names
        for name, digest in self.config.text_files.items():
            self.path(name, digest)
        return TextTokenizer.load(self.folder)

    def frontend(self) -> TextFrontend:
        """A text front end with the bundle's vocabulary."""
        return TextFrontend(self.config.text, self.tokenizer)

    @property
    def speech_tokenizer(self) -> SpeechTokenizer:
        """Speech to tokens."""
        return self._module("speech_tokenizer")

    @property
    def speaker(self) -> SpeakerEncoder:
        """A recording to a speaker embedding."""
        return self._module("speaker")

    @property
    def lm(self) -> LanguageModel:
        """Text to speech tokens."""
        return self._module("lm")

    @property
    def flow(self) -> Flow:
        """Speech tokens to mel."""
        return self._module("flow")

    @property
    def vocoder(self) -> Vocoder:
        """Mel to waveform."""
        return self._module("vocoder")

    @property
    def recogniser(self) -> Recogniser | None:
        """The judge of speech tokens, which some bundles lack."""
        return self._module("token_recogniser") if "token_recogniser" in self.config.modules else None

    def load_all(self) -> None:
        """Load every module now, so that nobody waits for one later."""
        for name in self.config.modules:
            self._module(name)

    def close(self) -> None:
        """End what modules run outside this process; they are loaded anew when they are asked for again."""
        with self._loading:
            for name, module in list(self._modules.items()):
                if hasattr(module, "close"):
                    module.close()
                    del self._modules[name]

    def network(self, name: str) -> nn.Module:
        """A module as a torch network, for training and export.

        Raises:
            BundleError: the bundle lacks it, or it runs outside torch.
        """
        module = self._module(name)
        if not isinstance(module, nn.Module):
            raise BundleError(f"The {name} of '{self.config.name}' is a finished program: it cannot be trained.")
        return module

    def _module(self, name: str) -> Any:
        with self._loading:
            if name not in self._modules:
                self._modules[name] = self._load(self._entry(name), keep=name == "lm")
            return self._modules[name]

    def _entry(self, name: str) -> ModuleEntry:
        if name not in self.config.modules:
            raise BundleError(f"The bundle '{self.config.name}' has no {name}, which this task needs.")
        return self.config.modules[name]

    def _load(self, entry: ModuleEntry, keep: bool) -> Any:
        """Build and fill a module, in evaluation mode.

        Weights become float32, but those of a language model stored as bfloat16 stay so (`keep`): decoding is bound by
        the bytes that it reads.
        """
        config, path = entry.parsed(), self.path(entry.file, entry.sha256)
        module_class = architecture(entry.architecture).model_class()
        if getattr(module_class, "RUNS_PROGRAM", False):
            return module_class.open(path, config, self.allow_program)
        if not issubclass(module_class, nn.Module):
            return module_class.open(path, config)
        with NoInitialisation(), torch.inference_mode(False):  # else nothing could be adapted through it
            weights = renamed(read_tensors(path, keep), getattr(module_class, "RENAMED", {}))
            # a stranger's is looked at before memory is taken for what it claims, which takes half a second
            with nullcontext() if self.folder == embedded() else torch.device("meta"):
                module = module_class(config)
            check_shapes(module, weights, entry.file)
            if self.folder != embedded():
                module = module_class(config)
            # not strict: a file leaves out what only training needs; `check_shapes` has looked at all the rest
            module.load_state_dict(weights, strict=False, assign=True)  # as they are: mapped weights stay mapped
            module = module.eval().requires_grad_(False).to(self.device)
        # last: buffers and recordings belong to the device that the weights lie on
        if hasattr(module, "accelerate"):
            module.accelerate(self.acceleration)
        return module

    def path(self, name: str, digest: str) -> Path:
        """Path of one file, checked against its hash.

        Raises:
            BundleError: the file is missing or was changed.
        """
        path = self.folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise BundleError(f"The bundle names a file outside its folder: {name}. Do not use it.")
        if not is_file(path, BundleError):
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
            known, meant = ", ".join(self.config.voices) or "none", nearest(name, self.config.voices)
            hint = f"Did you mean '{meant}'? " if meant else ""
            raise VoiceError(f"There is no voice '{name}'. {hint}Known are: {known}; or give an audio file.")
        entry = self.config.voices[name]
        return self.path(entry.file, entry.sha256)


def save_module(
    folder: Path, name: str, kind: str, module: nn.Module, config: StrictConfig, matrices_in_bytes: bool = False
) -> ModuleEntry:
    """Write a module's weights as float16; gives its entry for `bundle.json`, with the architecture `kind`.

    With `matrices_in_bytes`, what has two dimensions or more takes eight bits a weight and a scale a row.
    """
    file = f"{name}.safetensors"
    with durable.whole(folder / file) as temporary:
        save_file(stored(module.state_dict(), matrices_in_bytes), temporary)
    return ModuleEntry(architecture=kind, file=file, sha256=digest_of(folder / file), config=config.model_dump())


def save_config(folder: Path, config: BundleConfig) -> None:
    """Write `bundle.json` last, so that a folder without it is no bundle yet."""
    durable.whole_text(folder / CONFIG_FILE, json.dumps(config.model_dump(), ensure_ascii=False, indent=1))
