"""`.glmvoice`: one safetensors file with the adapter of a trained voice, the voice itself and a card that describes it.

Its tensors are those of a saved voice, and the adapters of the language model (`lm.…`) and of the flow (`flow.…`)
under the names that `peft` gives them; its metadata hold the card and each adapter's `adapter_config.json`.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import Field, ValidationError, field_validator, model_validator
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from glmtts import durable
from glmtts.adapters import Adapter, LowRank
from glmtts.config import StrictConfig, parse_json
from glmtts.errors import ConfigError, VoiceError
from glmtts.places import is_utf8
from glmtts.synthesis.adapter_pool import AdapterPool, StoredAdapter
from glmtts.synthesis.voice import Voice

FORMAT = "glmvoice-1"
MODULES = ("lm", "flow")
LONGEST_NAME = 200  # bytes; file systems take 255, and endings are added
PREFIX = "base_model.model."  # peft's, before the name of a layer
UNKNOWN = ("alpha_pattern", "use_dora", "lora_bias", "fan_in_fan_out")  # of peft's, which change what is added
DOWN, UP = ".lora_A.weight", ".lora_B.weight"


def check_voice_name(name: str) -> str:
    """A name that becomes part of paths, and of a bundle's configuration.

    Raises:
        VoiceError: it is no single component of a path, or nothing that a file can be called.
    """
    usable = is_utf8(name) and 0 < len(name.encode()) <= LONGEST_NAME
    if not usable or name in (".", "..") or any(sign in "/\\:" or ord(sign) < 32 for sign in name):
        raise VoiceError(f"{name[:50]!r} is no name of a voice. Give one without slashes, such as anna.")
    return name


class VoiceCard(StrictConfig):
    """What is known of a trained voice; a stranger may have written it.

    `base` holds the sha256 of the modules that it was trained for. `consent` is the statement that the speaker agreed,
    `licence` that of the recordings. `share` is the trained share of each module's backbone, `figures` what was
    measured when it was made.
    """

    name: str
    base_name: str
    base: dict[str, str]
    method: Literal["lora"] = "lora"
    languages: tuple[str, ...] = ()
    utterances: int = Field(default=0, ge=0)
    hours: float = Field(default=0.0, ge=0)
    licence: str
    consent: str
    share: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default={})
    trained_parameters: dict[str, Annotated[int, Field(ge=0)]] = Field(default={})
    figures: dict[str, float] = Field(default={})
    created: str = ""
    made_by: str = ""

    @model_validator(mode="after")
    def _texts_can_be_shown(self) -> Self:
        # JSON and UTF-8 hold no half surrogates; the base stands in sentences, where a terminal would obey an escape
        shown = (self.base_name, *self.base, *self.base.values())
        texts = (self.licence, self.consent, self.created, self.made_by, *self.languages, *self.share, *self.figures)
        if not all(map(str.isprintable, shown)) or not all(map(is_utf8, (*shown, *texts, *self.trained_parameters))):
            raise ValueError("it has a text that cannot be shown")
        return self

    @field_validator("name")
    @classmethod
    def _usable_name(cls, name: str) -> str:
        try:
            return check_voice_name(name)
        except VoiceError as error:
            raise ValueError(str(error)) from None


@dataclass(frozen=True)
class TrainedAdapter:
    """An adapter as `peft` writes it: its configuration, and its tensors by peft's names."""

    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    def check(self) -> None:
        """Raises ValueError where it is no adapter, so that who speaks, merges or writes it need not look again."""
        alpha = self.config.get("lora_alpha") if isinstance(self.config, dict) else None
        if isinstance(alpha, bool) or not isinstance(alpha, int | float):
            raise ValueError("its configuration has no scale")
        if not 0 < float(alpha) < math.inf:  # an integer may be too large: OverflowError
            raise ValueError("its scale adds nothing, or takes away")
        if unknown := [name for name in UNKNOWN if self.config.get(name)]:
            raise ValueError(f"its {unknown[0]} would not be followed")
        layers = {name.removesuffix(DOWN).removesuffix(UP) for name in self.tensors}
        if not layers or self.tensors.keys() != {layer + end for layer in layers for end in (DOWN, UP)}:
            raise ValueError("its tensors are no pairs of factors")
        for layer in layers:
            down_RI, up_OR = self.tensors[layer + DOWN], self.tensors[layer + UP]
            fit = down_RI.ndim == up_OR.ndim == 2 and 0 < len(down_RI) == up_OR.shape[1]
            if not (fit and down_RI.is_floating_point() and up_OR.is_floating_point()):
                raise ValueError(f"the factors of {layer} do not fit each other")
        if not _finite(self.tensors.values()):
            raise ValueError("its numbers are not finite")

    def adapter(self) -> Adapter:
        """The adapter for synthesis, the scale within its second factors; of one that passes `check`."""
        parts = {}
        for name, down_RI in self.tensors.items():
            if name.endswith(DOWN):
                layer = name.removesuffix(DOWN)
                up_OR = self._scale(len(down_RI)) * self.tensors[layer + UP].float()
                parts[layer.removeprefix(PREFIX)] = LowRank(down_RI.float(), up_OR)
        return Adapter(parts)

    def _scale(self, rank: int) -> float:
        alpha = float(self.config["lora_alpha"])
        # rank-stabilised LoRA (Kalajdzievski, 2023) keeps the size of what is added as the rank grows
        return alpha / math.sqrt(rank) if self.config.get("use_rslora") else alpha / rank


