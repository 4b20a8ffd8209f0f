"""One exception type per area; each message says what was wrong and what to do."""

from collections.abc import Sequence


class GlmTtsError(Exception):
    """Base of every error that a user can cause; the command line prints it as one sentence."""


class ConfigError(GlmTtsError):
    """A configuration with unknown, missing or impossible values."""


class TextError(GlmTtsError):
    """Text that cannot be spoken: empty, too long, or without a readable character."""


class EmptyTextError(TextError):
    """Text in which nothing can be spoken; `pause` is the silence that it asks for, in seconds.

    `warnings` say what it holds that cannot be read.
    """

    def __init__(self, pause: float = 0.0, warnings: Sequence[str] = ()) -> None:
        self.pause, self.warnings = pause, tuple(warnings)
        reason = "The text holds nothing to speak. Give at least one word in Mandarin or English."
        super().__init__(" ".join([reason, *warnings]))


class AudioError(GlmTtsError):
    """Audio that cannot be read, used or written."""


class BundleError(GlmTtsError):
    """A model bundle that is missing, corrupt or of another format."""


class VoiceError(GlmTtsError):
    """A voice that does not exist or cannot be made from the given audio."""


class TrainingError(GlmTtsError):
    """Training input or state that cannot be used."""


class DataError(GlmTtsError):
    """A dataset that is missing, damaged, mixed, or lacks what was asked of it."""


class ReleaseError(GlmTtsError):
    """A folder of released weights that is incomplete, damaged or not what it should be."""


class RlError(GlmTtsError):
    """Reinforcement learning that cannot go on: bad texts, a silent reward, a guard that stops the run."""


class AsrError(GlmTtsError):
    """A speech recogniser that is unknown, not installed, or cannot be loaded."""


class EvaluationError(GlmTtsError):
    """A scorer, protocol, list or report that is missing or cannot be used."""
