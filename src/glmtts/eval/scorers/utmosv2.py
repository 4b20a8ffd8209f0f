"""UTMOSv2 (Baba et al., 2024), by its package."""

import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import soundfile
import torch

from glmtts.backends import backend, reason_of
from glmtts.errors import EvaluationError
from glmtts.eval.scorers.clip import Clip, Score

INSTALL = "pip install git+https://github.com/sarulab-speech/UTMOSv2.git"
_LOCK = Lock()  # of all scorers: the generators that are seeded are those of the process


class UtmosV2:
    """Options: `device`; `repetitions`, random crops that are averaged."""

    name = "utmosv2"
    columns = ("utmosv2",)
    higher_is_better = {"utmosv2": True}
    stand_in_for = None

    def __init__(self, device: str = "cpu", repetitions: int = 1) -> None:
        package = backend("utmosv2", "The scorer 'utmosv2'", INSTALL, EvaluationError)
        try:
            self.model: Any = package.create_model(pretrained=True, device=device)
        except Exception as error:  # downloads, and what its configuration raises
            reason = reason_of(error)
            raise EvaluationError(f"UTMOSv2 cannot be loaded: {reason}. It needs the network once.") from None
        self.device, self.repetitions = device, repetitions

    def score(self, clips: Sequence[Clip]) -> list[Score]:
        """An opinion, 1 to 5; None for a clip without samples. The crops are the same in every call."""
        return [{"utmosv2": self._one(clip) if len(clip.wave) else None} for clip in clips]

    def _one(self, clip: Clip) -> float:
        with tempfile.TemporaryDirectory() as folder, fixed_seeds():
            path = Path(folder) / "speech.wav"
            soundfile.write(path, clip.wave, clip.sample_rate)
            found = self.model.predict(
                input_path=path, device=self.device, num_repetitions=self.repetitions, num_workers=0, verbose=False
            )
        return float(found)


@contextmanager
def fixed_seeds(seed: int = 0) -> Iterator[None]:
    """Seed the global random generators, and put them back; one thread at a time."""
    with _LOCK, torch.random.fork_rng():
        python, numpy = random.getstate(), np.random.get_state()
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
