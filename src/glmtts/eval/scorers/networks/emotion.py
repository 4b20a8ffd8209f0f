"""An emotion classifier: a learned mix of Whisper's layers, attentive statistics, a small head (as in SUPERB's probes).

The mix and the pooling follow Yang et al., 2021 (SUPERB) and Okabe et al., 2018 (attentive statistics pooling).
"""

import json
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from glmtts import durable
from glmtts.backends import reason_of
from glmtts.config import Count, StrictConfig
from glmtts.errors import ConfigError, EvaluationError
from glmtts.eval.scorers.networks.whisper_states import WhisperStates, WhisperStatesConfig

LABELS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")  # RAVDESS's order


class EmotionConfig(StrictConfig):
    """Sizes of the classifier; `heads` are trained from different seeds and averaged."""

    encoder: WhisperStatesConfig = WhisperStatesConfig()
    labels: tuple[str, ...] = LABELS
    heads: Count = 2
    hidden: Count = 128
    dropout: float = Field(default=0.3, ge=0, lt=1)


class EmotionHead(nn.Module):
    """States of all layers to logits."""

    def __init__(self, config: EmotionConfig) -> None:
        super().__init__()
        width = config.encoder.width
        self.mix = nn.Parameter(torch.zeros(config.encoder.layers + 1))
        self.project = nn.Linear(width, config.hidden)
        self.attend = nn.Sequential(nn.Linear(config.hidden, 64), nn.Tanh(), nn.Linear(64, 1))
        self.dropout = nn.Dropout(config.dropout)
        self.classify = nn.Linear(2 * config.hidden, len(config.labels))

    def forward(self, states_BLTD: Tensor, valid_BT: Tensor) -> Tensor:
        """Normalised states (B, L, T, D), of which the frames of `valid_BT` are real, to logits (B, labels)."""
        return self.classified(self.mixed(states_BLTD), valid_BT)

    def mixed(self, states_BLTD: Tensor) -> Tensor:
        """The weighted sum of the layers (B, T, D)."""
        return torch.einsum("l,bltd->btd", self.mix.softmax(0), states_BLTD)

    def classified(self, mixed_BTD: Tensor, valid_BT: Tensor) -> Tensor:
        """The sum of the layers to logits (B, labels)."""
        hidden = F.gelu(self.project(self.dropout(mixed_BTD)))
        weight = self.attend(hidden).masked_fill(~valid_BT[..., None], -torch.inf).softmax(1)
        mean = (weight * hidden).sum(1)
        spread = ((weight * hidden.square()).sum(1) - mean.square()).clamp(min=1e-6).sqrt()
        return self.classify(self.dropout(torch.cat([mean, spread], 1)))


def normalised(states: Tensor) -> Tensor:
    """States (…, D) with mean 0 and variance 1: the layers differ in scale by a factor of 30."""
    return F.layer_norm(states, states.shape[-1:])


class EmotionClassifier(nn.Module):
    """Encoder and averaged heads, in one file."""

    def __init__(self, config: EmotionConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = WhisperStates(config.encoder)
        self.heads = nn.ModuleList(EmotionHead(config) for _ in range(config.heads))

    @torch.inference_mode()
    def probabilities(self, samples_T: Tensor) -> Tensor:
        """Probabilities of the labels (labels,), averaged over the heads, of 16 kHz samples (T,)."""
        states = normalised(self.encoder(samples_T))[None]
        valid = torch.ones(1, states.shape[2], dtype=torch.bool, device=states.device)
        found: Tensor = torch.stack([head(states, valid)[0].softmax(0) for head in self.heads]).mean(0)
        return found

    def save(self, path: Path, about: dict[str, str]) -> None:
        """Write weights in float16 and the configuration, with what `about` says of the training."""
        weights = {name: value.half().contiguous() for name, value in self.state_dict().items()}
        with durable.whole(path) as temporary:
            save_file(weights, temporary, {**about, "config": self.config.model_dump_json()})

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            EvaluationError: the file is missing, or no emotion classifier of ours.
        """
        try:
            with safe_open(str(path), framework="pt") as file:
                config = EmotionConfig.parse(json.loads((file.metadata() or {})["config"]))
                weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
            model = cls(config)
            model.load_state_dict(weights)
        except (OSError, SafetensorError, KeyError, ValueError, RuntimeError, ConfigError) as error:
            reason = reason_of(error)
            raise EvaluationError(
                f"{path} is no emotion classifier: {reason}. Train one as recipes/scorers/emotion/README.md says."
            ) from None
        return model.eval()
