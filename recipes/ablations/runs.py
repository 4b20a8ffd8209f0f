"""The runs of an ablation: every configuration of a folder, with every seed.

The configurations name the folder WORK of recipes/mini/README.md: be where it lies.
"""

import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

import glmtts.tasks  # noqa: F401 - registers the tasks by name
from glmtts.errors import TrainingError
from glmtts.programs import a_folder, parser_of, whole_from
from glmtts.training.checkpoint import latest, values_of
from glmtts.training.config import RunConfig, saved_config
from glmtts.training.weights import trained_model

CONFIGS = Path(__file__).parents[2] / "configs" / "ablations"
WORK = Path("WORK") / "ablations"


@dataclass(frozen=True)
class Ablated:
    """A configuration with a seed."""

    config: Path
    seed: int

    @property
    def name(self) -> str:
        """The configuration's name."""
        return self.config.stem

    @property
    def label(self) -> str:
        """A name of its own for the run."""
        return f"{self.name}_{self.seed}"

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return WORK / self.config.parent.name / self.label

    def settings(self) -> RunConfig:
        """The run's settings."""
        return saved_config(self.folder)

    @property
    def is_finished(self) -> bool:
        """Whether it was trained to its end."""
        try:
            return values_of(latest(self.folder))["step"] == self.settings().schedule.steps
        except TrainingError:
            return False

    def train(self, changes: Sequence[str] = ()) -> None:
        """Train it, or go on where it was stopped; a finished run takes a moment."""
        fixed = [f"run.seed={self.seed}", f"run.out={self.folder}"]
        options = [part for change in [*fixed, *changes] for part in ("--set", change)]
        command = [sys.executable, "-m", "glmtts", "train", str(self.config), *options]
        subprocess.run(command, check=True)

    def model(self) -> nn.Module:
        """What was trained."""
        return trained_model(self.folder).eval()


def runs_of(table: str, seeds: Sequence[int], names: Sequence[str] | None = None) -> list[Ablated]:
    """The runs of a table, seed by seed, so that a stop leaves whole rows; `names` chooses some and their order."""
    folder = CONFIGS / table
    order = names or [path.stem for path in sorted(folder.glob("*.toml"))]
    return [Ablated(folder / f"{name}.toml", seed) for seed in seeds for name in order]


def arguments_of(description: str | None, seeds: Sequence[int], lines: int) -> ArgumentParser:
    """The arguments that the tables have in common, with their usual seeds and lines."""
    parser = parser_of(description)
    parser.add_argument(
        "--lists", type=a_folder, nargs="+", required=True, help="folders with recordings, an index.jsonl each"
    )
    parser.add_argument("--seeds", type=whole_from(0), nargs="+", default=seeds)
    parser.add_argument("--lines", type=whole_from(2), default=lines, help="of each list")
    parser.add_argument("--only-finished", action="store_true", help="train nothing; measure the runs that are there")
    return parser


def finished(runs: Sequence[Ablated], only: bool, changes: Sequence[str] = ()) -> list[Ablated]:
    """The runs, trained to their end; with `only` those that are so already."""
    for run in () if only else runs:
        run.train(changes)
    done = [run for run in runs if run.is_finished]
    if not done:
        raise TrainingError(f"No run of {WORK} is finished. Train them without --only-finished, or be where WORK lies.")
    return done
