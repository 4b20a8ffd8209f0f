"""Candidates of one text compete while they are decoded: every few tokens the ones that read badly give up their place.

A sequential Monte Carlo search (as in Lew et al., 2023) with the recogniser of speech tokens as its potential. The
candidates of a text differ in their seeds. After every `interval` tokens each is scored by how well it says the
beginning of the text so far; the best `survivors` stay, and the others go on as copies of them. An error then costs
one interval of one candidate, not the sentence. What all candidates share is settled and may already be heard.
"""

from collections.abc import Callable, Sequence

import torch

from glmtts.config import StrictConfig
from glmtts.judging.prefix import PrefixScorer
from glmtts.lm.batch import DecodingBatch
from glmtts.lm.sampling import Request


class SteeringConfig(StrictConfig):
    """Tokens between two rounds, and how many candidates survive one."""

    interval: int = 12
    survivors: int = 2


class Steering:
    """Rounds of the candidates of one text, which joined a batch together.

    `reads_well` says of the codes of a candidate that ended by itself whether they say the whole text. One that does
    not counts as cut short while others are being decoded.
    """

    def __init__(
        self,
        scorer: PrefixScorer,
        config: SteeringConfig,
        reads_well: Callable[[list[int]], bool],
    ) -> None:
        self.scorer, self.config, self.reads_well = scorer, config, reads_well
        self._judged: set[int] = set()

    def after_step(self, batch: DecodingBatch, group: Sequence[Request]) -> None:
        """To be called after each step of the batch with the candidates; holds a round when one is due."""
        running = [number for number, request in enumerate(group) if not request.ended]
        for number, request in enumerate(group):
            if request.by_itself and running and number not in self._judged:
                self._judged.add(number)
                request.by_itself = self.reads_well(request.drawn)
        length = len(group[running[0]].drawn) if running else 0
        if len(running) > 1 and length % self.config.interval == 0 and length <= self.scorer.longest:
            self._round(batch, group, running)

    def _round(self, batch: DecodingBatch, group: Sequence[Request], running: list[int]) -> None:
        rows = [number if number in running else running[0] for number in range(len(group))]
        tokens_NS = torch.tensor([group[row].drawn for row in rows], device=batch.device)
        scores = self.scorer.score(tokens_NS).tolist()
        best = sorted(running, key=lambda number: -scores[number])[: self.config.survivors]
        losers = [number for number in running if number not in best]
        for place, number in enumerate(losers):
            rows[number] = best[place % len(best)]
        self.scorer.reorder(rows)
        batch.continue_as([(group[number], group[rows[number]]) for number in losers])
