"""CAM++: a densely connected TDNN with context-aware masking (Wang et al., 2023, arXiv 2303.00332)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glmtts.config import Count, StrictConfig
from glmtts.speaker.embed import Embeds


class CampPlusConfig(StrictConfig):
    """Sizes of CAM++; the defaults fit the open Mandarin and English weights."""

    n_mels: Count = 80
    embedding: Count = 192
    head_channels: Count = 32
    channels: Count = 128
    growth: Count = 32
    bottleneck: Count = 128
    layers: tuple[Count, ...] = (12, 24, 16)
    dilations: tuple[Count, ...] = (1, 2, 2)
    segment_frames: Count = 100  # two seconds, as the stem halves 100 Hz


class NormRelu(nn.Module):
    """Batch norm, then ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.batchnorm = nn.BatchNorm1d(channels)

    def forward(self, x_BCT: Tensor) -> Tensor:
        """Shape (B, C, T) in and out."""
        return F.relu(self.batchnorm(x_BCT))


class ResidualBlock(nn.Module):
    """Two 3 × 3 convolutions over (frequency, time); the stride is on the frequency axis alone."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, (stride, 1), padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride != 1:
            pointwise = nn.Conv2d(channels, channels, 1, (stride, 1), bias=False)
            self.shortcut = nn.Sequential(pointwise, nn.BatchNorm2d(channels))

    def forward(self, x_BCFT: Tensor) -> Tensor:
        """(B, C, F, T) to (B, C, F / stride, T)."""
        inner = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x_BCFT)))))
        return F.relu(inner + self.shortcut(x_BCFT))


class Head(nn.Module):
    """The convolutional front: an eighth of the frequencies, flattened into channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.layer1 = nn.Sequential(ResidualBlock(channels, 2), ResidualBlock(channels, 1))
        self.layer2 = nn.Sequential(ResidualBlock(channels, 2), ResidualBlock(channels, 1))
        self.conv2 = nn.Conv2d(channels, channels, 3, (2, 1), padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x_BFT: Tensor) -> Tensor:
        """(B, F, T) to (B, C · F / 8, T)."""
        x = F.relu(self.bn1(self.conv1(x_BFT[:, None])))
        x = F.relu(self.bn2(self.conv2(self.layer2(self.layer1(x)))))
        # three strides of 2 (both layers, conv2) leave F / 8, which joins the channels
        return x.flatten(1, 2)


class ContextMask(nn.Module):
    """A dilated convolution, gated by a mask from the mean of the utterance plus that of each segment."""

    def __init__(self, inputs: int, outputs: int, dilation: int, segment_frames: int) -> None:
        super().__init__()
        self.segment_frames = segment_frames
        self.linear_local = nn.Conv1d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=False)
        self.linear1 = nn.Conv1d(inputs, inputs // 2, 1)
        self.linear2 = nn.Conv1d(inputs // 2, outputs, 1)

    def forward(self, x_BCT: Tensor) -> Tensor:
        """(B, C, T) to (B, C', T)."""
        frames, size = x_BCT.shape[2], self.segment_frames
        # `ceil_mode`: a last segment that is not full is averaged over the frames that it has
        segments = F.avg_pool1d(x_BCT, size, size, ceil_mode=True)
        local = segments.repeat_interleave(size, dim=2)[..., :frames]
        context = F.relu(self.linear1(x_BCT.mean(dim=2, keepdim=True) + local))
        return self.linear_local(x_BCT) * torch.sigmoid(self.linear2(context))


class DenseLayer(nn.Module):
    """Bottleneck and masked convolution; its output is appended to its input."""

    def __init__(self, inputs: int, config: CampPlusConfig, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = NormRelu(inputs)
        self.linear1 = nn.Conv1d(inputs, config.bottleneck, 1, bias=False)
        self.nonlinear2 = NormRelu(config.bottleneck)
        self.cam_layer = ContextMask(config.bottleneck, config.growth, dilation, config.segment_frames)

    def forward(self, x_BCT: Tensor) -> Tensor:
        """(B, C, T) to (B, C + growth, T)."""
        inner = self.linear1(self.nonlinear1(x_BCT))
        return torch.cat([x_BCT, self.cam_layer(self.nonlinear2(inner))], dim=1)


class Transition(nn.Module):
    """Halves the channels after a dense block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.nonlinear = NormRelu(channels)
        self.linear = nn.Conv1d(channels, channels // 2, 1, bias=False)

    def forward(self, x_BCT: Tensor) -> Tensor:
        """(B, C, T) to (B, C / 2, T)."""
        return self.linear(self.nonlinear(x_BCT))


class Stem(nn.Module):
    """The first TDNN layer; halves the frame rate."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(inputs, channels, 5, stride=2, padding=2, bias=False)
        self.nonlinear = NormRelu(channels)

    def forward(self, x_BCT: Tensor) -> Tensor:
        """(B, C, T) to (B, C', T / 2)."""
        return self.nonlinear(self.linear(x_BCT))


class Dense(nn.Module):
    """The embedding layer: linear, then batch norm without scale."""

    def __init__(self, inputs: int, embedding: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(inputs, embedding, 1, bias=False)
        self.nonlinear = nn.Sequential()
        self.nonlinear.add_module("batchnorm", nn.BatchNorm1d(embedding, affine=False))

    def forward(self, x_BC: Tensor) -> Tensor:
        """(B, C) to (B, embedding)."""
        return self.nonlinear(self.linear(x_BC[..., None])[..., 0])


class CampPlus(nn.Module, Embeds):
    """Filter banks to one embedding an utterance."""

    def __init__(self, config: CampPlusConfig) -> None:
        super().__init__()
        self.config = config
        self.head = Head(config.head_channels)
        channels = config.channels
        parts: dict[str, nn.Module] = {"tdnn": Stem(config.head_channels * config.n_mels // 8, channels)}
        for number, (layers, dilation) in enumerate(zip(config.layers, config.dilations, strict=True), 1):
            block = nn.Sequential()
            for layer in range(layers):
                block.add_module(f"tdnnd{layer + 1}", DenseLayer(channels, config, dilation))
                # dense: every layer sees the outputs of all before it in its block
                channels += config.growth
            parts[f"block{number}"] = block
            parts[f"transit{number}"] = Transition(channels)
            channels //= 2
        parts["out_nonlinear"] = NormRelu(channels)
        parts["dense"] = Dense(2 * channels, config.embedding)
        # in this order, which `forward` follows; names are those of 3D-Speaker's checkpoints
        self.xvector = nn.ModuleDict(parts)

    def forward(self, fbank_BTF: Tensor) -> Tensor:
        """Kaldi filter banks (B, T, F), mean subtracted, to embeddings (B, embedding), not normalised."""
        x = self.head(fbank_BTF.transpose(1, 2))
        for name, part in self.xvector.items():
            if name != "dense":
                x = part(x)
        # statistics pooling (x-vectors, Snyder et al., 2018): (B, C, T) to (B, 2 C) for any T
        # the deviation without bias, as 3D-Speaker computes it
        statistics = torch.cat([x.mean(dim=2), x.std(dim=2)], dim=1)
        return self.xvector["dense"](statistics)
