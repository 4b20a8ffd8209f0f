"""Mel-Band RoFormer (Wang et al., 2023): vocals out of a mixture, for the published checkpoint of the vocals model.

The spectrum is cut into overlapping mel bands; attention with rotary positions runs along time, then along the bands;
each band gets a complex mask. Axes: B batch, T frames, N bands, D width, F frequency bins of both channels.
"""

from itertools import pairwise
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glmtts.audio.mel import mel_filters
from glmtts.config import Count, StrictConfig
from glmtts.errors import DataError
from glmtts.foreign import filled, read_weights

WEIGHTS = "Mel-Band RoFormer's vocals model"
CHANNELS = 2


class RoformerConfig(StrictConfig):
    """Sizes; the defaults are those of the published vocals model (228 M parameters)."""

    sample_rate: Count = 44100
    n_fft: Count = 2048
    hop_length: Count = 441
    dim: Count = 384
    depth: Count = 6
    bands: Count = 60
    heads: Count = 8
    dim_head: Count = 64
    mlp_expansion: Count = 4
    mask_depth: Count = 2
    zero_dc: bool = True


class RmsNorm(nn.Module):
    """x / |x| · √D · γ."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Any shape (…, D)."""
        return F.normalize(x, dim=-1) * len(self.gamma) ** 0.5 * self.gamma


class RotaryEmbedding(nn.Module):
    """Rotations of pairs of neighbours by position; `freqs` is part of the checkpoint."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.freqs = nn.Parameter(10000 ** (-torch.arange(0, dim, 2).float() / dim), requires_grad=False)

    def forward(self, x_BHLD: Tensor) -> Tensor:
        """Queries or keys, rotated."""
        angles = torch.arange(x_BHLD.shape[-2], device=x_BHLD.device)[:, None] * self.freqs
        cos, sin = angles.cos().repeat_interleave(2, -1), angles.sin().repeat_interleave(2, -1)
        even, odd = x_BHLD[..., ::2], x_BHLD[..., 1::2]
        return x_BHLD * cos + torch.stack([-odd, even], dim=-1).flatten(-2) * sin


class Attention(nn.Module):
    """Self-attention with a gate a head."""

    def __init__(self, config: RoformerConfig, rotary: RotaryEmbedding) -> None:
        super().__init__()
        inner = config.heads * config.dim_head
        self.heads, self.rotary_embed = config.heads, rotary
        self.norm = RmsNorm(config.dim)
        self.to_qkv = nn.Linear(config.dim, 3 * inner, bias=False)
        self.to_gates = nn.Linear(config.dim, config.heads)
        self.to_out = nn.Sequential(nn.Linear(inner, config.dim, bias=False), nn.Identity())

    def forward(self, x_BLD: Tensor) -> Tensor:
        """Shape (B, L, D) in and out."""
        x = self.norm(x_BLD)
        # (B, L, 3 H D) to (3, B, H, L, D)
        q, k, v = self.to_qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        out = F.scaled_dot_product_attention(self.rotary_embed(q), self.rotary_embed(k), v)
        gates = self.to_gates(x).sigmoid().transpose(1, 2)[..., None]
        return self.to_out((out * gates).transpose(1, 2).flatten(-2))


class FeedForward(nn.Module):
    """Norm, two linear layers with GELU between; the places of dropout are kept, as the weights are numbered so."""

    def __init__(self, config: RoformerConfig) -> None:
        super().__init__()
        inner = 4 * config.dim
        self.net = nn.Sequential(
            RmsNorm(config.dim),
            nn.Linear(config.dim, inner),
            nn.GELU(),
            nn.Identity(),
            nn.Linear(inner, config.dim),
            nn.Identity(),
        )

    def forward(self, x_BLD: Tensor) -> Tensor:
        """Shape (B, L, D) in and out."""
        return self.net(x_BLD)


class Transformer(nn.Module):
    """One layer and a norm."""

    def __init__(self, config: RoformerConfig, rotary: RotaryEmbedding) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.ModuleList([Attention(config, rotary), FeedForward(config)])])
        self.norm = RmsNorm(config.dim)

    def forward(self, x_BLD: Tensor) -> Tensor:
        """Shape (B, L, D) in and out."""
        for layer in self.layers:
            attention, feed_forward = cast(nn.ModuleList, layer)
            x_BLD = attention(x_BLD) + x_BLD
            x_BLD = feed_forward(x_BLD) + x_BLD
        return self.norm(x_BLD)


class BandSplit(nn.Module):
    """Each band's bins to one vector."""

    def __init__(self, config: RoformerConfig, widths: list[int]) -> None:
        super().__init__()
        self.widths = widths
        self.to_features = nn.ModuleList(
            nn.Sequential(RmsNorm(width), nn.Linear(width, config.dim)) for width in widths
        )

    def forward(self, x_BTF: Tensor) -> Tensor:
        """(B, T, F) to (B, T, N, D)."""
        parts = x_BTF.split(self.widths, dim=-1)
        return torch.stack([layer(part) for layer, part in zip(self.to_features, parts, strict=True)], dim=-2)


