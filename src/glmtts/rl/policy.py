"""The policy: a bundle's language model, all of it or adapters in training, and the frozen one it began as."""

import os
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from glmtts.bundle import Bundle
from glmtts.device import chosen_device
from glmtts.errors import ConfigError, RlError
from glmtts.lm.config import LMConfig
from glmtts.lm.model import Llama
from glmtts.rl.rollout import DrawBatch
from glmtts.rl.settings import PolicySection
from glmtts.text.audio_tokens import AudioTokens
from glmtts.training.registry import bundles
from glmtts.training.weights import ADAPTER, BASE_LAYER, fill_base, start_weights

MODULE = "lm"


def own_device(name: str = "auto") -> torch.device:
    """The device of this process by the name of `distributed.device`; of several GPUs the one that accelerate gives it.

    Raises:
        ConfigError: there is no such device.
    """
    device = chosen_device(name)
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if device.type == "cuda" else device


def bundle_of(section: PolicySection, device: torch.device | None = None) -> Bundle:
    """The bundle of a run, opened on a device, the CPU unless given.

    Raises:
        BundleError: there is no such bundle.
    """
    return Bundle.open(bundles().folder(section.bundle), device)


def new_policy(section: PolicySection) -> Llama:
    """A language model of the bundle's sizes with adapters where those are asked for; its weights are not set.

    Raises:
        BundleError: there is no such bundle.
        RlError: its language model is no Llama that can be trained.
    """
    config = bundle_of(section).config.modules[MODULE].parsed()
    if not isinstance(config, LMConfig):
        raise RlError(f"The language model of {section.bundle} runs outside of torch: it cannot be trained.")
    model = Llama(config)
    return with_adapters(model, section) if section.lora_rank else model


def with_adapters(model: Llama, section: PolicySection) -> Llama:
    """The model with LoRA adapters (Hu et al., 2021) in place; all other weights are frozen.

    Raises:
        ConfigError: peft is not installed.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise ConfigError("LoRA needs peft. Install it with: pip install '.[rl]'") from None
    targets = list(section.lora_targets)
    alpha: Any = section.lora_alpha  # peft divides it by the rank, and says int
    config = LoraConfig(r=section.lora_rank or 1, lora_alpha=alpha, target_modules=targets)
    adapted = inject_adapter_in_model(config, cast(Any, model))
    return cast(Llama, adapted)


def start_policy(model: Llama, where: str) -> None:
    """Fill a policy with the language model of a bundle or run; adapters keep their first values, which change nothing.

    Raises:
        TrainingError: the weights do not fit.
    """
    fill_base(model, start_weights(where, MODULE), where)


def is_adapted(model: nn.Module) -> bool:
    """Whether a model has adapters."""
    return any(ADAPTER in name for name, _ in model.named_parameters())


def plain_weights(model: Llama) -> dict[str, Tensor]:
    """The weights of a policy as those of a plain language model, adapters merged; copies on the CPU.

    Where they are sharded, all processes must call this.
    """
    if not is_adapted(model):
        return {name: _whole(value) for name, value in model.state_dict().items()}
    merged: dict[str, Tensor] = {}
    for name, module in model.named_modules():
        if hasattr(module, "get_delta_weight"):
            # each whole before the sum: FSDP shards what is trained, and leaves frozen weights as they are
            # (training/processes.py)
            added = _whole(module.get_delta_weight("default"))
            merged[f"{name}.weight"] = _whole(module.base_layer.weight) + added
    state = model.state_dict()
    rest = {name: _whole(v) for name, v in state.items() if ADAPTER not in name and BASE_LAYER not in name}
    return rest | merged


def _whole(value: Tensor) -> Tensor:
    # .cpu() of a tensor on the CPU is no copy, and the optimizer goes on changing it in place
    return (value.full_tensor() if isinstance(value, DTensor) else value).detach().cpu().clone()


def frozen_reference(section: PolicySection, where: str, device: torch.device) -> Llama:
    """The model that training starts from, frozen, as plain weights."""
    model = new_policy(section.model_copy(update={"lora_rank": None}))
    start_policy(model, where)
    return model.to(device).eval().requires_grad_(False)


def draw_logits(model: Llama, layout: AudioTokens, batch: DrawBatch) -> Tensor:
    """Logits (N, C) of all draws of a batch: every code, then the end of audio."""
    # (B, L, D) as (B · L, D): positions count through the padded batch. Tied embedding: text rows are never multiplied
    hidden_ND = model.hidden(batch.ids_BL).flatten(0, 1)[batch.positions_N]
    # float32 for softmax and ratios, also where autocast makes the product in bfloat16
    return (hidden_ND @ layout.choices(model.model.embed_tokens.weight).T).float()
