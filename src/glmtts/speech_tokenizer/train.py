"""Training of the speech tokenizer: ASR loss (CTC) + pitch loss + commitment (report section 2.3), and a mel loss.

The lower layers of Whisper stay frozen, and their output is computed once; what is trained starts from there. The
mel loss is ours: with hours of speech in place of the report's hundred thousand, the ASR loss alone leaves out of
the codes what a vocoder needs to be understood.
"""

from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from glmtts.audio.mel_head import mel_loss
from glmtts.audio.pitch import pitch_loss
from glmtts.config import StrictConfig
from glmtts.data.readings import Transcripts
from glmtts.data.section import BatchSource, DataSection, check_feature
from glmtts.errors import ConfigError
from glmtts.speech_tokenizer.batches import WAVE_RATE, TokenizerBatch, TokenizerBatches, TokenizerExample, collate
from glmtts.speech_tokenizer.evaluation import evaluate
from glmtts.speech_tokenizer.heads import Phase, SpeechTokenizerTraining
from glmtts.speech_tokenizer.listening import SAMPLES, samples
from glmtts.speech_tokenizer.model import SAMPLE_RATE, SAMPLES_PER_FRAME, SpeechTokenizer, SpeechTokenizerConfig
from glmtts.speech_tokenizer.whisper import encoder_weights
from glmtts.text.frontend import TextConfig, TextFrontend
from glmtts.text.tokenizer import TextTokenizer
from glmtts.training.listening import Sound
from glmtts.training.loader import to_device
from glmtts.training.registry import bundles
from glmtts.training.task import Metrics, Task
from glmtts.training.weights import fill, is_run, start_weights, trained_weights

PROBE_SCALE = 1.0  # of a head that only measures: Adam makes it the same as any other
N_MELS, SPEAKER_WIDTH = 80, 192  # of the features
FRAME_RATE = SAMPLE_RATE / SAMPLES_PER_FRAME


class TokenizerData(DataSection):
    """`text` is a folder with a vocabulary, or a bundle: its symbols are those that transcripts are read as.

    The convolutions and the first `frozen_layers` layers stay as they begin. Their output is the feature `hidden`;
    `from_wave` computes it from the feature `wave` (24 kHz) in every step, where storing it would take too much.
    """

    text: str = "bundle"
    frozen_layers: int = Field(default=5, ge=0)
    from_wave: bool = False
    batch_seconds: float | None = Field(default=30.0, gt=0)
    evaluated: int = Field(default=120, ge=0)


class TokenizerLoss(StrictConfig):
    """Weights of the losses, where 0 leaves a head out, and how the codebook is trained.

    For `quantizer_warmup_steps` the vectors pass unquantised, then the codebook begins as their k-means; until step
    `freeze_codebook_until` its codes stay as they are, while new heads learn to read them. `relative_pitch` takes F0
    relative to the utterance's median (audio/pitch.py); the report's is absolute. With `probes` the heads of weight 0
    are there too, and learn from codes that they do not change: they measure (docs/ablations.md). `ema_decay` and
    `restart_interval`, in steps, are those of codebook_training.py; a grid (model.levels) never moves, and reads none.
    """

    asr_scale: float = Field(default=2.5, ge=0)
    pitch_scale: float = Field(default=1.0, ge=0)
    mel_scale: float = Field(default=3.0, ge=0)
    commitment_scale: float = Field(default=2.5, ge=0)
    relative_pitch: bool = True
    probes: bool = False
    quantizer_warmup_steps: int = Field(default=400, ge=0)
    freeze_codebook_until: int = Field(default=0, ge=0)
    ema_decay: float = Field(default=0.99, ge=0, lt=1)  # as van den Oord et al. (2017) take it
    restart_interval: int = Field(default=100, ge=1)

    @model_validator(mode="after")
    def _freezes_after_the_warm_up(self) -> Self:
        if 0 < self.freeze_codebook_until <= self.quantizer_warmup_steps:
            raise ValueError(
                f"freeze_codebook_until={self.freeze_codebook_until} freezes nothing, since the codebook begins after "
                f"quantizer_warmup_steps={self.quantizer_warmup_steps}; set a later step, or 0"
            )
        return self


