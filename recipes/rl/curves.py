"""Plot the metrics of runs over their steps, and write what they began and ended with.

    python recipes/rl/curves.py PICTURE RUN … [--result OUT.json] [--steps 9]

Each line of the picture is a running mean of ten steps. `--result` writes the means of the first and of the last
`--steps` steps of every run, and the last phoneme error of its held-out texts: the columns of the tables in docs/rl.md
that are of training.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from glmtts.errors import TrainingError
from glmtts.programs import a_folder, file_to_write, parser_of, run_program, whole_from, write_text, write_whole
from glmtts.training.logs import read_rows

METRICS = (
    "rewards/cer/mean",
    "rewards/similarity/mean",
    "rewards/emotion/mean",
    "reward",
    "kl",
    "entropy",
    "completions/mean_length",
)
TOLD = (*METRICS, "clip_ratio/region_mean", "groups/dropped", "groups/resampled")
WIDTH, COLUMNS = 10, 2
Rows = list[dict[str, str]]


def smoothed(values: list[float]) -> np.ndarray:
    """Means of up to `WIDTH` values that end at each."""
    return np.array([np.mean(values[max(0, place + 1 - WIDTH) : place + 1]) for place in range(len(values))])


def ends(rows: Rows, evaluations: Rows, steps: int) -> dict[str, Any]:
    """Means of the first and of the last `steps` rows of a run's log, by metric."""
    known = [metric for metric in TOLD if all(row.get(metric) for row in rows)]
    found: dict[str, Any] = {"steps": len(rows)}
    for metric in known:
        values = [float(row[metric]) for row in rows]
        found[metric] = [round(float(np.mean(part)), 4) for part in (values[:steps], values[-steps:])]
    errors = [float(row["eval/phoneme_error"]) for row in evaluations if row.get("eval/phoneme_error")]
    return found | ({"held_out_phoneme_error": round(errors[-1], 4)} if errors else {})


def plot(logs: dict[str, Rows], picture: Path) -> None:
    """Draw each metric over the steps, a line a run."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    metrics = [metric for metric in METRICS if any(row.get(metric) for rows in logs.values() for row in rows)]
    rows = -(-len(metrics) // COLUMNS)
    figure, panels = pyplot.subplots(rows, COLUMNS, figsize=(14, 2.4 * rows), squeeze=False)
    for metric, axes in zip(metrics, panels.flat, strict=False):
        for name, own in logs.items():
            values = [(int(row["step"]), float(row[metric])) for row in own if row.get(metric)]
            if values:
                steps, heights = zip(*values, strict=True)
                axes.plot(steps, smoothed(list(heights)), label=name)
        axes.set(title=metric, xlabel="step")
        axes.grid(alpha=0.3)
    for axes in panels.flat[len(metrics) :]:
        axes.axis("off")
    panels.flat[0].legend(fontsize=7)
    figure.tight_layout()
    write_whole(picture, lambda path: figure.savefig(path, dpi=90))


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("picture", type=file_to_write, help="the file, such as curves.png")
    parser.add_argument("runs", type=a_folder, nargs="+", help="folders of runs")
    parser.add_argument("--result", type=file_to_write, help="also write a result file here")
    parser.add_argument("--steps", type=whole_from(), default=9, help="steps at either end that a mean is taken of")
    given = parser.parse_args()
    logs = {run.name: [row for row in read_rows(run / "log.csv") if row.get("reward")] for run in given.runs}
    if empty := [name for name, rows in logs.items() if not rows]:
        raise TrainingError(f"The log of {', '.join(empty)} has no step with a reward. Give runs of glm-tts rl.")
    plot(logs, given.picture)
    if given.result:
        found = {run.name: ends(logs[run.name], read_rows(run / "evaluation.csv"), given.steps) for run in given.runs}
        text = json.dumps({"steps_at_either_end": given.steps, **found}, indent=1)
        write_text(given.result, text + "\n")


if __name__ == "__main__":
    run_program(main)
