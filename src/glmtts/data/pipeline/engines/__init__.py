"""What runs the stages: processes of this machine, or Ray Data on many."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from glmtts.data.pipeline.config import PipelineConfig
from glmtts.data.pipeline.engines.task import Listed
from glmtts.data.pipeline.plan import Unit
from glmtts.data.pipeline.standardise import Standardised
from glmtts.errors import ConfigError


class Engine(Protocol):
    """Both write a unit to the disk when it has passed all stages, the same bytes."""

    def standardise(self, files: Sequence[Listed]) -> list[Standardised]:
        """Read files; results in the same order. Raises DataError where a worker died or the disk is full."""
        ...

    def process(self, window: int, units: Sequence[Unit]) -> Iterator[int]:
        """Take units through all stages; gives the number of each that is on the disk, in any order.

        Raises:
            GlmTtsError: a stage cannot work, or its workers died; the finished units stay.
        """
        ...

    def close(self) -> None:
        """End its workers."""
        ...


def create_engine(config: PipelineConfig) -> Engine:
    """The engine that a run asks for.

    Raises:
        ConfigError: Ray is not installed.
    """
    if config.engine.kind == "local":
        from glmtts.data.pipeline.engines.local import LocalEngine

        return LocalEngine(config)
    try:
        from glmtts.data.pipeline.engines.cluster import RayEngine
    except ImportError as error:
        raise ConfigError(f"engine.kind = 'ray' needs Ray: pip install 'glm-tts[cluster]'. ({error})") from None
    return RayEngine(config)
