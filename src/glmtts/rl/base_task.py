"""What GRPO and DiffRO share as tasks of the training engine: prompts, rollouts, guards, evaluation, samples."""

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from glmtts.asr import SpeechRecogniser, load
from glmtts.errors import ConfigError, TrainingError
from glmtts.lm.model import Llama
from glmtts.lm.request import COLDEST, SamplingConfig
from glmtts.rl.decoding import Decoder, decoder
from glmtts.rl.evaluation import evaluated, rendered_samples
from glmtts.rl.figures import audio_figures, token_figures
from glmtts.rl.guards import GuardConfig, Guards
from glmtts.rl.policy import bundle_of, frozen_reference, new_policy, own_device, start_policy
from glmtts.rl.prompts import Prompt, Prompts
from glmtts.rl.rewards.base import Completion
from glmtts.rl.rollout import Answer, answer_seed
from glmtts.rl.schedules import Schedule
from glmtts.rl.settings import PolicySection, RolloutSection
from glmtts.rl.speaking import completions_of
from glmtts.synthesis.segment import Prompter
from glmtts.synthesis.synthesizer import Synthesizer
from glmtts.text.audio_tokens import AudioTokens
from glmtts.training.listening import Sound
from glmtts.training.task import Metrics, Source, Task

GUARDS = "guards"


class RolloutSource(Source):
    """Micro-batches as numbers: which rollout, and which of its updates. `texts` is a digest of what is answered."""

    def __init__(self, micro_batches: int, updates: int, texts: str = "") -> None:
        self.micro_batches, self.updates, self.texts = micro_batches, updates, texts

    def batch(self, number: int) -> dict[str, Tensor]:
        """The rollout's number and the update's, from 0; all micro-batches of a step are updates alike."""
        step, place = divmod(number, self.micro_batches)
        return {"rollout": torch.tensor(self.rollouts(step)[place]), "update": torch.tensor(step % self.updates)}

    def rollouts(self, step: int) -> range:
        """Numbers of the rollouts that a step learns from."""
        # all updates of a rollout have its numbers: step // updates counts rollouts, each of so many micro-batches
        first = step // self.updates * self.micro_batches
        return range(first, first + self.micro_batches)

    def place(self, number: int) -> dict[str, Any]:
        """The texts: all else is in the number."""
        return {"texts": self.texts}

    def seek(self, place: dict[str, Any]) -> None:
        """Nothing to go to; sees that the texts are those that the run began with, where it says which these were.

        Raises:
            TrainingError: they are others.
        """
        if place.get("texts", self.texts) != self.texts:  # earlier versions noted none
            raise TrainingError(
                "The texts in data.texts are not those that this run was trained on: what it has learnt from might be "
                "held out now. Put them back, or choose another run.out and start there with run.init_from."
            )


