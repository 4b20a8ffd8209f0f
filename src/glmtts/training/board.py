"""TensorBoard's log of a run, where TensorBoard is installed."""

import logging
import threading
from pathlib import Path
from typing import Any

from glmtts.training.config import writable
from glmtts.training.listening import Sound

logger = logging.getLogger(__name__)
WRITER_THREAD = "_AsyncWriterThread"  # TensorBoard's class


class Board:
    """What TensorBoard shows of the run in the folder `run`; nothing is written where it is not installed."""

    def __init__(self, run: Path, step: int) -> None:
        """Go on after `step`: TensorBoard then hides what a killed run wrote after it.

        Raises:
            TrainingError: the folder takes nothing, as below.
        """
        self._run = run
        self._writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            logger.warning(
                "TensorBoard is not installed; CSV alone is written. Install it with: pip install tensorboard"
            )
            return
        _silence_writer()
        with writable(run):
            self._writer = SummaryWriter(str(run / "tensorboard"), purge_step=step + 1 if step else None)

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Write numbers by name."""
        if self._writer is not None:
            with writable(self._run):  # of what a thread wrote before: it raises with the next call
                for name, value in values.items():
                    self._writer.add_scalar(name, value, step)

    def sound(self, step: int, name: str, sound: Sound) -> None:
        """Write audio."""
        if self._writer is not None:
            with writable(self._run):
                self._writer.add_audio(name, sound.samples[None], step, sound.rate)

    def close(self) -> None:
        """Write what is held."""
        if self._writer is not None:
            with writable(self._run):
                self._writer.close()


def _silence_writer() -> None:
    """Let TensorBoard's thread end without a traceback of its own: what it met is raised where it is next called."""
    before = threading.excepthook
    if getattr(before, "silences_writer", False):
        return

    def hook(given: Any) -> None:
        if type(given.thread).__name__ != WRITER_THREAD:
            before(given)

    hook.silences_writer = True  # type: ignore[attr-defined]
    threading.excepthook = hook
