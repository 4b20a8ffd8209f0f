"""Plot the metrics of runs over their steps, each as a running mean of ten steps.

python recipes/rl/curves.py PICTURE RUN …
"""

import sys
from pathlib import Path

import matplotlib
import numpy as np

from glmtts.training.logs import read_rows

matplotlib.use("Agg")
from matplotlib import pyplot

METRICS = (
    "rewards/cer/mean",
    "rewards/similarity/mean",
    "rewards/emotion/mean",
    "reward",
    "kl",
    "entropy",
    "completions/mean_length",
)
WIDTH, COLUMNS = 10, 2


def smoothed(values: list[float]) -> np.ndarray:
    """Means of up to `WIDTH` values that end at each."""
    return np.array([np.mean(values[max(0, place + 1 - WIDTH) : place + 1]) for place in range(len(values))])


def main() -> None:
    picture, *runs = map(Path, sys.argv[1:])
    logs = {run.name: [row for row in read_rows(run / "log.csv") if row.get("reward")] for run in runs}
    metrics = [metric for metric in METRICS if any(row.get(metric) for rows in logs.values() for row in rows)]
    rows = -(-len(metrics) // COLUMNS)
    figure, panels = pyplot.subplots(rows, COLUMNS, figsize=(14, 2.4 * rows), squeeze=False)
    for metric, axes in zip(metrics, panels.flat, strict=False):
        for name, rows in logs.items():
            values = [(int(row["step"]), float(row[metric])) for row in rows if row.get(metric)]
            if values:
                steps, heights = zip(*values, strict=True)
                axes.plot(steps, smoothed(list(heights)), label=name)
        axes.set(title=metric, xlabel="step")
        axes.grid(alpha=0.3)
    for axes in panels.flat[len(metrics) :]:
        axes.axis("off")
    panels.flat[0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(picture, dpi=90)


if __name__ == "__main__":
    main()
