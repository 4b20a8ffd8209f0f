"""LoRA by `peft` within a network that is trained: put in and taken out."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes

from glmtts.errors import TrainingError
from glmtts.synthesis.trained_voice import PREFIX, TrainedAdapter
from glmtts.training.weights import ADAPTER
from glmtts.voices.targets import Ranks

ALPHA = 8.0  # with the scale α / √r (Kalajdzievski, 2023) one learning rate serves ranks from 1 to 200
NAME = "default"


def _peft() -> Any:
    try:
        import peft
    except ImportError:
        raise TrainingError("Training a voice needs peft. Install it with: pip install '.[voices]'") from None
    return peft


def adapter_config(ranks: Ranks) -> dict[str, Any]:
    """What peft's `adapter_config.json` says of the adapter, as plain values."""
    config = _peft().LoraConfig(
        target_modules=sorted(ranks.ranks),
        r=max(ranks.ranks.values()),
        rank_pattern=dict(ranks.ranks),
        lora_alpha=ALPHA,
        use_rslora=True,
    )
    values = config.to_dict()
    # peft has a set there, whose order is another in every process; files should be alike
    return {**values, "target_modules": sorted(values["target_modules"]), "peft_type": "LORA"}


def put_in(network: nn.Module, ranks: Ranks) -> None:
    """Put adapters into a network in place; they alone are trained from then on, and change nothing yet."""
    values = adapter_config(ranks)
    # LoraConfig sets it by itself
    values.pop("peft_type")
    config = _peft().LoraConfig(**values)
    with _disable_current_modes():  # peft moves what it makes, which the fakes of a dry run do not take
        _peft().inject_adapter_in_model(config, network, adapter_name=NAME, low_cpu_mem_usage=True)
    for name in ranks.ranks:  # its factors have no memory yet
        layer: Any = network.get_submodule(name)
        down, up = layer.lora_A[NAME], layer.lora_B[NAME]
        # the second factor begins at zero, so that the adapter changes nothing yet; the first as peft and nn.Linear
        # draw it (Hu et al., 2021)
        down.weight = nn.Parameter(torch.empty(down.weight.shape))
        up.weight = nn.Parameter(torch.zeros(up.weight.shape))
        nn.init.kaiming_uniform_(down.weight, a=math.sqrt(5))


def take_out(weights: Mapping[str, Tensor], ranks: Ranks) -> TrainedAdapter:
    """The adapter within the `state_dict` of a network that holds one."""
    tensors = {
        PREFIX + name.replace(f".{NAME}.weight", ".weight"): value.detach().float().cpu()
        for name, value in weights.items()
        if f".{ADAPTER}" in name
    }
    return TrainedAdapter(adapter_config(ranks), tensors)
