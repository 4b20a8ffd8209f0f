"""Emotion (Tables 4 to 6 of the report; CV3-Eval's emotion_zeroshot): is the wanted emotion heard?

CV3-Eval takes emotion2vec_plus_large's most likely emotion and compares it with the wanted one: the list's folder, or
the prefix of the utterance (`angry_high_…`, whose level makes a part of its own). The scorer trained here on RAVDESS is
a stand-in. EMO is the share of lines with the wanted emotion.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from glmtts.eval.columns import ValueColumn
from glmtts.eval.lists import EMOTIONS
from glmtts.eval.protocols.base import Protocol
from glmtts.eval.runner import Row
from glmtts.eval.units import PUBLISHED
from glmtts.eval.utterance import Utterance

# what RAVDESS and others call otherwise, in CV3-Eval's words
SAME = {"disgust": "disgusted", "surprise": "surprised", "fear": "fearful", "calm": "neutral", "anger": "angry"}


def heard_emotion(one: Utterance) -> str | None:
    """The label of the highest probability among the first emotion scorer's columns (`emotion_angry`, …)."""
    by_scorer: dict[str, dict[str, float]] = {}
    for key, value in one.scores.items():
        scorer, _, label = key.partition("_")
        # these two columns of a scorer are no probabilities of a label
        if scorer.startswith("emotion") and label not in ("target", "hit") and value is not None:
            by_scorer.setdefault(scorer, {})[label] = value
    found = next(iter(by_scorer.values()), {})
    best = max(found, key=lambda label: found[label]) if found else None
    return None if best is None else SAME.get(best, best)


def _right(one: Utterance) -> float | None:
    wanted, heard = one.item.labels.get("emotion"), heard_emotion(one)
    return None if wanted is None or heard is None else float(heard == SAME.get(wanted, wanted))


def _at_level(level: str) -> ValueColumn:
    def get(one: Utterance) -> float | None:
        return _right(one) if one.item.labels.get("level") == level else None

    return ValueColumn(f"emo_{level}", f"EMO, {level}", get, "higher")


def _confusion(rows: Sequence[Row]) -> dict[str, Any]:
    tables = {}
    for label in dict.fromkeys(row.system.label for row in rows):
        counts: Counter[tuple[str, str]] = Counter()
        for one in (one for row in rows if row.system.label == label for one in row.utterances):
            wanted, heard = one.item.labels.get("emotion"), heard_emotion(one)
            if wanted is not None and heard is not None:
                counts[SAME.get(wanted, wanted), heard] += 1
        # emotion2vec has the last two beside the emotions
        names = [name for name in (*EMOTIONS, "other", "unknown") if any(name in pair for pair in counts)]
        rest = [[name, *(counts[name, other] for other in names)] for name in names]
        tables[f"Confusion, {label} (row: wanted, column: heard)"] = {"heads": ["wanted", *names], "rows": rest}
    return tables


PROTOCOL = Protocol(
    name="emotion",
    title="Emotion",
    source="Tables 4 to 6 of the report and CV3-Eval's emotion lists.",
    columns=(ValueColumn("emo", "EMO", _right, "higher"), _at_level("high"), _at_level("low"), *PUBLISHED),
    recognisers={"en": "whisper-large-v3", "zh": "paraformer-zh"},
    scorers=("emo2vec", "speaker_wavlm"),
    labels=("emotion",),
    extra=_confusion,
)