class MaskEstimator(nn.Module):
    """Each band's vector to the complex mask of its bins."""

    def __init__(self, config: RoformerConfig, widths: list[int]) -> None:
        super().__init__()
        hidden = config.dim * config.mlp_expansion
        self.to_freqs = nn.ModuleList()
        for width in widths:
            sizes = [config.dim, *[hidden] * config.mask_depth, 2 * width]
            layers: list[nn.Module] = []
            for a, b in pairwise(sizes):
                layers += [nn.Linear(a, b), nn.Tanh()]
            self.to_freqs.append(nn.Sequential(nn.Sequential(*layers[:-1]), nn.GLU(dim=-1)))

    def forward(self, x_BTND: Tensor) -> Tensor:
        """(B, T, N, D) to (B, T, F)."""
        bands = x_BTND.unbind(-2)
        return torch.cat([layer(band) for layer, band in zip(self.to_freqs, bands, strict=True)], dim=-1)


class MelBandRoformer(nn.Module):
    """Stereo mixture to stereo vocals."""

    freq_indices: Tensor
    bands_per_bin: Tensor

    def __init__(self, config: RoformerConfig) -> None:
        super().__init__()
        self.config = config
        rotary = RotaryEmbedding(config.dim_head), RotaryEmbedding(config.dim_head)
        self.layers = nn.ModuleList(
            nn.ModuleList([Transformer(config, rotary[0]), Transformer(config, rotary[1])]) for _ in range(config.depth)
        )
        with torch.device("cpu"):  # also where the weights are only announced (device "meta")
            holds_NF = band_bins(config)
            indices = torch.cat([row.nonzero()[:, 0] for row in holds_NF])
            both = (indices[:, None] * CHANNELS + torch.arange(CHANNELS)).flatten()
        self.register_buffer("freq_indices", both, persistent=False)
        self.register_buffer("bands_per_bin", holds_NF.sum(0).repeat_interleave(CHANNELS), persistent=False)
        # real and imaginary part of both channels for each bin
        widths = [int(row.sum()) * 2 * CHANNELS for row in holds_NF]
        self.band_split = BandSplit(config, widths)
        self.mask_estimators = nn.ModuleList([MaskEstimator(config, widths)])

    def forward(self, mix_BCT: Tensor) -> Tensor:
        """Samples (B, 2, T) to those of the vocals (B, 2, T)."""
        config, (batch, _, samples) = self.config, mix_BCT.shape
        window = torch.hann_window(config.n_fft, device=mix_BCT.device)
        spectrum = torch.stft(
            mix_BCT.flatten(0, 1), config.n_fft, config.hop_length, window=window, return_complex=True
        )
        # (B · 2, bins, T) to (B, bins · 2, T): the channels of a bin stand side by side, as `freq_indices` counts them
        spectrum_BFT = spectrum.unflatten(0, (batch, CHANNELS)).transpose(1, 2).flatten(1, 2)
        parts = torch.view_as_real(spectrum_BFT[:, self.freq_indices])
        x_BTND = self.band_split(parts.transpose(1, 2).flatten(-2))
        for layer in self.layers:
            along_time, along_bands = cast(nn.ModuleList, layer)
            x_BNTD = x_BTND.transpose(1, 2)
            x_BTND = along_time(x_BNTD.flatten(0, 1)).unflatten(0, x_BNTD.shape[:2]).transpose(1, 2)
            x_BTND = along_bands(x_BTND.flatten(0, 1)).unflatten(0, x_BTND.shape[:2])
        masks_BTF = self.mask_estimators[0](x_BTND)
        masks_BFT = torch.view_as_complex(masks_BTF.unflatten(-1, (-1, 2)).transpose(1, 2).contiguous())
        # bands overlap: a bin's mask is the mean of those of its bands
        summed = torch.zeros_like(spectrum_BFT).index_add(1, self.freq_indices, masks_BFT.to(spectrum_BFT.dtype))
        made = spectrum_BFT * summed / self.bands_per_bin[:, None]
        made = made.unflatten(1, (-1, CHANNELS)).transpose(1, 2).flatten(0, 1)
        if config.zero_dc:
            made = made.index_fill(1, torch.zeros(1, dtype=torch.long, device=made.device), 0)
        vocals = torch.istft(made, config.n_fft, config.hop_length, window=window, length=samples)
        return vocals.unflatten(0, (batch, CHANNELS))


