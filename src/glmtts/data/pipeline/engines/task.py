"""The steps that an engine runs, wherever it runs them."""

from dataclasses import dataclass
from pathlib import Path

from glmtts.data.pipeline.config import PipelineConfig, StageSection
from glmtts.data.pipeline.inputs import Entry
from glmtts.data.pipeline.plan import Unit, clips_of
from glmtts.data.pipeline.stage import Stage, create_stage
from glmtts.data.pipeline.standardise import Standardised, standardise
from glmtts.data.pipeline.store import save_work, unit_path
from glmtts.data.pipeline.values import check_announced
from glmtts.data.pipeline.work import Work, advance, kept_sample


@dataclass(frozen=True)
class Listed:
    """A file and its number in the listing."""

    number: int
    entry: Entry


def work_folder(config: PipelineConfig) -> Path:
    """Where unfinished things lie."""
    return config.run.output / "work"


def read_file(config: PipelineConfig, listed: Listed) -> Standardised:
    """Standardise one file. Raises OSError where the disk does not take it."""
    run, longest = config.run, config.standardise.max_hours
    return standardise(run.input, listed.entry, listed.number, work_folder(config), run.sample_rate, longest)


def make_stage(section: StageSection) -> Stage:
    """A stage in this process, or the client of its workers.

    Raises:
        GlmTtsError: it cannot be made, no worker answers, or it announces a feature that shards cannot hold.
    """
    stage: Stage
    if section.remote is None:
        stage = create_stage(section.name, section.options, section.device)
    else:
        from glmtts.data.pipeline.remote.client import RemoteStage

        stage = RemoteStage(section.name, section.options, section.remote)
    check_announced(section.name, stage.features)
    return stage


class Chain:
    """All stages of a run, in one process."""

    def __init__(self, config: PipelineConfig) -> None:
        self.config = config
        self._stages = [
            (label, make_stage(section), section.on_error)
            for label, section in zip(config.labels, config.stage, strict=True)
        ]

    def run(self, unit: Unit) -> Work:
        """Take a unit through all stages."""
        work = Work(unit.number, tuple(clips_of(unit, work_folder(self.config))))
        for label, stage, on_error in self._stages:
            work = advance(work, label, stage, self.config.report, on_error)
        return kept_sample(work, self.config.report)

    def finish(self, window: int, unit: Unit) -> int:
        """The same, and the result is on the disk; gives the unit's number."""
        write_unit(self.config, window, self.run(unit))
        return unit.number


def write_unit(config: PipelineConfig, window: int, work: Work) -> None:
    """Put a finished unit on the disk. Raises OSError where the disk does not take it."""
    save_work(unit_path(work_folder(config), window, work.unit), work)
