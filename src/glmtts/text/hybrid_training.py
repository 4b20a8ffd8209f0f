"""Hybrid text for training: two-stage probabilistic replacement of safe characters (report section 2.6)."""

import random
from collections.abc import Container
from dataclasses import dataclass

from glmtts.config import Share, StrictConfig
from glmtts.text.mandarin import read_pinyin
from glmtts.text.phonemes import split_syllable, token


class HybridTrainingConfig(StrictConfig):
    """`probability` that a sentence is changed at all, and the largest share of its safe characters that is."""

    # both are the report's examples (section 2.6)
    probability: Share = 0.2
    largest_share: Share = 0.5
    polyphones_in_context: bool = True


@dataclass
class HybridStatistics:
    """What a run has replaced so far."""

    sentences: int = 0
    triggered: int = 0
    characters: int = 0
    safe: int = 0
    replaced: int = 0
    safe_in_triggered: int = 0

    @property
    def trigger_rate(self) -> float:
        """Share of sentences that were triggered; approaches `probability`."""
        return self.triggered / max(1, self.sentences)

    @property
    def replaced_share(self) -> float:
        """Share of the safe characters of triggered sentences that became phonemes; about half the largest share."""
        return self.replaced / max(1, self.safe_in_triggered)


class HybridCollate:
    """Turns sentences into hybrid text for training, as a collate step.

    With `probability` a sentence is triggered; then a share drawn uniformly from 0 to `largest_share` of its safe
    characters, chosen at random, becomes phonemes. Polyphones and rare characters, all that `safe` lacks, stay text,
    so that the model keeps their context.
    """

    def __init__(self, safe: Container[str], config: HybridTrainingConfig | None = None, seed: int = 0) -> None:
        self.safe, self.config = safe, config or HybridTrainingConfig()
        self.statistics = HybridStatistics()
        self._random = random.Random(seed)

    def __call__(self, sentence: str) -> str:
        """Hybrid text of a normalised sentence."""
        chosen = self.choose(sentence)
        return self._replace(sentence, chosen) if chosen else sentence

    def choose(self, sentence: str) -> set[int]:
        """The positions of a normalised sentence that become phonemes."""
        places = [position for position, character in enumerate(sentence) if character in self.safe]
        statistics = self.statistics
        statistics.sentences += 1
        statistics.characters += len(sentence)
        statistics.safe += len(places)
        if self._random.random() >= self.config.probability:
            return set()
        statistics.triggered += 1
        statistics.safe_in_triggered += len(places)
        share = self._random.uniform(0, self.config.largest_share)
        chosen = self._random.sample(places, round(share * len(places)))
        statistics.replaced += len(chosen)
        return set(chosen)

    def _replace(self, sentence: str, chosen: set[int]) -> str:
        readings = read_pinyin(sentence, self.config.polyphones_in_context)
        written = []
        for position, (character, pinyin) in enumerate(zip(sentence, readings, strict=True)):
            symbols = split_syllable(pinyin) if pinyin and position in chosen else []
            written.append("".join(map(token, symbols)) or character)
        return "".join(written)