def band_bins(config: RoformerConfig) -> Tensor:
    """Which bins each band holds (N, n_fft / 2 + 1): the mel filters' supports, the first and last bin added."""
    filters = mel_filters(config.sample_rate, config.n_fft, config.bands, 0.0, config.sample_rate / 2)
    holds_NF = filters > 0
    holds_NF[0, 0], holds_NF[-1, -1] = True, True
    return holds_NF


@torch.inference_mode()
def demix(model: MelBandRoformer, mix_CT: Tensor, chunk: int = 352_800, overlap: int = 2) -> Tensor:
    """Vocals (2, T) of a mixture (2, T) of any length: overlapping chunks (8 s), faded linearly over a tenth."""
    step, fade, samples = chunk // overlap, chunk // 10, mix_CT.shape[1]
    border = chunk - step
    # a reflection needs more samples than it repeats
    reflected = samples > 2 * border > 0
    padded = F.pad(mix_CT[None], (border, border), mode="reflect")[0] if reflected else mix_CT
    total = padded.shape[1]
    made, weight = torch.zeros_like(padded), torch.zeros_like(padded[0])
    ramp = torch.linspace(0, 1, fade, device=mix_CT.device)
    for start in range(0, total, step):
        part = padded[:, start : start + chunk]
        size = part.shape[1]
        # A last piece of more than half a chunk is mirrored, a shorter one has not enough to mirror.
        part = F.pad(part[None], (0, chunk - size), mode="reflect" if size > chunk // 2 + 1 else "constant")[0]
        window = torch.ones(chunk, device=mix_CT.device)
        # the first begin and the last end have no neighbour to fade with
        if start > 0:
            window[:fade] = ramp
        if start + chunk < total:
            window[-fade:] = ramp.flip(0)
        made[:, start : start + size] += (model(part[None])[0] * window)[:, :size]
        weight[start : start + size] += window[:size]
    made /= weight.clamp(min=1e-8)
    return made[:, border : border + samples] if reflected else made


def load_roformer(path: Path, device: str = "cpu") -> MelBandRoformer:
    """The model with weights from a checkpoint (.ckpt, a plain state dict) or a safetensors file.

    Raises:
        DataError: the file is missing, or holds other weights.
    """
    # without memory of its own: the tensors of the file, 913 MB, take the place
    with torch.device("meta"):
        model = MelBandRoformer(RoformerConfig())
    return filled(model, read_weights(path, WEIGHTS, DataError), WEIGHTS, DataError).to(device)
