"""How a voice is trained: the settings of `glm-tts voice train`, and the two runs that they become."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from glmtts.bundle import Bundle
from glmtts.config import StrictConfig
from glmtts.synthesis.settings import SynthesisDefaults
from glmtts.training.config import RunConfig
from glmtts.voices.tasks import LENGTHS, check_lengths

Method = Literal["lora", "full", "prefix"]
Network = Literal["lm", "flow"]
PROMPT_SHARE, PHONEMES_SHARE = 0.7, 0.9
# 0.99 averages over 1 / (1 − 0.99) = 100 steps: an epoch of twenty minutes in batches of 12 s
EMA, WARMUP_STEPS = 0.99, 50
EVALUATED = 60  # held-out utterances that are looked at
RATES: dict[str, dict[str, float]] = {
    "lm": {"lora": 1e-3, "full": 3e-4, "prefix": 3e-4},
    "flow": {"lora": 1e-3, "full": 3e-4, "prefix": 3e-4},
}


class VoiceTraining(StrictConfig):
    """What is trained and for how long.

    `share` is that of the backbone which a LoRA trains, and is refused with another method. A run lasts at most
    `epochs` of its data (the flow's `flow_epochs`, where given), and ends where `patience` epochs were no better than
    the best. A batch holds `batch_seconds` of speech. `prefix` are text ids before every text, which a LoRA has none
    of. Epochs are left out that take less or more than `lengths` of the speaker's time.
    """

    method: Method = "lora"
    share: float = Field(default=0.15, gt=0, lt=1)
    epochs: float = Field(default=30, gt=0)
    flow_epochs: float | None = Field(default=None, gt=0)
    patience: int = Field(default=4, ge=1)
    seed: int = Field(default=0, ge=0)
    batch_seconds: float = Field(default=12.0, gt=0)
    learning_rates: dict[Network, Annotated[float, Field(gt=0)]] = Field(default={})
    prefix: tuple[int, ...] = ()
    lengths: tuple[float, float] = LENGTHS
    precision: Literal["no", "bf16"] = "bf16"

    @model_validator(mode="after")
    def _all_is_read(self) -> Self:
        check_lengths(self.lengths)
        if self.method != "lora" and self.share != type(self).model_fields["share"].default:
            raise ValueError(f"share is that of an adapter, and method {self.method} trains all weights: leave it out")
        if self.method == "lora" and self.prefix:
            raise ValueError("prefix is for the methods full and prefix: a voice file would speak without it")
        return self

    def rate(self, kind: Network) -> float:
        """The learning rate of a network."""
        return self.learning_rates.get(kind, RATES[kind][self.method])


@dataclass(frozen=True)
class Ground:
    """What a run stands on: the bundle and how a run names it, the dataset, and the seconds of speech in it."""

    bundle: Bundle
    where: str
    data: Path
    seconds: float


def run_of(kind: Network, ground: Ground, out: Path, how: VoiceTraining) -> RunConfig:
    """The run that trains the network `kind` of a bundle, "lm" or "flow"."""
    entry, language_model = ground.bundle.config.modules[kind], kind == "lm"
    epochs = how.epochs if language_model or how.flow_epochs is None else how.flow_epochs
    # in steps: a batch holds `batch_seconds`
    epoch = max(1, round(ground.seconds / how.batch_seconds))
    values: dict[str, dict[str, Any]] = {
        "run": _run(kind, ground, out, how),
        "model": entry.parsed().model_dump(mode="json"),
        "data": _data(ground, how) | (_lm_data(ground) if language_model else {}),
        "loss": _lm_loss(ground) if language_model else {},
        "init": {"share": how.share if how.method == "lora" else None, "patience": how.patience},
        "optimizer": _optimizer(kind, how),
        "schedule": _schedule(max(1, round(epochs * epoch))),
        "log": _log(ground, epoch),
        "distributed": {"workers": 0},
    }
    if language_model:
        values["init"] |= {"prefix": how.prefix, "lengths": how.lengths}
    return RunConfig.parse(values)


def _run(kind: str, ground: Ground, out: Path, how: VoiceTraining) -> dict[str, Any]:
    names = {"task": f"voice_{kind}", "out": str(out), "init_from": ground.where}
    # one checkpoint is enough: the best weights lie beside it (tasks.BEST)
    return {**names, "seed": how.seed, "precision": how.precision, "save_minutes": 2, "keep_last": 1}


def _data(ground: Ground, how: VoiceTraining) -> dict[str, Any]:
    return {"sources": [{"path": str(ground.data)}], "batch_seconds": how.batch_seconds, "evaluated": EVALUATED}


def _lm_data(ground: Ground) -> dict[str, Any]:
    """Utterances follow another of the speaker as often as they will when the voice speaks."""
    bundle, mode = ground.bundle, ground.bundle.config.text.phoneme_in
    return {
        "text": ground.where,
        "codes": bundle.audio_tokens.count,
        "phoneme_in": mode,
        "prompt_share": PROMPT_SHARE if SynthesisDefaults.of(bundle).continue_prompt else 0.0,
        "all_phonemes": PHONEMES_SHARE if mode == "all" else 0.0,
    }


def _lm_loss(ground: Ground) -> dict[str, Any]:
    """A model that learnt with guided attention keeps it, in two layers of the middle; the release never had any."""
    if ground.bundle.config.text.phoneme_in != "all":
        return {"corruption": 0.0, "alignment_scale": 0.0}
    layers = ground.bundle.config.modules["lm"].parsed().num_layers
    return {"corruption": 0.1, "alignment_scale": 0.2, "guided_layers": [max(0, layers // 2 - 1), layers // 2]}


def _optimizer(kind: Network, how: VoiceTraining) -> dict[str, Any]:
    """Weight decay would pull an adapter to nothing, which is the base."""
    rate, decay = how.rate(kind), 0.0 if how.method == "lora" else 0.01
    return {"learning_rate": rate, "final_learning_rate": rate / 20, "ema_decay": EMA, "weight_decay": decay}


def _schedule(steps: int) -> dict[str, Any]:
    # a short run would else end within its warm-up
    return {"steps": steps, "warmup_steps": min(WARMUP_STEPS, steps // 10)}


def _log(ground: Ground, epoch: int) -> dict[str, Any]:
    """Figures after every epoch, audio after every fifth."""
    samples = {"sample_every": 5 * epoch, "sample_bundle": ground.where}
    # a line of the log for every epoch at least
    return {"every": min(20, epoch), "evaluate_every": epoch, "tensorboard": False, **samples}
