"""The bundle's recogniser of speech tokens as a second opinion and for forced alignment: a small CTC model of phonemes.

It stands in for a second recogniser where none can be had. It hears phonemes, not words, and errs far more often than a
large recogniser.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from glmtts.bundle import Bundle
from glmtts.ctc import ctc_spans
from glmtts.data.pipeline.stages.units import Unit, units_of
from glmtts.errors import AudioError, DataError
from glmtts.text.frontend import phonemes_of
from glmtts.text.hybrid import Span
from glmtts.text.labels import BOUNDARY, LABEL_IDS, LABELS, without_boundaries

SAMPLE_RATE = 16000
PART_SECONDS = 24.0  # the recogniser reads 30 s; the cut is looked for in the last sixth
SEARCHED = 4.0


@dataclass(frozen=True)
class TimedUnit:
    """A unit and when it is pronounced, in seconds."""

    unit: Unit
    start: float
    end: float


class TokenReader:
    """Reads 16 kHz speech by speech tokens."""

    def __init__(self, bundle: Path | None = None, device: str = "cpu") -> None:
        opened = Bundle.open(bundle, torch.device(device))
        if opened.recogniser is None:
            raise DataError(f"{opened.folder} has no recogniser of speech tokens. Choose another second recogniser.")
        self._tokenizer, self._recogniser = opened.speech_tokenizer, opened.recogniser
        self._frontend, self.token_rate = opened.frontend(), opened.clock.token_rate

    def log_probs(self, wave: np.ndarray) -> np.ndarray:
        """Log-probabilities of the labels (S, V) at each speech token; none for less than a token."""
        parts = []
        for part in cut_quietly(wave, PART_SECONDS, SEARCHED):
            try:
                tokens_S = self._tokenizer.tokenize(torch.from_numpy(part.astype(np.float32)))
            except AudioError:
                continue
            parts.append(self._recogniser.log_probs(tokens_S[None])[0].cpu().numpy())
        return np.concatenate(parts) if parts else np.zeros((0, len(LABELS)), dtype=np.float32)

    def phonemes(self, log_probs_SV: np.ndarray) -> list[str]:
        """What is heard, without boundaries: the best path of CTC."""
        path = log_probs_SV.argmax(1)
        # CTC: first repeats become one, then blanks (label 0) go
        kept = path[np.flatnonzero(np.diff(path, prepend=-1))]
        return without_boundaries([LABELS[label] for label in kept if label])

    def wanted(self, text: str) -> list[list[str]]:
        """The phonemes of each word or character of a text in words (`glmtts.text.normalise`), without boundaries."""
        return _symbols(units_of(text), self._frontend.spans(text))

    def aligned(self, log_probs_SV: np.ndarray, text: str) -> list[TimedUnit]:
        """When each word or character of a text is pronounced (CTC segmentation; Kürzinger et al., 2020).

        Empty where a unit has no reading, or the sound is too short for the text.
        """
        units = units_of(text)
        labels: list[str] = []
        owners: list[int] = []
        for number, symbols in enumerate(_symbols(units, self._frontend.spans(text))):
            if not symbols:
                return []
            # a boundary stands between units, and belongs to none of them
            labels += [*([BOUNDARY] if labels else []), *symbols]
            owners += [*([-1] if owners else []), *[number] * len(symbols)]
        try:
            spans_L2 = ctc_spans(log_probs_SV, np.array([LABEL_IDS[label] for label in labels], dtype=int))
        except (ValueError, IndexError):
            return []
        owner_L = np.array(owners)
        own = [spans_L2[owner_L == number] / self.token_rate for number in range(len(units))]
        return [TimedUnit(unit, float(at[0, 0]), float(at[-1, 1])) for unit, at in zip(units, own, strict=True)]


def _symbols(units: list[Unit], spans: list[Span]) -> list[list[str]]:
    """The phonemes of each unit: those of the spans that begin in it."""
    symbols: list[list[str]] = [[] for _ in units]
    starts, at = np.array([unit.start for unit in units]), 0
    for span in spans:
        unit = int(np.searchsorted(starts, at, side="right")) - 1
        if unit >= 0 and at < units[unit].end:
            symbols[unit] += without_boundaries(phonemes_of(span.hybrid))
        at += len(span.text)
    return symbols


def cut_quietly(wave: np.ndarray, longest: float, searched: float) -> list[np.ndarray]:
    """Samples (T,) in parts of at most `longest` seconds, cut where the last `searched` of each are quietest."""
    limit, parts, hop = int(longest * SAMPLE_RATE), [], SAMPLE_RATE // 25  # whole speech tokens of 40 ms
    while len(wave) > limit:
        first = limit - int(searched * SAMPLE_RATE)
        # 4 s are a hundred tokens: the part divides into them evenly
        power = np.mean(wave[first:limit].reshape(-1, hop).astype(np.float64) ** 2, axis=1)
        place = first + int(power.argmin()) * hop
        parts.append(wave[:place])
        wave = wave[place:]
    return [*parts, wave]
