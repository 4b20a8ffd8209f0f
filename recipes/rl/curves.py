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

METRICS = ("rewards/cer/mean", "rewards/similarity/mean", "reward", "kl", "entropy", "completions/mean_length")
WIDTH = 10


def smoothed(values: list[float]) -> np.ndarray:
    """Means of up to `WIDTH` values that end at each."""
    return np.array([np.mean(values[max(0, place + 1 - WIDTH) : place + 1]) for place in range(len(values))])


def main() -> None:
    picture, *runs = map(Path, sys.argv[1:])
    figure, panels = pyplot.subplots(2, 3, figsize=(14, 7))
    for metric, axes in zip(METRICS, panels.flat, strict=True):
        for run in runs:
            rows = [row for row in read_rows(run / "log.csv") if row.get(metric)]
            if rows:
                steps = [int(row["step"]) for row in rows]
                axes.plot(steps, smoothed([float(row[metric]) for row in rows]), label=run.name)
        axes.set(title=metric, xlabel="step")
        axes.grid(alpha=0.3)
    panels.flat[0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    main()
