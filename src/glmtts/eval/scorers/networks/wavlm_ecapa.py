"""WavLM-large (Chen et al., 2022) with an ECAPA-TDNN head (Desplanques et al., 2020), for speaker verification.

Seed-TTS-eval's similarity. The published checkpoint (`wavlm_large_finetune.pth` of UniSpeech) holds WavLM under
fairseq's names; here WavLM is that of Transformers, and the names are translated.
"""

import re
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LARGE = {
    "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096,
    "feat_extract_norm": "layer", "do_stable_layer_norm": True, "num_buckets": 320, "max_bucket_distance": 800,
}  # fmt: skip
SCALE = 8  # parts of a Res2 block, as the paper of ECAPA-TDNN has them

# fairseq's names, and where they are in Transformers; applied in order
_RENAMED = (
    (r"^mask_emb$", "masked_spec_embed"),
    (r"^(feature_extractor\.conv_layers\.\d+)\.0\.", r"\1.conv."),
    (r"^(feature_extractor\.conv_layers\.\d+)\.2\.1\.", r"\1.layer_norm."),
    (r"^(feature_extractor\.conv_layers\.\d+)\.2\.(weight|bias)$", r"\1.layer_norm.\2"),
    (r"^post_extract_proj\.", "feature_projection.projection."),
    (r"^layer_norm\.", "feature_projection.layer_norm."),
    (r"^encoder\.pos_conv\.0\.bias$", "encoder.pos_conv_embed.conv.bias"),
    (r"^encoder\.pos_conv\.0\.weight_g$", "encoder.pos_conv_embed.conv.parametrizations.weight.original0"),
    (r"^encoder\.pos_conv\.0\.weight_v$", "encoder.pos_conv_embed.conv.parametrizations.weight.original1"),
    (r"\.self_attn\.relative_attention_bias\.", ".attention.rel_attn_embed."),
    (r"\.self_attn\.grep_a$", ".attention.gru_rel_pos_const"),
    (r"\.self_attn\.grep_linear\.", ".attention.gru_rel_pos_linear."),
    (r"\.self_attn\.", ".attention."),
    (r"\.self_attn_layer_norm\.", ".layer_norm."),
    (r"\.fc1\.", ".feed_forward.intermediate_dense."),
    (r"\.fc2\.", ".feed_forward.output_dense."),
)


def translated(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The published checkpoint's tensors under the names of `WavLmEcapaNet`, without the training's classifier."""
    found = {}
    for name, value in weights.items():
        if name.startswith("loss_calculator."):
            continue
        if name.startswith("feature_extract.model."):
            name = name.removeprefix("feature_extract.model.")
            for pattern, replacement in _RENAMED:
                name = re.sub(pattern, replacement, name)
            name = f"wavlm.{name}"
        found[name] = value
    return found


class _Convolution(nn.Module):
    """Convolution, ReLU, batch norm."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2)
        self.bn = nn.BatchNorm1d(outputs)

    def forward(self, x_BCT: Tensor) -> Tensor:
        return self.bn(F.relu(self.conv(x_BCT)))


class _Res2(nn.Module):
    """Dilated convolutions of an eighth of the channels each, each with what the one before gave."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        width = channels // SCALE
        self.convs = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation) for _ in range(SCALE - 1)
        )
        self.bns = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(SCALE - 1))

    def forward(self, x_BCT: Tensor) -> Tensor:
        *parts, last = x_BCT.chunk(SCALE, dim=1)
        found: list[Tensor] = []
        for part, conv, norm in zip(parts, self.convs, self.bns, strict=True):
            found.append(norm(F.relu(conv(part + found[-1] if found else part))))
        return torch.cat([*found, last], dim=1)


class _Excitation(nn.Module):
    """Channels scaled by what their means say (squeeze and excitation)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(channels, 128), nn.Linear(128, channels)

    def forward(self, x_BCT: Tensor) -> Tensor:
        return x_BCT * torch.sigmoid(self.linear2(F.relu(self.linear1(x_BCT.mean(dim=2)))))[..., None]


class _Block(nn.Module):
    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.Conv1dReluBn1 = _Convolution(channels, channels)
        self.Res2Conv1dReluBn = _Res2(channels, dilation)
        self.Conv1dReluBn2 = _Convolution(channels, channels)
        self.SE_Connect = _Excitation(channels)

    def forward(self, x_BCT: Tensor) -> Tensor:
        inner = self.Conv1dReluBn2(self.Res2Conv1dReluBn(self.Conv1dReluBn1(x_BCT)))
        return x_BCT + self.SE_Connect(inner)


class _Pooling(nn.Module):
    """Attentive mean and deviation (Okabe et al., 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Conv1d(channels, 128, 1), nn.Conv1d(128, channels, 1)

    def forward(self, x_BCT: Tensor) -> Tensor:
        weight = self.linear2(torch.tanh(self.linear1(x_BCT))).softmax(2)
        mean = (weight * x_BCT).sum(2)
        # E[x²] − E[x]², which rounding can make negative
        variance = (weight * x_BCT.square()).sum(2) - mean.square()
        return torch.cat([mean, variance.clamp(min=1e-9).sqrt()], 1)


class WavLmEcapaNet(nn.Module):
    """16 kHz samples to an embedding of 256 numbers."""

    def __init__(self, wavlm: Any, channels: int = 512, pooled: int = 1536, embedding: int = 256) -> None:
        """`wavlm` is a `transformers.WavLMModel`."""
        super().__init__()
        self.wavlm = wavlm
        width = wavlm.config.hidden_size
        self.feature_weight = nn.Parameter(torch.zeros(wavlm.config.num_hidden_layers + 1))
        self.layer1 = _Convolution(width, channels, 5)
        self.layer2, self.layer3, self.layer4 = (_Block(channels, dilation) for dilation in (2, 3, 4))
        self.conv = nn.Conv1d(3 * channels, pooled, 1)
        self.pooling, self.bn = _Pooling(pooled), nn.BatchNorm1d(2 * pooled)
        self.linear = nn.Linear(2 * pooled, embedding)

    def forward(self, samples_T: Tensor) -> Tensor:
        """Samples (T,) of one recording to its embedding (embedding,), not normalised."""
        normal = F.layer_norm(samples_T, samples_T.shape)  # as WavLM-large was trained
        states = torch.stack(self.wavlm(normal[None], output_hidden_states=True).hidden_states)
        mixed = torch.einsum("l,lbtd->bdt", self.feature_weight.softmax(0), states) + 1e-6
        first = self.layer1(F.instance_norm(mixed))
        second = self.layer2(first)
        third = self.layer3(second)
        fourth = self.layer4(third)
        x = F.relu(self.conv(torch.cat([second, third, fourth], dim=1)))
        return self.linear(self.bn(self.pooling(x)))[0]