class TokenizerInit(StrictConfig):
    """`whisper` is a released Whisper (the Hub's or CTranslate2's file) whose encoder begins a new model.

    With `run.init_from` the encoder is trained already, and `whisper` is not read: a recipe's file serves for both.
    """

    whisper: Path | None = None


def tokenizer_loss(
    model: SpeechTokenizerTraining, batch: TokenizerBatch, config: TokenizerLoss, phase: Phase = "trained"
) -> tuple[Tensor, Metrics]:
    """asr_scale · CTC + pitch_scale · pitch + mel_scale · mel + commitment_scale · commitment."""
    output = model(batch, phase)
    # (B, S, V) to (S, B, V), as `ctc_loss` wants it; in float32, since many small numbers are summed
    log_probs = output["logits_BSV"].float().log_softmax(-1).transpose(0, 1)
    lengths = output["logits_mask_BS"].sum(1)
    # more labels than tokens have no path, which costs infinity: such an utterance counts as nothing
    ctc = F.ctc_loss(log_probs, batch.labels_BL, lengths, batch.label_lengths_B, zero_infinity=True)
    loss = config.asr_scale * ctc + config.commitment_scale * output["commitment"]
    metrics = {"ctc": ctc.detach(), "commitment": output["commitment"].detach()}
    if "pitch_BT" in output:
        pitch = pitch_loss(output["pitch_BT"], output["voicing_BT"], batch.f0_BT, batch.mask_BT, config.relative_pitch)
        loss, metrics["pitch"] = loss + (config.pitch_scale or PROBE_SCALE) * pitch, pitch.detach()
    if "mel_BTM" in output:
        mel = mel_loss(output["mel_BTM"], batch.mel_BTM, batch.mask_BT)
        loss, metrics["mel"] = loss + (config.mel_scale or PROBE_SCALE) * mel, mel.detach()
    used = torch.zeros(model.config.codes, device=ctc.device).index_fill_(0, output["ids_N"], 1.0)
    metrics["codes_in_batch"] = used.sum()
    return loss, metrics


