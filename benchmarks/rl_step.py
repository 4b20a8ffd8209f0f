"""Time of a step of GRPO on `mini` by part, and rollouts decoded together against one by one.

    python benchmarks/rl_step.py --texts TEXTS [--steps 3]

TEXTS is a file as [data] of a run takes it. Seconds are processor time of one thread, which a busy machine does not
change; both ways decode the same answers, but for ties. The similarity reward renders every answer. Results go to
benchmarks/results/rl_step.json.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from report import environment, write_result

import glmtts.tasks  # noqa: F401, registers what can be trained
from glmtts.programs import a_file, parser_of, run_program, whole_from
from glmtts.rl import experience, grpo
from glmtts.rl.grpo import PolicyTask
from glmtts.training.config import RunConfig

# Matrix products of one row and of many round differently, and a draw on the border of two tokens falls to the other:
# seen once in 7,343 draws from the whole softmax; after it an answer goes its own way.
TIES = 1 / 1000
WHOLE = {"top_p": 1.0, "top_k": 4096, "repetition_threshold": 2.0, "min_ratio": 0.8, "max_ratio": 6.0, "min_tokens": 4}


def task_of(texts: Path, out: Path, prompts: int) -> PolicyTask:
    """GRPO with CER and similarity, as recipes/rl/mini_cer_sim.toml."""
    values: dict[str, Any] = {
        "run": {"task": "grpo", "out": out, "precision": "no"},
        "data": {"texts": [texts], "prompts": prompts, "answers": 8, "sampling": WHOLE, "longest": 80},
        "loss": {
            "rewards": {"cer": {}, "similarity": {"weight": 0.1}},
            "advantages": {"decided_by": ["cer"], "resamplings": 0},
        },
        "schedule": {"steps": 10},
        "log": {"evaluate_every": None},  # an evaluation before the first step is no part of it
    }
    return PolicyTask(RunConfig.parse(values))


def decoding(task: PolicyTask, model: Any, prompts: int) -> dict[str, float]:
    """Tokens a second of processor time, of the same answers decoded together and one by one."""
    asked = task.asked(0)[:prompts]
    decode = task.decoder.with_policy(model, task.sampling(0))
    seeds = [task.seeds(0, place, 0) for place in range(len(asked))]
    rates, told = {}, {}
    for name, jobs in {
        "together": [(asked, seeds)],
        "one_by_one": [([one], [[seed]]) for one, own in zip(asked, seeds, strict=True) for seed in own],
    }.items():
        started = time.process_time()
        answers = [answer for job in jobs for group in decode(*job) for answer in group]
        rates[name] = sum(len(answer.tokens) for answer in answers) / (time.process_time() - started)
        told[name] = [answer.tokens for answer in answers]
    parted = sum(a != b for a, b in zip(told["together"], told["one_by_one"], strict=True))
    if parted > TIES * sum(map(len, told["together"])):
        raise SystemExit(f"{parted} answers differ from the same answers decoded one by one: a fault of decoding.")
    return {
        **{name: round(rate, 1) for name, rate in rates.items()},
        "ratio": round(rates["together"] / rates["one_by_one"], 2),
        "answers_that_part": parted,
    }


def parts(task: PolicyTask, model: Any, steps: int) -> dict[str, float]:
    """Mean processor seconds of the parts of a step."""
    experience.time.perf_counter = grpo.time.perf_counter = time.process_time  # type: ignore[attr-defined]
    sums: dict[str, float] = {}
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-6)
    for step in range(steps):
        loss, metrics = task.loss(model, {"rollout": torch.tensor(step), "update": torch.tensor(0)}, step)
        started = time.process_time()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        found = {name: float(value) for name, value in metrics.items() if name.startswith("time/")}
        for name, value in {**found, "time/backward": time.process_time() - started}.items():
            sums[name] = sums.get(name, 0.0) + value / steps
    return {name.removeprefix("time/"): round(value, 2) for name, value in sums.items()}


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--texts", type=a_file, required=True)
    parser.add_argument("--steps", type=whole_from(), default=3)
    parser.add_argument("--prompts", type=whole_from(), default=4)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        task = task_of(given.texts, Path(folder), given.prompts)
        model = task.build()
        task.start(model)
        rates = decoding(task, model.eval(), given.prompts)
        taken = parts(task, model, given.steps)
    result = {"answers": 8 * given.prompts, "tokens_per_processor_second": rates, "processor_seconds_by_part": taken}
    write_result("rl_step", {**environment(), **result})


if __name__ == "__main__":
    run_program(main)
