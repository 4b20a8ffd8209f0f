"""Trained voices with random adapters, as training would have written them."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import nn

import glmtts
from glmtts.synthesis.adapter_pool import base_of
from glmtts.synthesis.trained_voice import TrainedAdapter, VoiceCard, save_trained
from glmtts.voices.lora import put_in, take_out
from glmtts.voices.targets import Ranks, solve_ranks


@lru_cache
def _shapes(network: nn.Module, kind: str, share: float) -> tuple[Ranks, dict[str, torch.Size]]:
    """Ranks and shapes of an adapter of a network."""
    with torch.device("meta"):
        skeleton = type(network)(network.config)
    ranks = solve_ranks(skeleton, kind, share)
    put_in(skeleton, ranks)
    return ranks, {name: p.shape for name, p in skeleton.named_parameters() if "lora_" in name}


def random_voice(path: Path, tts: glmtts.Synthesizer, seed: int = 0, share: float = 0.15, size: float = 0.05) -> Path:
    """A voice of a share of the backbones of `tts`, whose adapters change something."""
    torch.manual_seed(seed)
    adapters: dict[str, TrainedAdapter] = {}
    for kind in ("lm", "flow"):
        ranks, shapes = _shapes(tts.bundle.network(kind), kind, share)
        weights = {n: (size if "lora_B" in n else 1) * torch.randn(shape) for n, shape in shapes.items()}
        adapters[kind] = take_out(weights, ranks)
    name, base = tts.bundle.config.name, base_of(tts.bundle)
    card = VoiceCard(name=path.stem, base_name=name, base=base, licence="CC0", consent="Nobody speaks.")
    save_trained(path, replace(tts.voice(), adapter=None), card, adapters)
    return path
