"""Stages of a bundle as networks that can be traced into ONNX: what differs from their forwards is only the form."""

from copy import deepcopy
from typing import Any

from torch import Tensor, nn

from glmtts.errors import BundleError
from glmtts.flow.dit import DiT
from glmtts.judging.recogniser import TokenRecogniser
from glmtts.onnx.operators import HalfRotary, JoinedAttention, Mish, TanhGelu, as_bias
from glmtts.speech_tokenizer.encoder import attention_mask
from glmtts.speech_tokenizer.model import SpeechTokenizer
from glmtts.vocoder.harmonic import HarmonicVocos


class FlowInputsGraph(nn.Module):
    """Tokens, unit speaker vector, median F0 and adaptation to embedded tokens (1, T, E)."""

    def __init__(self, flow: DiT) -> None:
        super().__init__()
        self.flow = flow

    def forward(
        self,
        tokens_BS: Tensor,
        speaker_BD: Tensor | None = None,
        f0_B: Tensor | None = None,
        adaptation_BLK: Tensor | None = None,
    ) -> Tensor:
        """See the class."""
        frames = tokens_BS.shape[1] * self.flow.config.frames_per_token
        speaker: Tensor = tokens_BS if speaker_BD is None else speaker_BD  # without a prior nobody reads it
        return self.flow.embed_tokens(tokens_BS, frames, speaker, None, f0_B, adaptation_BLK)


class FlowVelocityGraph(nn.Module):
    """The velocity (B, T, M), in few operators (operators.py) where ONNX Runtime has one for what the flow does."""

    def __init__(self, flow: DiT) -> None:
        super().__init__()
        # a copy: parts of it are replaced
        self.flow = deepcopy(flow)
        # the release turns its first head alone, for which there is no operator
        self.joined = not flow.config.rotate_first_head_only
        positions: Any = self.flow.emb_concator.conv_pos_embed.conv1d
        positions[1], positions[3] = Mish(), Mish()
        blocks: Any = self.flow.transformer_blocks
        for block in blocks:
            block.ff.ff[0][1] = TanhGelu()
            if self.joined:
                block.attn = JoinedAttention(block.attn)
        if self.joined:
            self.flow.rotary_embed = HalfRotary(flow.rotary_embed)  # type: ignore[assignment]

    def forward(
        self,
        noisy_BTM: Tensor,
        t_B: Tensor,
        embedded_BTE: Tensor,
        prompt_BTM: Tensor,
        speaker_BD: Tensor,
        attention_mask: Tensor,
    ) -> Tensor:
        """See the class."""
        if self.joined:
            # once, not in every block: what attention adds
            attention_mask = as_bias(attention_mask)[None, None]
        # no mask of lengths: one voice speaks at a time, and no row is padded
        return self.flow(noisy_BTM, t_B, embedded_BTE, prompt_BTM, speaker_BD, None, attention_mask)


def check_vocoder(vocoder: nn.Module) -> None:
    """See that a vocoder ends in an inverse STFT.

    Raises:
        BundleError: it does not.
    """
    if not isinstance(vocoder, HarmonicVocos) and not hasattr(vocoder, "spectrum"):
        raise BundleError(
            f"The vocoder {type(vocoder).__name__} gives no spectrum, so it cannot be exported. "
            "Speak this bundle with PyTorch."
        )


class VocoderGraph(nn.Module):
    """The mel (1, M, T) to magnitude and phase, before the inverse STFT."""

    def __init__(self, vocoder: nn.Module) -> None:
        super().__init__()
        self.vocoder: Any = vocoder

    def forward(self, mel_BMT: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        magnitude, phase = self.vocoder.spectrum(mel_BMT)
        return magnitude, phase


class PitchGraph(nn.Module):
    """The mel (1, M, T) to F0 in Hz and in octaves from 150 Hz, both (1, T)."""

    def __init__(self, vocoder: HarmonicVocos) -> None:
        super().__init__()
        self.vocoder = vocoder

    def forward(self, mel_BMT: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        octaves_BT = self.vocoder.octaves(mel_BMT)
        return self.vocoder.hertz(octaves_BT), octaves_BT


class FiltersGraph(nn.Module):
    """The mel (1, M, T) and octaves (1, T) to gain of the pulses, gain of the noise, phase of the pulses' filter."""

    def __init__(self, vocoder: HarmonicVocos) -> None:
        super().__init__()
        self.vocoder = vocoder

    def forward(self, mel_BMT: Tensor, octaves_BT: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        return self.vocoder.filters(mel_BMT, octaves_BT)


class RecogniserGraph(nn.Module):
    """Tokens (B, S), their positions (S,) and mask (B, S) to log-probabilities of the labels."""

    def __init__(self, recogniser: TokenRecogniser) -> None:
        super().__init__()
        self.recogniser = recogniser

    def forward(self, tokens_BS: Tensor, positions_S: Tensor, mask_BS: Tensor) -> Tensor:
        """See the class."""
        head = self.recogniser.head
        # positions are an input: a slice from `start` would be traced as a constant
        hidden = self.recogniser.codes(tokens_BS) + head.embed_positions(positions_S)
        # as the head itself: blocks are of frames, and tokens are read
        block = max(1, head.config.block_frames // head.config.pooling)
        mask = attention_mask(mask_BS, head.config.causal_attention, block)
        for layer in head.layers:
            hidden = layer(hidden, mask)
        return head.out(head.norm(hidden)).log_softmax(-1)


class SpeechTokenizerGraph(nn.Module):
    """Whisper features (1, M, T) of whole tokens to tokens (1, S)."""

    def __init__(self, tokenizer: SpeechTokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer

    def forward(self, features_BMT: Tensor) -> Tensor:
        """See the class."""
        one = self.tokenizer
        hidden = one.embed(features_BMT)
        # a mask that is true everywhere, made of the input so that its length is not traced as a constant
        hidden, _ = one.encode_layers(hidden, hidden[..., 0] == hidden[..., 0], 0)
        # features are of whole tokens here, so that nothing has to be padded as `pool` does
        pooled = hidden.unflatten(1, (-1, one.config.pooling)).mean(2)
        return one.codebook.nearest(one.project(pooled)[0])[None]
