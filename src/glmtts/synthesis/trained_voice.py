"""`.glmvoice`: one safetensors file with the adapter of a trained voice, the voice itself and a card that describes it.

Its tensors are those of a saved voice, and the adapters of the language model (`lm.…`) and of the flow (`flow.…`)
under the names that `peft` gives them; its metadata hold the card and each adapter's `adapter_config.json`.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from glmtts import durable
from glmtts.adapters import Adapter, LowRank
from glmtts.config import StrictConfig, parse_json
from glmtts.errors import ConfigError, VoiceError
from glmtts.synthesis.adapter_pool import AdapterPool, StoredAdapter
from glmtts.synthesis.voice import Voice

SUFFIX = ".glmvoice"
FORMAT = "glmvoice-1"
MODULES = ("lm", "flow")
PREFIX = "base_model.model."  # peft's, before the name of a layer
DOWN, UP = ".lora_A.weight", ".lora_B.weight"


class VoiceCard(StrictConfig):
    """What is known of a trained voice.

    `base` holds the sha256 of the modules that it was trained for. `consent` is the statement that the speaker agreed,
    `licence` that of the recordings. `share` is the trained share of each module's backbone, `figures` what was
    measured when it was made.
    """

    name: str
    base_name: str
    base: dict[str, str]
    method: Literal["lora"] = "lora"
    languages: tuple[str, ...] = ()
    utterances: int = 0
    hours: float = 0.0
    licence: str
    consent: str
    share: dict[str, float] = Field(default={})
    trained_parameters: dict[str, int] = Field(default={})
    figures: dict[str, float] = Field(default={})
    created: str = ""
    made_by: str = ""


@dataclass(frozen=True)
class TrainedAdapter:
    """An adapter as `peft` writes it: its configuration, and its tensors by peft's names."""

    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    def adapter(self) -> Adapter:
        """The adapter for synthesis, the scale within its second factors.

        Raises: KeyError, ValueError or TypeError where it is none.
        """
        parts = {}
        for name, down_RI in self.tensors.items():
            if name.endswith(DOWN):
                layer = name.removeprefix(PREFIX).removesuffix(DOWN)
                up_OR = self.tensors[name.removesuffix(DOWN) + UP]
                if down_RI.ndim != 2 or up_OR.ndim != 2 or up_OR.shape[1] != len(down_RI):
                    raise ValueError(f"the factors of {layer} do not fit each other")
                parts[layer] = LowRank(down_RI.float(), self._scale(len(down_RI)) * up_OR.float())
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
    temporary = path.with_name(f".{path.name}.part")
    try:
        save_file(tensors, temporary, metadata=metadata)
        durable.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        raise VoiceError(f"{path} cannot be written: {error}. Free some space or choose another path.") from None


class TrainedVoice:
    """An open `.glmvoice`: its head is read and checked, its tensors when they are asked for."""

    def __init__(self, path: Path, metadata: Mapping[str, str], names: tuple[str, ...]) -> None:
        self.path, self._metadata, self._names = path, metadata, names
        self.card = VoiceCard.parse(parse_json(metadata["card"]))
        self.modules = tuple(module for module in MODULES if f"{module}.adapter_config" in metadata)

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
        config = parse_json(self._metadata[f"{module}.adapter_config"])
        return TrainedAdapter(config, self._tensors(f"{module}."))

    def adapter(self, module: str) -> Adapter:
        """The adapter of a module for synthesis.

        Raises:
            VoiceError: the file is damaged.
        """
        try:
            adapter = self.trained(module).adapter()
            if not _finite(adapter):
                raise ValueError("not a number")
            return adapter
        except (KeyError, ValueError, TypeError):
            raise VoiceError(f"{self.path} is damaged: its {module} adapter cannot be read. Copy it anew.") from None

    def voice(self, pool: AdapterPool) -> Voice:
        """The voice with its adapter, which `pool` reads when it is needed.

        Raises:
            VoiceError: the file is damaged.
        """
        try:
            voice = Voice.of(self._tensors("", MODULES), self._metadata)
        except (KeyError, ValueError):
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


def _finite(adapter: Adapter) -> bool:
    """Whether all numbers of an adapter are; asked once of all sums, since switching waits for it."""
    sums = [factor.sum() for part in adapter.parts.values() for factor in (part.down_RI, part.up_OR)]
    return not sums or bool(torch.isfinite(torch.stack(sums)).all())


def read_adapter(path: Path, module: str) -> Adapter:
    """The adapter of one module in a file, for an `AdapterPool`. Raises as `TrainedVoice` does."""
    return TrainedVoice.open(path).adapter(module)
