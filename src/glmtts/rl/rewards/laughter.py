"""The reward for laughter (report section 3.3, Table 6).

If the text has two or more laugh words in a row and the detector finds laughter in the audio, then the reward is 1
where the ASR hears a deletion there, and 0 where it writes the words. The rule is in text/laughter.py, which the
evaluation reads too.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from glmtts.asr import SpeechRecogniser, load
from glmtts.errors import ConfigError
from glmtts.eval import scorers
from glmtts.rl.rewards.base import Completion, Context, Reward
from glmtts.rl.rewards.pronunciation import transcribed
from glmtts.rl.rewards.scorer import clip_of
from glmtts.text.laughter import asks_for_laughter, laughter_reward


class Laughter(Reward):
    """The report's rule (text/laughter.py) with a detector of `glmtts.eval.scorers` and a recogniser of `glmtts.asr`.

    Laughter is found where the detector's first column reaches `threshold`. The recogniser lies on `device`; where the
    detector lies its own options say.
    """

    needs_audio = True

    def __init__(
        self,
        context: Context,
        heard_by: str = "whisper-base",
        detector: str = "laughter",
        threshold: float = 0.5,
        detector_options: dict[str, Any] | None = None,
        device: str = "cpu",
    ) -> None:
        super().__init__(context)
        if not (isinstance(threshold, int | float) and 0 <= threshold <= 1):
            raise ConfigError(f"The threshold of the reward laughter is {threshold}. Give a probability, 0 to 1.")
        self.heard_by, self.threshold, self.device = heard_by, threshold, device
        self.detector = scorers.load(detector, **(detector_options or {}))

    @cached_property
    def _recogniser(self) -> SpeechRecogniser:
        return load(self.heard_by, self.device)

    def prepare(self) -> None:
        """Load the recogniser."""
        _ = self._recogniser

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        """See the class; None where the detector gave nothing."""
        asking = [number for number, one in enumerate(completions) if asks_for_laughter(one.text)]
        # the detector and the ASR are asked about texts that ask for laughter, and about no others
        found: list[float | None] = [0.0] * len(completions)
        if not asking:
            return found
        asked = [completions[number] for number in asking]
        rows = self.detector.score([clip_of(one) for one in asked])
        heard = transcribed(self._recogniser, asked)
        for number, one, row, transcript in zip(asking, asked, rows, heard, strict=True):
            probability = row[self.detector.columns[0]]
            if probability is None or not math.isfinite(probability):  # NaN ≥ threshold is false, and no laughter
                found[number] = None
            else:
                found[number] = laughter_reward(one.text, probability >= self.threshold, transcript.text)
        return found
