"""Whose turn it is among workers: one that hangs keeps nobody from asking the others."""

PARTS = 4  # at most: of many workers each must still have the time that scoring takes


def seconds_each(patience_minutes: float, workers: int) -> float:
    """How long one call waits for an answer: a part of the patience, so that other workers are asked within it."""
    return 60 * patience_minutes / min(workers, PARTS)


class Turns:
    """Numbers of workers in turn; those that did not answer in time come after all others."""

    def __init__(self, workers: int) -> None:
        self._waiting = list(range(workers))
        self._late: list[int] = []

    def next(self) -> int:
        """The worker to ask now."""
        if not self._waiting:  # nobody else is left, and they may have come back
            self._waiting, self._late = self._late, []
        number = self._waiting.pop(0)
        self._waiting.append(number)
        return number

    def late(self, number: int) -> None:
        """Note that a worker did not answer in time; one that refuses at once costs nothing to ask again."""
        if number in self._waiting:
            self._waiting.remove(number)
            self._late.append(number)