def save_trained(path: Path, voice: Voice, card: VoiceCard, adapters: Mapping[str, TrainedAdapter]) -> None:
    """Write a trained voice, atomically; `adapters` by module.

    Raises:
        VoiceError: the path cannot be written, or the disk is full.
    """
    tensors, metadata = dict(voice.tensors()), {**voice.metadata(), "format": FORMAT, "card": card.model_dump_json()}
    for module, trained in adapters.items():
        tensors |= {f"{module}.{name}": value.half().contiguous() for name, value in trained.tensors.items()}
        metadata[f"{module}.adapter_config"] = json.dumps(dict(trained.config), ensure_ascii=False, sort_keys=True)
    cure = "Free some space or choose another path."
    with durable.writable(path, VoiceError, cure), durable.whole(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


class TrainedVoice:
    """An open `.glmvoice`: its head is read and checked, its tensors when they are asked for."""

    def __init__(self, path: Path, metadata: Mapping[str, str], names: tuple[str, ...]) -> None:
        self.path, self._metadata, self._names = path, metadata, names
        self.card = VoiceCard.parse(parse_json(metadata["card"]))
        self.modules = tuple(module for module in MODULES if f"{module}.adapter_config" in metadata)
        if not self.modules:
            raise ValueError("it holds no adapter")

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Read the head of a file.

        Raises:
            VoiceError: it is missing or no trained voice.
        """
        path = Path(path)
        try:
            with safe_open(str(path), framework="pt") as file:
                metadata = file.metadata() or {}
                if metadata.get("format") != FORMAT:
                    raise ValueError(metadata.get("format"))
                return cls(path, metadata, tuple(file.keys()))
        except (OSError, SafetensorError, KeyError, ValueError, RecursionError, ConfigError, ValidationError):
            raise VoiceError(
                f"{path} is not a trained voice. Make it again with `glm-tts voice train`, or copy it anew."
            ) from None

    def trained(self, module: str) -> TrainedAdapter:
        """The adapter of a module as peft has it.

        Raises:
            VoiceError: the file is damaged.
        """
        try:
            config = parse_json(self._metadata[f"{module}.adapter_config"])
            trained = TrainedAdapter(config, self._tensors(f"{module}."))
            trained.check()
        # a KeyError where another file has taken its place meanwhile, which lacks this adapter
        except (KeyError, ValueError, OverflowError, RecursionError):
            raise self._damaged(module) from None
        return trained

    def adapter(self, module: str) -> Adapter:
        """The adapter of a module for synthesis.

        Raises:
            VoiceError: the file is damaged.
        """
        adapter = self.trained(module).adapter()
        # a scale may be too large for numbers that are finite
        if not _finite(factor for part in adapter.parts.values() for factor in (part.down_RI, part.up_OR)):
            raise self._damaged(module)
        return adapter

    def _damaged(self, module: str) -> VoiceError:
        return VoiceError(f"{self.path} is damaged: its {module} adapter cannot be read. Copy it anew.")

    def voice(self, pool: AdapterPool) -> Voice:
        """The voice with its adapter, which `pool` reads when it is needed.

        Raises:
            VoiceError: the file is damaged.
        """
        try:
            tensors = self._tensors("", MODULES)
            # in the one kind of numbers that the models take; ids of speech stay whole
            floats = {name: value.float() for name, value in tensors.items() if name != "tokens"}
            voice = Voice.of({**tensors, **floats}, self._metadata)
        except (KeyError, ValueError, TypeError):  # the last of a single number where there should be a row
            raise VoiceError(f"{self.path} is damaged: its voice cannot be read. Copy it anew.") from None
        card = self.card
        return replace(voice, adapter=StoredAdapter(self.path, self.modules, card.base, card.base_name, pool))

    def _tensors(self, prefix: str, but: tuple[str, ...] = ()) -> dict[str, Tensor]:
        wanted = [n for n in self._names if n.startswith(prefix) and not n.startswith(tuple(f"{m}." for m in but))]
        try:
            with safe_open(str(self.path), framework="pt") as file:
                return {name.removeprefix(prefix): file.get_tensor(name) for name in wanted}
        except (OSError, SafetensorError) as error:
            raise VoiceError(f"{self.path} cannot be read: {error}. Copy it anew.") from None


def _finite(factors: Iterable[Tensor]) -> bool:
    """Whether all numbers of an adapter are; asked once of all sums, since switching waits for it."""
    sums = [factor.float().sum() for factor in factors]
    return not sums or bool(torch.isfinite(torch.stack(sums)).all())


def read_adapter(path: Path, module: str) -> Adapter:
    """The adapter of one module in a file, for an `AdapterPool`. Raises as `TrainedVoice` does."""
    return TrainedVoice.open(path).adapter(module)
