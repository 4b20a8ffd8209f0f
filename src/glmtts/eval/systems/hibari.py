"""hibari-tts (Apache-2.0): English, one American and one British voice; a peer to compare with."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from glmtts.backends import reason_of
from glmtts.errors import EvaluationError
from glmtts.eval.items import Item
from glmtts.eval.systems.base import no_options
from glmtts.eval.systems.output import SystemOutput


class HibariSystem:
    """`hibari-tts[:VOICE]`, of the package hibari-tts."""

    languages: frozenset[str] | None = frozenset({"en"})
    is_copy = False

    def __init__(self, argument: str | None, options: dict[str, str]) -> None:
        try:
            from hibari import Hibari
        except ImportError:
            raise EvaluationError("hibari-tts is not installed. Install it: pip install hibari-tts.") from None
        no_options("hibari-tts", options)
        try:
            self.model = Hibari(voice=argument or "heart")
        except Exception as error:  # what the package raises for a voice it lacks is not said anywhere
            raise EvaluationError(f"hibari-tts does not take the voice '{argument}': {error}") from None

    def speak(self, items: Sequence[Item]) -> list[SystemOutput]:
        """Each line, one by one: it has no batches."""
        return [self._alone(item) for item in items]

    def about(self) -> dict[str, Any]:
        """Its version and voice."""
        return {"hibari-tts": version("hibari-tts"), "voice": self.model.voice}

    def _alone(self, item: Item) -> SystemOutput:
        try:
            samples = self.model(item.text, seed=item.number)
        except Exception as error:  # of a text that it cannot speak: the others go on
            return SystemOutput(None, 0, f"hibari-tts failed: {reason_of(error)}")
        if not len(samples):
            return SystemOutput(None, 0, "hibari-tts said nothing")
        return SystemOutput(samples, self.model.sample_rate)
