"""Candidates of one text compete while they are decoded: those that read badly are replaced by copies of the others.

A particle filter (sequential Monte Carlo, as in Lew et al., 2023) with the recogniser of speech tokens as its
potential. After every `interval` tokens each candidate is scored by how well it says the beginning of the text so far;
the best `keep` stay, and the others go on as copies of them, each with its own seed. An error then costs one interval
of one candidate, not the sentence.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from glmtts.config import StrictConfig
from glmtts.judging.prefix import PrefixScorer
from glmtts.lm.batch import DecodingBatch
from glmtts.lm.request import Request


class ResamplingConfig(StrictConfig):
    """Tokens between two resamplings, and how many candidates each of them keeps."""

    interval: int = Field(default=12, ge=1)  # a multiple of what a device draws ahead (STEPS in lm/static/decoder.py)
    keep: int = Field(default=2, ge=1)

    RENAMED: ClassVar[Mapping[str, str]] = {"survivors": "keep"}


class ParticleFilter:
    """Resampling of the candidates of one text, which joined a batch together."""

    def __init__(self, scorer: PrefixScorer, config: ResamplingConfig) -> None:
        self.scorer, self.config = scorer, config

    def after_step(self, batch: DecodingBatch, candidates: Sequence[Request]) -> None:
        """To be called after each step of the batch; resamples when that is due."""
        running = [number for number, request in enumerate(candidates) if not request.ended]
        length = len(candidates[running[0]].tokens) if running else 0  # all that run joined together: one length
        # beyond `longest` the recogniser has no positions: candidates go on as they are, until one is chosen
        if len(running) > 1 and length % self.config.interval == 0 and length <= self.scorer.longest:
            self._resample(batch, candidates, running)

    def _resample(self, batch: DecodingBatch, candidates: Sequence[Request], running: list[int]) -> None:
        # an ended one stands there as a copy of one that runs, so that all have a length; its score is not looked at
        rows = [number if number in running else running[0] for number in range(len(candidates))]
        tokens_NS = np.array([candidates[row].tokens for row in rows])
        scores = self.scorer.score(tokens_NS).tolist()
        best = sorted(running, key=lambda number: -scores[number])[: self.config.keep]
        replaced = [number for number in running if number not in best]
        for place, number in enumerate(replaced):
            # in turn: those that are kept have as many copies as each other, give or take one
            rows[number] = best[place % len(best)]
        self.scorer.reorder(rows)
        batch.continue_as([(candidates[number], candidates[rows[number]]) for number in replaced])
