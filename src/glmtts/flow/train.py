"""Training of the flow model: batches of tokens and mels, the loss, and where a run begins."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import mean
from typing import Any, ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from glmtts.audio.mel_head import mel_loss
from glmtts.audio.pitch import SEMITONES, median_f0, pitch_loss
from glmtts.config import Count, StrictConfig
from glmtts.data import Dataset, UtteranceRef
from glmtts.data.finite import Finite
from glmtts.data.section import BatchSource, DataSection, check_feature, codes_of, rate_of
from glmtts.errors import ConfigError
from glmtts.flow.cfm import flow_loss
from glmtts.flow.dit import DiT, FlowConfig
from glmtts.flow.streaming import block_causal_mask
from glmtts.stages import Conditions, Solver
from glmtts.training.listening import Sound
from glmtts.training.loader import to_device
from glmtts.training.task import Metrics, Task
from glmtts.training.weights import check_moved, fill, move_codes, start_weights, trained_weights

TABLES = ("text_emb_layer.text_embed.weight", "prior.codes.weight", "prior.pitch.codes.weight")
FEATURES = ("tokens", "mel", "speaker", "f0")
SAMPLES = 2  # held-out utterances that are rendered for the log


class FlowLoss(StrictConfig):
    """Every batch attends in blocks of one random size with probability `block_causal_share`, for streaming.

    Sizes are from `shortest_block` to `longest_block` frames; with a share of 0 neither is read.
    """

    block_causal_share: float = Field(default=0.5, ge=0, le=1)
    shortest_block: Count = 24
    longest_block: Count = 400

    @model_validator(mode="after")
    def _blocks_have_sizes(self) -> Self:
        if self.longest_block < self.shortest_block:
            raise ValueError(f"longest_block {self.longest_block} is below shortest_block {self.shortest_block}")
        return self


class FlowInit(StrictConfig):
    """`mel_head` is a run of the speech tokenizer whose trained mel head becomes the prior of a new model (prior.py).

    With `run.init_from` there is a prior already, and `mel_head` is not read: a recipe's file serves for both.
    `moved_codes` is a safetensors file with `shares` (C, C), how much of each old code every new one stands for:
    `run.init_from` then goes on with a tokenizer whose codes have moved.
    """

    mel_head: str | None = None
    moved_codes: Path | None = None


@dataclass
class FlowBatch:
    """Padded tokens (B, S), mels (B, T, M) with their mask (B, T), speaker embeddings (B, D), F0 (B, T) in Hz."""

    tokens_BS: Tensor
    mel_BTM: Tensor
    mask_BT: Tensor
    speaker_BD: Tensor
    f0_BT: Tensor


Item = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def collate(items: Sequence[Item], frames_per_token: int) -> FlowBatch:
    """Batch (tokens (S,), mel (T, M), speaker (D,), F0 (T,)); each is cut to whole tokens, T = S · frames_per_token."""
    lengths = [min(len(tokens), len(mel) // frames_per_token) for tokens, mel, *_ in items]
    longest = max(lengths)
    tokens_BS = torch.zeros(len(items), longest, dtype=torch.long)
    mel_BTM = torch.zeros(len(items), longest * frames_per_token, items[0][1].shape[1])
    mask_BT = torch.zeros(mel_BTM.shape[:2], dtype=torch.bool)
    f0_BT = torch.zeros(mel_BTM.shape[:2])
    # a feature may be one frame longer than another, by the rounding of its hop
    for row, (length, (tokens, mel, _, f0)) in enumerate(zip(lengths, items, strict=True)):
        frames = length * frames_per_token
        tokens_BS[row, :length] = torch.from_numpy(np.array(tokens[:length], dtype=np.int64))
        mel_BTM[row, :frames] = torch.from_numpy(np.array(mel[:frames], dtype=np.float32))
        f0 = np.array(f0[:frames], dtype=np.float32)
        f0_BT[row, : len(f0)] = torch.from_numpy(f0)
        mask_BT[row, :frames] = True
    speakers = torch.from_numpy(np.stack([speaker for _, _, speaker, _ in items]).astype(np.float32))
    return FlowBatch(tokens_BS, mel_BTM, mask_BT, speakers, f0_BT)


@dataclass(frozen=True)
class FlowBatches:
    """Makes micro-batches, as the loader's processes do."""

    dataset: Dataset
    codes: int
    frames_per_token: int
    finite: Finite = field(default_factory=Finite)

    def __call__(self, number: int, refs: Sequence[UtteranceRef]) -> FlowBatch | None:
        """The batch; None where no utterance has a token with its frames, all of them numbers.

        A row without one attends to nothing, which is no number.
        """
        items: list[Item] = []
        for item in map(self.dataset.load, refs):
            tokens, (mel, speaker, f0) = codes_of(item, self.codes), (item.features[name] for name in FEATURES[1:])
            if len(tokens) and len(mel) >= self.frames_per_token and self.finite(item):
                items.append((tokens, mel, speaker, f0))
        return collate(items, self.frames_per_token) if items else None


