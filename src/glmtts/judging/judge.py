"""One judge for speech tokens, whoever wrote them: it reads each sequence once and answers all questions from that."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glmtts.judging.faults import Fault, Limits, Target, faults, leaks
from glmtts.judging.prefix import PrefixScorer
from glmtts.judging.reading import Reading, log_probs_of
from glmtts.stages import Recogniser

READINGS_KEPT = 128  # the candidates of a few sentences; a reading of 3 s is 80 kB
SURE_NATS = 16.0  # in all: a few phonemes that were not said cost more, so below it nothing needs to be aligned
TRAILING_SILENCE_SECONDS = 0.6  # more at the end of a piece is heard as a fault; teachers end with 0.2 s
LONGEST_TAIL_SECONDS = 2.4  # of speech after the end of the text that is looked for


@dataclass(frozen=True)
class Verdict:
    """Tokens, what is wrong with them, and their cost: −log P(wanted phonemes) in nats a phoneme (0 if not judged)."""

    tokens: list[int]
    faults: list[Fault]
    nll: float

    @property
    def rank(self) -> tuple[int, float]:
        """Lower is better: few faults first, then a low cost."""
        return len(self.faults), self.nll

    def accepted(self, max_nll: float) -> bool:
        """Whether the tokens may be spoken without another try: no fault, and no doubt."""
        return not self.faults and self.nll <= max_nll


class Judge:
    """Verdicts on speech tokens by a recogniser, or by lengths and repetitions alone where a bundle has none.

    One forward reads all sequences that it is asked about together and has not read before. Threads may share it.
    """

    def __init__(self, recogniser: Recogniser | None, token_rate: float) -> None:
        self.recogniser, self.limits = recogniser, Limits.at(token_rate)
        self._trailing_silence = round(TRAILING_SILENCE_SECONDS * token_rate)
        self._longest_tail = round(LONGEST_TAIL_SECONDS * token_rate)
        self._kept: OrderedDict[tuple[int, ...], Reading] = OrderedDict()
        self._lock = threading.Lock()

    def readings(self, sequences: Sequence[Sequence[int]]) -> list[Reading | None]:
        """What each sequence says; None without a recogniser, and for one that is empty or longer than it can read."""
        keys = [tuple(tokens) for tokens in sequences]
        with self._lock:
            found = {key: self._kept[key] for key in keys if key in self._kept}
        fresh = list(dict.fromkeys(key for key in keys if key not in found and self._readable(key)))
        # outside of the lock, since a forward is long; two threads that read the same lose time and nothing else
        if fresh:
            found |= dict(zip(fresh, self._read(fresh), strict=True))
        with self._lock:
            for key in dict.fromkeys(keys):
                if key in found:
                    self._kept[key] = found[key]
                    # also what was there: those asked about last are the last to be forgotten
                    self._kept.move_to_end(key)
            while len(self._kept) > READINGS_KEPT:
                self._kept.popitem(last=False)
        return [found.get(key) for key in keys]

    def reading(self, tokens: Sequence[int]) -> Reading | None:
        """What one sequence says; see `readings`."""
        return self.readings([tokens])[0]

    def nll(self, tokens: Sequence[int], target: Target) -> float:
        """Nats a phoneme; 0 where nothing can be judged, infinite where the tokens cannot be read."""
        if self.recogniser is None or not target.phonemes:
            return 0.0
        reading = self.reading(tokens)
        return float("inf") if reading is None else reading.nll(target.phonemes)

    def verdict(self, tokens: Sequence[int], target: Target, stopped: bool = True) -> Verdict:
        """Faults and cost of tokens that should say `target`; `stopped`: the end of audio was drawn after them."""
        reading = self.reading(tokens) if target.phonemes else None
        heard = None if reading is None else reading.labels
        found = set(faults(tokens, stopped, target, heard, self.limits))
        if reading is not None and reading.without_first_word(target.phonemes):
            found.add(Fault.late)
        if reading is not None and reading.without_last_word(target.phonemes):
            found.add(Fault.truncated)
        # a set has no order: that of `Fault`, as `faults` gives it
        return Verdict(list(tokens), sorted(found, key=list(Fault).index), self.nll(tokens, target))

    def complete(self, sequences: Sequence[Sequence[int]], target: Target, max_nll: float) -> list[bool]:
        """Of each sequence that ended, whether it may have: it is not in doubt, and the end of the text is heard."""
        self.readings(sequences)
        # without the prompt: only whether the text was said to its end is asked here
        return [self._complete(tokens, Target(target.phonemes), max_nll) for tokens in sequences]

    def leaks(self, start: Sequence[int], target: Target) -> bool:
        """Whether the first tokens of an utterance begin with the end of its prompt."""
        reading = self.reading(start)
        return leaks(start, target, None if reading is None else reading.labels, self.limits)

    def text_end(self, tokens: Sequence[int], target: Target) -> int:
        """How many of the tokens say the target, where more is said after it; all where that is unknown."""
        reading = self.reading(tokens) if target.phonemes else None
        return len(tokens) if reading is None else reading.text_end(target.phonemes, self._longest_tail)

    def speech_after(self, tokens: Sequence[int], end: int) -> bool:
        """Whether a phoneme is heard in the tokens from `end` on."""
        reading = self.reading(tokens)
        return reading is not None and reading.heard_after(end)

    def without_trailing_silence(self, tokens: list[int], most: int | None = None) -> list[int]:
        """The tokens with at most `most`, else 0.6 s, after the last in which something is read; all if nothing is."""
        reading, most = self.reading(tokens), self._trailing_silence if most is None else most
        if reading is None or not reading.labels:
            return tokens
        return tokens[: len(tokens) - max(0, reading.trailing_silence - most)]

    def without_leading_silence(self, tokens: list[int], most: int) -> list[int]:
        """The tokens with at most `most` before the first in which something is read; all if nothing is."""
        reading = self.reading(tokens)
        return tokens if reading is None else tokens[max(0, reading.leading_silence - most) :]

    def prefix_scorer(self, target: Target, count: int) -> PrefixScorer | None:
        """Scores for `count` unfinished candidates of a target; None without a recogniser or phonemes to find."""
        if self.recogniser is None or not target.phonemes:
            return None
        return PrefixScorer(self.recogniser, target.phonemes, count)

    def _complete(self, tokens: Sequence[int], target: Target, max_nll: float) -> bool:
        nll = self.nll(tokens, target)
        # the likelihood first: it is known, and faults cost two more recursions
        if nll > max_nll:
            return False
        sure = nll * len(target.phonemes) < SURE_NATS
        return sure or Fault.truncated not in self.verdict(tokens, target).faults

    def _readable(self, tokens: Sequence[int]) -> bool:
        return self.recogniser is not None and 0 < len(tokens) <= self.recogniser.longest

    def _read(self, sequences: Sequence[tuple[int, ...]]) -> list[Reading]:
        assert self.recogniser is not None
        lengths_B = np.array([len(tokens) for tokens in sequences])
        # padding is code 0, which the mask hides; every code would do
        padded = np.array([[*tokens, *[0] * (int(lengths_B.max()) - len(tokens))] for tokens in sequences])
        same = bool((lengths_B == lengths_B[0]).all())  # no mask then, which is faster
        log_probs_BSV = log_probs_of(self.recogniser, padded, 0, None if same else lengths_B)
        # a copy: a view would keep the whole padded batch in memory
        return [Reading(rows[:length].copy()) for rows, length in zip(log_probs_BSV, lengths_B.tolist(), strict=True)]
