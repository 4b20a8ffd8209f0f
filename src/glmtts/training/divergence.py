"""Runs that have diverged: their gradients are no numbers any more, and no further step would bring them back."""

from glmtts.errors import TrainingError

HOPELESS = 10  # steps in a row without a finite gradient; a single one happens in bfloat16


class Divergence:
    """Watches how many steps a session has left out, from one line of the log to the next."""

    def __init__(self) -> None:
        self._skipped = 0.0  # steps of the session, as of the last line
        self._hopeless = 0  # steps in a row without a finite gradient, by whole stretches between two lines

    def watch(self, skipped: float, step: int, every: int) -> None:
        """Take in the steps that the session has left out by `step`, `every` steps after the last line.

        Raises:
            TrainingError: at least `HOPELESS` in a row were.
        """
        since, self._skipped = skipped - self._skipped, skipped
        self._hopeless = self._hopeless + every if since >= every else 0
        if self._hopeless >= HOPELESS:
            raise TrainingError(
                f"No gradient was finite since step {step - self._hopeless}. "
                "Start a new run from an earlier checkpoint with a lower learning rate."
            )