def batch_loss(model: DiT, batch: FlowBatch, config: FlowLoss) -> tuple[Tensor, Metrics]:
    """The flow-matching loss of one batch, and where there is a prior the errors of its mel and of its pitch.

    The velocity sees the prior's mel and does not change it, nor does the mel change the pitch; so the pitch counts in
    octaves, lest it take the clipped gradient.
    """
    attention_mask, frames = None, batch.mel_BTM.shape[1]
    # on the CPU, since Python branches on it: of a GPU one would have to wait for the number
    if torch.rand((), device="cpu") < config.block_causal_share:
        size = int(torch.randint(config.shortest_block, config.longest_block + 1, (), device="cpu"))
        attention_mask = block_causal_mask([size], frames).to(batch.mel_BTM.device)
    speaker_BD, f0_B = F.normalize(batch.speaker_BD, dim=-1), median_f0(batch.f0_BT)
    tokens_BTE = model.embed_tokens(batch.tokens_BS, frames, speaker_BD, batch.mask_BT, f0_B)
    extra, metrics = tokens_BTE.new_zeros(()), {}
    if model.prior is not None:
        width, sizes = model.config.token_width, model.config
        predicted = model.prior_mel(tokens_BTE).float() * sizes.mel_std + sizes.mel_mean
        extra = mel_loss(predicted, batch.mel_BTM, batch.mask_BT)
        metrics["prior"] = extra.detach()
        tokens_BTE = torch.cat([tokens_BTE[..., :width], tokens_BTE[..., width:].detach()], dim=-1)
        if model.prior.pitch is not None:
            mask_BS = batch.mask_BT[:, :: sizes.frames_per_token]
            contour = model.prior.pitch.contour(batch.tokens_BS, mask_BS)
            pitch = pitch_loss(*contour, batch.f0_BT, batch.mask_BT, relative=True)
            extra, metrics["pitch"] = extra + pitch / SEMITONES, pitch.detach()
    loss, more = flow_loss(model, tokens_BTE, batch.mel_BTM, batch.mask_BT, speaker_BD, attention_mask)
    return loss + extra, {"flow": loss.detach(), **metrics, **more}


