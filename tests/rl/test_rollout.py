"""Rollouts: what is learnt from is what was drawn, end included, and nothing depends on what is decoded beside it."""

from pathlib import Path
from typing import Any

import pytest
import torch

from glmtts.lm.request import SamplingConfig
from glmtts.rl.distribution import Support
from glmtts.rl.grpo import PolicyTask
from glmtts.rl.policy import draw_logits
from glmtts.rl.rollout import draw_batch
from tests.rl.conftest import WHOLE


@pytest.fixture
def task(make_run: Any) -> PolicyTask:
    return PolicyTask(make_run())


def rolled_out(task: PolicyTask, **changes: Any) -> tuple[Any, Any, list[Any]]:
    sampling = SamplingConfig(**{**WHOLE, **changes})
    model = task.build()
    task.start(model)
    groups = task.decoder.with_policy(model.eval(), sampling)(task.asked(0), [[1, 2, 3], [4, 5, 6]])
    return model, sampling, [answer for group in groups for answer in group]


def test_answers_end_as_they_were_drawn(task: PolicyTask) -> None:
    _, _, answers = rolled_out(task)
    reasons = {answer.finish_reason for answer in answers}
    assert reasons == {"stop", "length"}
    for answer in answers:
        draws = answer.draws(task.layout)
        assert (draws[-1] == task.layout.count) == (answer.finish_reason == "stop")
        assert len(answer.tokens) >= answer.least


def test_an_answer_does_not_depend_on_its_neighbours(task: PolicyTask) -> None:
    model, sampling, answers = rolled_out(task)
    decode = task.decoder.with_policy(model, sampling)
    alone = [
        decode([prompt], [[seed]])[0][0]
        for prompt, seeds in zip(task.asked(0), ([1, 2, 3], [4, 5, 6]), strict=True)
        for seed in seeds
    ]
    assert [one.tokens for one in alone] == [one.tokens for one in answers]


@pytest.mark.parametrize("changes", [{}, {"top_p": 0.7, "top_k": 9, "repetition_threshold": 0.1, "temperature": 1.4}])
def test_log_probabilities_are_those_of_decoding(task: PolicyTask, changes: dict[str, Any]) -> None:
    """The training forward, over all answers at once, gives every draw the probability that it was drawn with."""
    model, sampling, answers = rolled_out(task, **changes)
    batch = draw_batch(answers, task.layout, model.device)
    logits = draw_logits(model, task.layout, batch)
    found = Support.of(logits, sampling, batch.least_N, batch.drawn).log_probs(logits, batch.drawn_N)[0]
    place = 0
    for answer in answers:
        state = model.new_state(task.layout)
        steps = [model.prefill(state, answer.prompt_ids, 1)]
        steps += [model.step(state, [code]) for code in answer.tokens[:-1]]
        steps += [model.step(state, [answer.tokens[-1]])] if answer.stopped else []
        draws = answer.draws(task.layout)
        logits = torch.cat(steps)
        least = torch.arange(len(draws)) < answer.least
        alone = Support.of(logits, sampling, least, [draws]).log_probs(logits, torch.tensor(draws))[0]
        assert found[place : place + len(draws)].tolist() == pytest.approx(alone.tolist(), abs=1e-4)
        place += len(draws)
    assert torch.isfinite(found).all()


def test_texts_come_in_an_order_of_every_epoch(task: PolicyTask) -> None:
    drawn = [number for batch in range(4) for number in task.prompts.draw(batch, 2, 0)]
    assert sorted(drawn[:4]) == sorted(drawn[4:]) == [0, 1, 2, 3]
    assert not {line.text for line in task.prompts.trained} & {line.text for line in task.prompts.held_out}


def test_bad_texts_are_named(make_run: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tsv"
    bad.write_text("en\tfine\nno language\n", encoding="utf-8")
    from glmtts.errors import RlError

    with pytest.raises(RlError, match=r"bad.tsv, line 2, is not language, tab, text"):
        PolicyTask(make_run(data={"texts": [bad]})).asked(0)
