"""Rollouts on disk while several updates learn from them, so that a killed run goes on in the middle of one."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from glmtts import durable
from glmtts.errors import RlError
from glmtts.rl.distribution import Support
from glmtts.rl.experience import Experience
from glmtts.rl.prompts import Prompt
from glmtts.rl.rollout import Answer
from glmtts.training.config import writable


class Store:
    """Rollouts by number in a run's folder, which all of its processes share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, number: int, learnt: Experience, needed: Collection[int]) -> None:
        """Keep what updates need of a rollout: its answers, advantages, and how they were drawn.

        Of the others those stay that are `needed`: a killed run left later ones, which are made anew.

        Raises:
            TrainingError: the folder cannot be written, or the disk is full.
        """
        plain: dict[str, Any] = {"answers": [_plain(answer) for answer in learnt.answers], "metrics": learnt.metrics}
        support = learnt.support
        tensors: dict[str, Tensor] = {f"advantages.{n}": torch.from_numpy(v) for n, v in enumerate(learnt.advantages)}
        if support is not None and learnt.old_N is not None:
            parts = {"allowed": support.allowed_NC, "nucleus": support.nucleus_NC, "repeating": support.repeating_NC}
            tensors |= {name: part.cpu() for name, part in parts.items() if part is not None}
            tensors["old"] = learnt.old_N.cpu()
            plain["temperature"] = support.temperature
        with writable(self.folder.parent):
            self.folder.mkdir(parents=True, exist_ok=True)
            with durable.whole(self._path(number)) as temporary:
                save_file(tensors or {"none": torch.zeros(1)}, temporary, metadata={"rollout": json.dumps(plain)})
            for old in self.folder.glob("*.*"):
                if durable.half_written(old) or (old.stem.isdigit() and int(old.stem) not in needed):
                    old.unlink(missing_ok=True)  # another process may have been there before

    def read(self, number: int, prompts: Sequence[Prompt]) -> Experience:
        """A rollout that was kept; `prompts` are all that it answers, made again.

        Raises:
            RlError: it is not there any more, or answers other prompts.
        """
        known: dict[Any, Prompt] = {prompt.segment.piece.text: prompt for prompt in prompts}
        known |= {named(prompt): prompt for prompt in prompts}
        try:
            with safe_open(str(self._path(number)), framework="pt") as file:
                plain = json.loads(file.metadata()["rollout"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            answers = [_answer(row, known) for row in plain["answers"]]
        except (OSError, SafetensorError, KeyError, TypeError, ValueError):
            raise RlError(
                f"The rollout {self._path(number)} is missing or damaged, in the middle of its updates. Start the run "
                "anew, or with run.init_from."
            ) from None
        learnt = Experience(answers=answers, metrics=plain["metrics"])
        learnt.advantages = [tensors[f"advantages.{place}"].numpy() for place in range(len(answers))]
        if "old" in tensors:
            parts = (tensors["allowed"], tensors.get("nucleus"), tensors.get("repeating"))
            learnt.support, learnt.old_N = Support(plain["temperature"], *parts), tensors["old"]
        return learnt

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08d}.safetensors"


def _plain(answer: Answer) -> dict[str, Any]:
    return {
        "prompt": named(answer.prompt),
        "prompt_ids": list(answer.prompt_ids),
        "tokens": list(answer.tokens),
        "finish_reason": answer.finish_reason,
        "least": answer.least,
    }


def named(prompt: Prompt) -> tuple[str | int | None, ...]:
    """What finds a prompt again among those of its rollout, which are a function of the rollout's number.

    Not the text alone: it may be asked for in several voices and emotions, and the first piece of two texts may be one.
    """
    return (*prompt.line, prompt.voice, prompt.segment.seed)


def _answer(row: dict[str, Any], prompts: dict[Any, Prompt]) -> Answer:
    # the second of a rollout that an earlier version wrote
    prompt = prompts[tuple(row["prompt"]) if "prompt" in row else row["text"]]
    return Answer(prompt, tuple(row["prompt_ids"]), tuple(row["tokens"]), row["finish_reason"], row["least"])
