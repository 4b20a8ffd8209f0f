"""Rollouts of several updates: what a resumed run may need stays, whoever wrote it, and lies where the model does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from glmtts.errors import RlError, TrainingError
from glmtts.rl.distribution import Support
from glmtts.rl.experience import Experience
from glmtts.rl.grpo import PolicyTask
from glmtts.rl.prompts import Line
from glmtts.rl.rollout import Answer
from glmtts.rl.store import Store


def task_of(make_run: Any, updates: int, micro_batches: int) -> PolicyTask:
    loss = {**make_run().loss, "objective": {"updates": updates}}
    return PolicyTask(make_run(loss=loss, optimizer={"micro_batches": micro_batches}))


def saved(run: Path, step: int) -> None:
    folder = run / "checkpoints" / f"step-{step:08d}"
    folder.mkdir(parents=True)
    (folder / "state.json").write_text("{}")


def kept(task: PolicyTask) -> list[int]:
    return sorted(int(path.stem) for path in task.store.folder.iterdir())


def step_of(task: PolicyTask, step: int) -> None:
    """What a step of the run writes and reads, all micro-batches of it."""
    source = task._numbers
    for place in range(source.micro_batches):
        batch = source.batch(step * source.micro_batches + place)
        if int(batch["update"]):
            task.store.read(int(batch["rollout"]), [])
        else:
            task.store.write(int(batch["rollout"]), Experience(), task._needed(step))


@pytest.mark.parametrize(("updates", "micro_batches"), [(2, 1), (4, 8), (3, 70)])
def test_a_run_that_was_killed_far_from_its_checkpoint_goes_on(
    updates: int, micro_batches: int, make_run: Any, tmp_path: Path
) -> None:
    """Checkpoints in the middle of a rollout's updates and at its end, then steps that were in vain."""
    task = task_of(make_run, updates, micro_batches)
    middle = 3 * updates + 1
    for step in range(middle + 2 * updates):
        step_of(task, step)
        if step + 1 in (middle, 4 * updates):
            saved(tmp_path / "run", step + 1)
    for begin in (middle, 4 * updates):
        again = task_of(make_run, updates, micro_batches)  # the store holds nothing in memory
        for step in range(begin, begin + updates):
            step_of(again, step)
    assert set(kept(task)) <= {number for step in (middle, 4 * updates, 5 * updates) for number in rollouts(task, step)}


def rollouts(task: PolicyTask, step: int) -> range:
    return task._numbers.rollouts(step)


def test_all_processes_share_the_rollouts(make_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A micro-batch may be another process's after a resume."""
    folders = set()
    for rank in ("0", "3"):
        monkeypatch.setenv("RANK", rank)
        folders.add(task_of(make_run, 2, 4).store.folder)
    assert len(folders) == 1


def test_answers_find_the_very_prompt_that_they_answer(make_run: Any, tmp_path: Path) -> None:
    """The same text in two emotions, by two voices and with two seeds."""
    task = PolicyTask(make_run())
    prompts, (voice, *_) = task.prompts, task.synthesizer.voices
    path = task.synthesizer.bundle.folder / "voices" / f"{voice}.safetensors"
    prompts._voices[str(path)] = task.synthesizer.voice(str(path))
    calm, happy = (Line("Good day to you.", "en", emotion) for emotion in ("calm", "happy"))
    asked = [prompts.prompt(calm, voice, 0), prompts.prompt(happy, voice, 0)]
    asked += [prompts.prompt(calm, str(path), 0), prompts.prompt(calm, voice, 1)]
    learnt = Experience(
        answers=[Answer(prompt, (1,), (place,), "stop", 1) for place, prompt in enumerate(asked)],
        advantages=[np.ones(2) for _ in asked],
    )
    store = Store(tmp_path / "rollouts")
    store.write(3, learnt, {3})
    found = store.read(3, asked[::-1])
    assert [answer.tokens for answer in found.answers] == [(0,), (1,), (2,), (3,)]
    assert all(answer.prompt is prompt for answer, prompt in zip(found.answers, asked, strict=True))
    with pytest.raises(RlError, match="missing or damaged"):
        store.read(3, asked[1:])


def test_a_rollout_of_an_earlier_version_is_found_by_its_text(make_run: Any, tmp_path: Path) -> None:
    task = PolicyTask(make_run())
    prompts, path = task.asked(0), tmp_path / "rollouts" / "00000003.safetensors"
    row = {"text": prompts[1].segment.piece.text, "prompt_ids": [1], "tokens": [2], "finish_reason": "stop", "least": 1}
    path.parent.mkdir()
    plain = json.dumps({"answers": [row], "metrics": {}})
    save_file({"advantages.0": torch.ones(2, dtype=torch.float64)}, path, metadata={"rollout": plain})
    assert Store(path.parent).read(3, prompts).answers[0].prompt is prompts[1]


def test_tensors_follow_the_model() -> None:
    """A store gives tensors on the CPU."""
    part = torch.ones(2, 3, dtype=torch.bool)
    learnt = Experience(
        advantages=[np.ones(2)], support=Support(1.0, part, part, part), old_N=torch.zeros(2), metrics={"kl": 1.0}
    )
    moved = learnt.to(torch.device("meta"))
    tensors = [moved.old_N, moved.support.allowed_NC, moved.support.nucleus_NC, moved.support.repeating_NC]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert moved.metrics == learnt.metrics and moved.advantages is learnt.advantages
    bare = Experience(support=Support.softmax(torch.zeros(2, 3), torch.zeros(2, dtype=torch.bool)))
    assert bare.to(torch.device("meta")).support.nucleus_NC is None


def test_what_cannot_be_kept_or_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(TrainingError, match="cannot be written"):
        Store(tmp_path / "file" / "rollouts").write(1, Experience(), {1})
    (tmp_path / "rollouts").mkdir()
    (tmp_path / "rollouts" / "00000001.safetensors").write_bytes(b"half")
    for number in (1, 2):
        with pytest.raises(RlError, match="missing or damaged"):
            Store(tmp_path / "rollouts").read(number, [])