class RolloutTask(Task):
    """See the module. `needs_phonemes` leaves out texts without any; `steps_done` counts the steps of this process."""

    needs_phonemes: ClassVar[bool] = False
    steps_done: int = 0

    @property
    def guards_config(self) -> GuardConfig:
        """What the guards of the run watch."""
        raise NotImplementedError

    @property
    def schedules(self) -> list[Schedule]:
        """All values of the run that may change while it trains."""
        temperature = self.section(RolloutSection).temperature
        return [] if temperature is None else [temperature]

    @property
    def evaluates(self) -> bool:
        """Whether the log asks for evaluations."""
        return self.config.log.evaluate_every is not None or self.config.log.evaluate_minutes is not None

    def check(self) -> None:
        """Refuse what would fail after the first rollout, or never do anything.

        Raises:
            ConfigError: a schedule has no end in a run of minutes, or guards watch evaluations that are not made.
        """
        super().check()
        for schedule in self.schedules:
            schedule.at(0, self.run_steps)
        asked = self.guards_config.of_evaluations
        if asked and not self.evaluates:
            raise ConfigError(
                f"loss.guards.{asked[0]} is watched in evaluations, and the log asks for none: set log.evaluate_every, "
                "or leave it out."
            )

    def build(self) -> Llama:
        """The policy, its weights not set."""
        model = new_policy(self.section(PolicySection))
        if self.section(PolicySection).lora_rank is None:
            # not with adapters: it would draw their second factors too, which must begin at zero
            model.reset_parameters()
        return model

    def start(self, model: nn.Module) -> None:
        """The weights of `run.init_from`, or of the bundle."""
        assert isinstance(model, Llama)
        start_policy(model, self.started_from)

    @property
    def started_from(self) -> str:
        """The bundle or run whose language model training starts from, and is measured against."""
        return self.config.run.init_from or self.section(PolicySection).bundle

    @cached_property
    def synthesizer(self) -> Synthesizer:
        """All stages but the policy."""
        # its own language model is never asked: answers come from the policy
        return Synthesizer(bundle_of(self.section(PolicySection), own_device(self.config.distributed.device)))

    @cached_property
    def layout(self) -> AudioTokens:
        """Where speech lives in the vocabulary."""
        return self.synthesizer.bundle.audio_tokens

    @cached_property
    def prompts(self) -> Prompts:
        """The texts of the run."""
        return Prompts(self.section(RolloutSection), self.synthesizer, self.needs_phonemes)

    @cached_property
    def decoder(self) -> Decoder:
        """What decodes, here or in Ray workers."""
        section = self.section(RolloutSection)
        sharded = self.config.distributed.strategy == "fsdp" and int(os.environ.get("WORLD_SIZE", "1")) > 1
        if sharded and not section.ray_workers:  # each process decodes as many tokens as its own answers have
            raise ConfigError("With FSDP the policy is decoded by workers: set data.ray_workers, or strategy = ddp.")
        prompter = Prompter(self.synthesizer.frontend, self.layout)
        where = self.config.distributed.device
        return decoder(section, self.section(PolicySection), prompter, self.layout, where)

    @cached_property
    def guards(self) -> Guards:
        """The guards of this process."""
        return Guards(self.guards_config, self._own_file(GUARDS, ".json"))

    def _own_file(self, name: str, suffix: str = "") -> Path:
        """A path in the run's folder for this process alone."""
        # ledgers are appended to without a lock, so no two processes may share one
        return self.config.run.out / name / f"process-{os.environ.get('RANK', '0')}{suffix}"

    @property
    def run_steps(self) -> int | None:
        """Steps that schedules spread over; None where the run is measured in minutes."""
        return self.config.schedule.steps

    def sampling(self, step: int) -> SamplingConfig:
        """How answers are drawn in a step.

        Raises:
            ConfigError: the bundle speaks without drawing, and the run says no temperature.
        """
        section = self.section(RolloutSection)
        sampling = section.sampling or self.synthesizer.defaults.sampling
        if section.temperature is None:
            if sampling.temperature < COLDEST:  # all answers to a prompt would be alike
                raise ConfigError("The bundle takes the most likely token: set data.temperature, so that answers vary.")
            return sampling
        return sampling.model_copy(update={"temperature": section.temperature.at(step, self.run_steps)})

    def asked(self, rollout: int) -> list[Prompt]:
        """The prompts of a rollout."""
        section, seed = self.section(RolloutSection), self.config.run.seed
        found = []
        for place, number in enumerate(self.prompts.draw(rollout, section.prompts, seed)):
            line = self.prompts.trained[number]
            voices = self.prompts.voices(line.language)
            # from the place alone, so that a resumed run asks the same voice again
            voice = voices[answer_seed(seed, rollout, place) % len(voices)]
            found.append(self.prompts.prompt(line, voice, number))
        return found

    def seeds(self, rollout: int, place: int, attempt: int) -> list[int]:
        """The seeds of the answers to one prompt."""
        answers = range(self.section(RolloutSection).answers)
        # the attempt is part of it: a group that was all alike would be decoded alike again
        return [answer_seed(self.config.run.seed, rollout, attempt, place, answer) for answer in answers]

    def speak(self, answers: Sequence[Answer], audio: bool) -> list[Completion]:
        """Answers as rewards see them."""
        return completions_of(self.synthesizer, answers, audio)

    def watch(
        self, step: int, first: Sequence[Answer], completions: Sequence[Completion], entropy: float
    ) -> dict[str, float]:
        """The figures of a rollout, compared with the guards' bounds."""
        figures = token_figures(first)
        heard = audio_figures(completions) if completions else {}
        self.guards.watch(step, {**figures, **heard, "entropy": entropy})
        heard.pop("f0_deviation", None)  # not every rollout has one, and all processes must log the same
        lengths = [len(answer.tokens) for answer in first]
        return {
            "completions/mean_length": sum(lengths) / len(lengths),
            "completions/min_length": float(min(lengths)),
            "completions/max_length": float(max(lengths)),
            "completions/clipped_ratio": figures["truncated"],
            **{f"figures/{name}": value for name, value in {**figures, **heard}.items()},
        }

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """One answer to each held-out text, drawn as the bundle speaks, and its figures; watched by the guards."""
        assert isinstance(model, Llama)
        figures = evaluated(self, model)
        # the log tells evaluations from rollouts by a prefix, bands have none
        watched = {name.removeprefix("eval/"): value for name, value in figures.items()}
        self.evaluation_guards.watch(self.steps_done, watched)
        return figures

    def evaluate_start(self, model: Llama, step: int) -> None:
        """Before the first step of a run that evaluates: what guards compare later evaluations with.

        It goes to the guards alone, since a task cannot write the log.
        """
        if step or self._start_evaluated or not self.evaluates:
            return
        self._start_evaluated = True  # a step may have several micro-batches
        # the engine evaluates without autocast, and its evaluations are compared with this one
        with torch.autocast(model.device.type, enabled=False):
            self.evaluate(model, model.device)

    def after_step(self, model: nn.Module, step: int) -> None:
        """Count the step, for the sentences of guards."""
        self.steps_done = step + 1

    @cached_property
    def evaluation_guards(self) -> Guards:
        """The guards of the evaluations, each of which is large: one breach is enough, the first one is the start."""
        config = self.guards_config.model_copy(update={"settle": 1, "patience": 1})
        return Guards(config, self._own_file(GUARDS, "-evaluation.json"))

    @cached_property
    def second_asr(self) -> SpeechRecogniser | None:
        """The recogniser that the guards listen with."""
        name = self.guards_config.second_asr
        return None if name is None else load(name)

    def samples(self, model: nn.Module, device: torch.device) -> dict[str, Sound]:
        """The same held-out prompts each time, as audio."""
        assert isinstance(model, Llama)
        return rendered_samples(self, model)

    def units(self, model: nn.Module) -> list[nn.Module]:
        """The layers."""
        assert isinstance(model, Llama)
        return list(model.model.layers)

    def batch_size(self) -> dict[str, float]:
        """Answers of a micro-batch."""
        section = self.section(RolloutSection)
        return {"answers": section.prompts * section.answers}

    def example_batch(self) -> Any:
        """A micro-batch by number; a dry run cannot roll out, and so tells no activations."""
        return {"rollout": torch.tensor(0), "update": torch.tensor(0)}

    def reference(self, device: torch.device) -> Llama:
        """The frozen model that training started from."""
        if self._reference is None:
            self._reference = frozen_reference(self.section(PolicySection), self.started_from, device)
        return self._reference

    _reference: Llama | None = None
    _start_evaluated: bool = False


def as_metrics(values: dict[str, float], device: torch.device) -> Metrics:
    """Scalars as the engine logs them."""
    return {name: torch.tensor(float(value), device=device) for name, value in values.items()}


def zero_loss(model: nn.Module) -> Tensor:
    """Zero that depends on all trained weights, so that processes that train together can gather its gradient.

    The optimizer leaves out a step whose gradient is zero everywhere: nothing moves, no momentum, no decay.
    """
    return 0 * torch.stack([parameter.sum() for parameter in model.parameters() if parameter.requires_grad]).sum()