class SpeechTokenizerTask(Task):
    """`task = "speech_tokenizer"`: needs the features `hidden`, `f0`, `mel` and `speaker`."""

    sections: ClassVar = {
        "model": SpeechTokenizerConfig,
        "data": TokenizerData,
        "loss": TokenizerLoss,
        "init": TokenizerInit,
    }

    def check(self) -> None:
        """Refuse also what would come to light hours later, or never: too few positions, a codebook that never begins.

        So too a trained codebook that a warm-up would put another in the place of.

        Raises:
            ConfigError: says what does not fit.
        """
        super().check()
        model, data = self.section(SpeechTokenizerConfig), self.section(TokenizerData)
        warmup, steps = self.section(TokenizerLoss).quantizer_warmup_steps, self.config.schedule.steps
        seconds = model.max_positions * SAMPLES_PER_FRAME / SAMPLE_RATE
        if data.max_seconds > seconds:
            raise ConfigError(
                f"Recordings of up to {data.max_seconds:g} s have more frames than model.max_positions, "
                f"{model.max_positions}. Set data.max_seconds={seconds:g} or less."
            )
        if data.frozen_layers > model.layers_before:
            raise ConfigError(
                f"data.frozen_layers is {data.frozen_layers}, but only {model.layers_before} layers stand before the "
                "codebook (model.layers_before). Correct one of them."
            )
        if self.config.run.init_from is not None and warmup:
            raise ConfigError("A trained codebook would be lost. With run.init_from set loss.quantizer_warmup_steps=0.")
        if model.levels is None and steps is not None and steps <= warmup:
            raise ConfigError(
                f"A run of {steps} steps ends before its codebook begins, after loss.quantizer_warmup_steps={warmup}. "
                "Lower that, or raise schedule.steps."
            )

    def build(self) -> SpeechTokenizerTraining:
        """The tokenizer with its heads."""
        loss, frozen = self.section(TokenizerLoss), self.section(TokenizerData).frozen_layers
        config, warmup = self.section(SpeechTokenizerConfig), loss.quantizer_warmup_steps > 0
        if config.levels is not None and (warmup or loss.freeze_codebook_until):
            raise ConfigError("A grid needs no beginning. With model.levels set loss.quantizer_warmup_steps=0.")
        probes = {name for name, scale in (("pitch", loss.pitch_scale), ("mel", loss.mel_scale)) if not scale}
        pitch, mel = (loss.probes or name not in probes for name in ("pitch", "mel"))
        return SpeechTokenizerTraining(config, frozen, pitch, mel, warmup, probes)

    def start(self, model: nn.Module) -> None:
        """Take the weights of a run, of a bundle (whose pitch and mel heads are new), or of Whisper."""
        where, whisper = self.config.run.init_from, self.section(TokenizerInit).whisper
        assert isinstance(model, SpeechTokenizerTraining)
        if where is None and whisper is not None:
            _start_from_whisper(model, encoder_weights(whisper))
        if where is not None and is_run(where):
            # the averages are left behind and begin anew, from the codes that were reached (`reset_ema` below)
            kept = {name: value for name, value in trained_weights(where).items() if not name.startswith("moving.")}
            fill(model, kept, where, optional=("moving.",))
        elif where is not None:
            tokenizer, recogniser = (start_weights(where, name) for name in ("speech_tokenizer", "token_recogniser"))
            # in one sentence, where sizes differ
            head = {k.removeprefix("head."): v for k, v in recogniser.items() if k.startswith("head.")}
            fill(model.tokenizer, tokenizer, where)
            fill(model.asr, head, where)
            model.start_from(tokenizer, recogniser)
        if model.moving is not None:
            model.moving.reset_ema(model.tokenizer.codebook)

    @cached_property
    def _make(self) -> TokenizerBatches:
        data = self.section(TokenizerData)
        dataset = data.open("wave" if data.from_wave else "hidden", "f0", "mel", "speaker")
        if data.from_wave:
            check_feature(dataset, "wave", WAVE_RATE, ())
        else:
            check_feature(dataset, "hidden", FRAME_RATE, (self.section(SpeechTokenizerConfig).d_model,))
        check_feature(dataset, "f0", FRAME_RATE, ())
        check_feature(dataset, "mel", FRAME_RATE, (N_MELS,))
        check_feature(dataset, "speaker", shape=(SPEAKER_WIDTH,))
        tokenizer = TextTokenizer.load(bundles().folder(data.text))
        transcripts = Transcripts(TextFrontend(TextConfig(phoneme_in="all"), tokenizer))
        return TokenizerBatches(dataset, transcripts, self.section(SpeechTokenizerConfig).pooling)

    def source(self) -> BatchSource:
        """Batches of utterances of like length."""
        return self.section(TokenizerData).batches(self._make.dataset, self.config.run.seed, self._make)

    def units(self, model: nn.Module) -> list[nn.Module]:
        """The encoder layers that are trained."""
        assert isinstance(model, SpeechTokenizerTraining)
        return [*model.tokenizer.layers[model.frozen_layers :], *model.asr.layers]

    def phase(self, step: int) -> Phase:
        """What the codebook does at a step."""
        loss = self.section(TokenizerLoss)
        if step < loss.quantizer_warmup_steps:
            return "warmup"
        return "frozen" if step < loss.freeze_codebook_until else "trained"

    def loss(self, model: nn.Module, batch: Any, step: int, critic: nn.Module | None = None) -> tuple[Tensor, Metrics]:
        """See `tokenizer_loss`."""
        assert isinstance(model, SpeechTokenizerTraining)
        return tokenizer_loss(model, batch, self.section(TokenizerLoss), self.phase(step))

    def after_step(self, model: nn.Module, step: int) -> None:
        """Move the codebook to the step's vectors; at the end of the warm-up, let it begin as their k-means."""
        assert isinstance(model, SpeechTokenizerTraining)
        loss, moving, codebook = self.section(TokenizerLoss), model.moving, model.tokenizer.codebook
        if moving is None:
            return
        if self.phase(step) == "warmup":
            moving.keep_recent()
            if step + 1 == loss.quantizer_warmup_steps:
                moving.start(codebook)
        elif self.phase(step) == "trained":
            moving.update(codebook, loss.ema_decay, loss.restart_interval)

    @cached_property
    def _held_out(self) -> list[TokenizerBatch]:
        refs = self.section(TokenizerData).held_out(self._make.dataset)
        return [batch for ref in refs if (batch := self._make(0, [ref]))]

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """See evaluation.py."""
        assert isinstance(model, SpeechTokenizerTraining)
        relative = self.section(TokenizerLoss).relative_pitch
        return evaluate(model, to_device(self._held_out, device), relative) if self._held_out else {}

    def samples(self, model: nn.Module, device: torch.device) -> dict[str, Sound]:
        """Held-out recordings through their tokens; see listening.py."""
        assert isinstance(model, SpeechTokenizerTraining)
        return samples(model, to_device(self._held_out[:SAMPLES], device), self.listening)

    def example_batch(self) -> TokenizerBatch:
        """Utterances of ten seconds with ten labels a second."""
        config = self.section(SpeechTokenizerConfig)
        rows, seconds = self.section(TokenizerData).example_rows()
        frames = int(seconds * 50) // config.pooling * config.pooling
        shape = (frames * SAMPLES_PER_FRAME,) if self.section(TokenizerData).from_wave else (frames, config.d_model)
        hidden, mel = np.zeros(shape), np.zeros((frames, N_MELS))
        item = TokenizerExample(hidden, np.zeros(frames), mel, np.zeros(SPEAKER_WIDTH), ["N"] * int(10 * seconds))
        return collate([item] * rows, config.pooling)

    def batch_size(self) -> dict[str, float]:
        """Speech."""
        rows, seconds = self.section(TokenizerData).example_rows()
        return {"seconds of speech": self.section(TokenizerData).batch_seconds or rows * seconds}


