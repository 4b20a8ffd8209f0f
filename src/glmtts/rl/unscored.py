"""A run whose rewards score nothing learns nothing: it is told at once, and ended where that goes on."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np

from glmtts.errors import RlError
from glmtts.training.divergence import HOPELESS

logger = logging.getLogger(__name__)


class Unscored:
    """Counts rollouts in a row in which no two answers to one text had a score, so that none could be compared.

    `needed` names the rewards without which an answer does not count.
    """

    def __init__(self, needed: Sequence[str]) -> None:
        self._needed, self._rollouts = tuple(needed), 0

    def watch(self, groups: Sequence[Mapping[str, np.ndarray]]) -> None:
        """Count a rollout by the scores of its groups, by reward; those that were not asked for are left out.

        Raises:
            RlError: there were `HOPELESS` in a row without scores.
        """
        if any(np.logical_and.reduce(rows).sum() > 1 for group in groups if (rows := self._rows(group))):
            self._rollouts = 0
            return
        self._rollouts += 1
        without = [name for name in self._needed if not any(np.isfinite(group.get(name, [])).any() for group in groups)]
        who = f"the reward {' and '.join(map(repr, without))} gave none" if without else "the rewards gave too few"
        if self._rollouts >= HOPELESS:
            raise RlError(
                f"No two answers to one text had a score for {self._rollouts} rollouts, and nothing was learnt: {who}. "
                "Correct its code, and the same command goes on; for other rewards choose another run.out."
            )
        if self._rollouts == 1:  # not again and again
            logger.warning("No two answers to one text have a score, so nothing is learnt from this rollout: %s.", who)

    def _rows(self, group: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Which answers each reward has scored; nothing where one was not asked."""
        if not set(self._needed) <= group.keys():
            return []
        return [np.isfinite(group[name]) for name in self._needed]
