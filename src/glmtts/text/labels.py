"""The labels of recognition: phonemes of both languages, CTC's blank, and the boundary between words and syllables."""

from collections.abc import Sequence

from glmtts.text.phonemes import ENGLISH, MANDARIN

BLANK, BOUNDARY = "", "|"
LABELS = [BLANK, BOUNDARY, *MANDARIN, *ENGLISH]
LABEL_IDS = {label: number for number, label in enumerate(LABELS)}


def without_boundaries(labels: Sequence[str]) -> list[str]:
    """Phonemes without the marks between words and syllables."""
    return [label for label in labels if label != BOUNDARY]