@torch.no_grad()
def _start_from_whisper(model: SpeechTokenizerTraining, weights: dict[str, Tensor]) -> None:
    """Layers before the codebook begin as Whisper's, and those after it as its last ones."""
    own = model.tokenizer.state_dict()
    fill(
        model.tokenizer, {name: value for name, value in weights.items() if name in own}, "init.whisper",
        optional=("project.", "codebook."),
    )  # fmt: skip
    layers = 1 + max((int(name.split(".")[1]) for name in weights if name.startswith("layers.")), default=-1)
    first = layers - len(model.asr.layers)
    for number, layer in enumerate(model.asr.layers):
        prefix = f"layers.{first + number}."
        # in one sentence, where sizes differ or there are fewer layers
        fill(layer, {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}, "init.whisper")


@torch.inference_mode()
def tokens_from_hidden(tokenizer: SpeechTokenizer, first: int, hidden_TD: np.ndarray) -> np.ndarray:
    """Tokens (S,) int32 of one utterance's cached hidden states (T, D), which come before layer `first`."""
    hidden = torch.from_numpy(np.array(hidden_TD, dtype=np.float32))[None]
    whole = hidden[:, : hidden.shape[1] // tokenizer.config.pooling * tokenizer.config.pooling]
    encoded, _ = tokenizer.encode_layers(whole, torch.ones(whole.shape[:2]), first)
    vectors = tokenizer.project(tokenizer.pool(encoded)[0])
    return tokenizer.codebook.nearest(vectors).numpy().astype(np.int32)