class FlowTask(Task):
    """`task = "flow"`: needs the features `tokens`, `mel`, `speaker` and `f0`."""

    sections: ClassVar = {"model": FlowConfig, "data": DataSection, "loss": FlowLoss, "init": FlowInit}

    def check(self) -> None:
        """Refuse also beginnings that there is nothing for.

        Raises:
            ConfigError: codes are to move where there are none yet, or a mel head is to begin a prior that is none.
        """
        super().check()
        init = self.section(FlowInit)
        check_moved(self.config.run.init_from, init.moved_codes)
        if init.mel_head is not None and self.section(FlowConfig).prior_width is None:
            raise ConfigError("init.mel_head begins a prior, but model.prior_width is none. Leave one of them out.")

    def build(self) -> DiT:
        """A DiT with random weights."""
        return DiT(self.section(FlowConfig))

    def start(self, model: nn.Module) -> None:
        """Take the weights of `run.init_from`, move codes, or take a speech tokenizer's mel head as the prior."""
        init, where = self.section(FlowInit), self.config.run.init_from
        assert isinstance(model, DiT)
        if where is not None:
            fill(model, start_weights(where, "flow"), where)
        if init.moved_codes is not None:
            move_codes(model, [name for name in TABLES if name in model.state_dict()], init.moved_codes)
        if where is None and init.mel_head is not None:
            assert model.prior is not None  # `check` has seen to it
            codes_CE, head = _mel_head(trained_weights(init.mel_head))
            if len(codes_CE) != model.config.vocabulary:
                raise ConfigError(
                    f"The speech tokenizer of {init.mel_head} has {len(codes_CE)} codes, but model.vocabulary is "
                    f"{model.config.vocabulary}. Make them equal."
                )
            # in one sentence, where sizes differ
            fill(model.prior.head, {k: v for k, v in head.items() if not k.startswith("in_proj.")}, init.mel_head)
            model.prior.start_from(codes_CE, head)

    @cached_property
    def _make(self) -> FlowBatches:
        sizes, dataset = self.section(FlowConfig), self.section(DataSection).open(*FEATURES)
        rate = sizes.frames_per_token * rate_of(dataset, "tokens") or None
        check_feature(dataset, "mel", rate, (sizes.n_mels,))
        check_feature(dataset, "f0", rate, ())
        check_feature(dataset, "speaker", shape=(sizes.speaker_width,))
        return FlowBatches(dataset, sizes.vocabulary, sizes.frames_per_token)

    def source(self) -> BatchSource:
        """Batches of utterances of like length."""
        return self.section(DataSection).batches(self._make.dataset, self.config.run.seed, self._make)

    def units(self, model: nn.Module) -> list[nn.Module]:
        """The blocks of the transformer."""
        assert isinstance(model, DiT)
        return list(model.transformer_blocks)

    def loss(self, model: nn.Module, batch: Any, step: int, critic: nn.Module | None = None) -> tuple[Tensor, Metrics]:
        """See `batch_loss`."""
        assert isinstance(model, DiT)
        return batch_loss(model, batch, self.section(FlowLoss))

    @cached_property
    def _held_out(self) -> list[FlowBatch]:
        refs = self.section(DataSection).held_out(self._make.dataset)
        return [batch for ref in refs if (batch := self._make(0, [ref]))]

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """The losses on held-out utterances, under the same random draws every time."""
        rows = [self.loss(model, to_device(batch, device), 0)[1] for batch in self._held_out]
        return {f"held_out_{name}": mean(float(row[name]) for row in rows) for name in (rows[0] if rows else ())}

    def samples(self, model: nn.Module, device: torch.device) -> dict[str, Sound]:
        """Held-out tokens rendered without a prompt, through the vocoder of `log.sample_bundle`."""
        assert isinstance(model, DiT)
        renderer = self.listening.through(device, n_mels=self.section(FlowConfig).n_mels)
        if renderer is None:
            return {}
        sounds: dict[str, Sound] = {}
        for number, batch in enumerate(to_device(self._held_out[:SAMPLES], device)):
            no_prompt = batch.mel_BTM.new_zeros(1, batch.mel_BTM.shape[2], 0)
            conditions = Conditions(batch.tokens_BS, batch.speaker_BD, no_prompt, median_f0(batch.f0_BT))
            mel_BMT, _ = model.sample(conditions, torch.randn_like(batch.mel_BTM), Solver())
            sounds[f"held_out_{number}"] = renderer.waveform(mel_BMT[0])
        return sounds

    def example_batch(self) -> FlowBatch:
        """Utterances of ten seconds."""
        model = self.section(FlowConfig)
        rows, seconds = self.section(DataSection).example_rows()
        tokens = int(seconds * 50 / model.frames_per_token)  # 50 frames a second
        frames = tokens * model.frames_per_token
        mel, speaker, f0 = np.zeros((frames, model.n_mels)), np.zeros(model.speaker_width), np.full(frames, 150.0)
        return collate([(np.zeros(tokens), mel, speaker, f0)] * rows, model.frames_per_token)

    def batch_size(self) -> dict[str, float]:
        """Speech."""
        rows, seconds = self.section(DataSection).example_rows()
        return {"seconds of speech": self.section(DataSection).batch_seconds or rows * seconds}


def _mel_head(weights: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """The vectors of the codes (C, D) and the mel head, from the weights of a speech tokenizer's run."""
    head = {name.removeprefix("mel."): value for name, value in weights.items() if name.startswith("mel.")}
    if not head:
        raise ConfigError("init.mel_head is a run without a mel head. Give one that was trained with loss.mel_scale.")
    codes_CE = weights["tokenizer.codebook.weight"]
    # the head has learnt from widened codes (SpeechTokenizerTraining.code_vectors)
    if "expand.weight" in weights:
        codes_CE = F.linear(codes_CE, weights["expand.weight"], weights["expand.bias"])
    return codes_CE, head
