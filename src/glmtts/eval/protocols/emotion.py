"""Emotion (Tables 4 to 6 of the report; CV3-Eval's emotion_zeroshot): is the wanted emotion heard?

CV3-Eval takes emotion2vec_plus_large's most likely emotion and compares it with the wanted one: the list's folder, or
the prefix of the utterance (`angry_high_…`, whose level makes a part of its own). The scorer trained here on RAVDESS is
a stand-in. EMO is the share of lines with the wanted emotion.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from glmtts.errors import EvaluationError
from glmtts.eval.columns import ValueColumn
from glmtts.eval.items import EvalList
from glmtts.eval.lists import EMOTIONS
from glmtts.eval.protocols.base import Protocol
from glmtts.eval.runner import Row
from glmtts.eval.scorers.emotion2vec import meant
from glmtts.eval.units import PUBLISHED
from glmtts.eval.utterance import Utterance


def heard_emotion(one: Utterance) -> str | None:
    """The label of the highest probability among the first emotion scorer's columns (`emotion_angry`, …)."""
    by_scorer = _by_scorer({key: value for key, value in one.scores.items() if value is not None})
    found = next(iter(by_scorer.values()), {})
    return meant(max(found, key=lambda label: one.scores[found[label]] or 0.0)) if found else None


def _by_scorer(columns: Iterable[str]) -> dict[str, dict[str, str]]:
    """Of each emotion scorer, its labels with their columns."""
    by_scorer: dict[str, dict[str, str]] = {}
    for key in columns:
        scorer, _, label = key.partition("_")
        # these two columns of a scorer are no probabilities of a label
        if scorer.startswith("emotion") and label not in ("target", "hit"):
            by_scorer.setdefault(scorer, {})[label] = key
    return by_scorer


def _check(lists: Sequence[EvalList], columns: Sequence[str]) -> None:
    """Refuse emotions that no scorer of the run can name: each would count as not heard.

    Raises:
        EvaluationError: there is one.
    """
    known = sorted({meant(label) for labels in _by_scorer(columns).values() for label in labels})
    for one in lists:
        for item in one.items:
            if known and meant(item.labels["emotion"]) not in known:
                raise EvaluationError(
                    f"The emotion '{item.labels['emotion']}' of '{item.id}' in the list '{one.name}' is none that a "
                    f"scorer can name: {', '.join(known)}. Correct it, or take the line out."
                )


def _right(one: Utterance) -> float | None:
    wanted, heard = one.item.labels.get("emotion"), heard_emotion(one)
    return None if wanted is None or heard is None else float(heard == meant(wanted))


def _at_level(level: str) -> ValueColumn:
    def get(one: Utterance) -> float | None:
        return _right(one) if one.item.labels.get("level", "").lower() == level else None

    return ValueColumn(f"emo_{level}", f"EMO, {level}", get, "higher")


def _confusion(rows: Sequence[Row]) -> dict[str, Any]:
    tables = {}
    for label in dict.fromkeys(row.system.label for row in rows):
        counts: Counter[tuple[str, str]] = Counter()
        for one in (one for row in rows if row.system.label == label for one in row.utterances):
            wanted, heard = one.item.labels.get("emotion"), heard_emotion(one)
            if wanted is not None and heard is not None:
                counts[meant(wanted), heard] += 1
        there = {name for pair in counts for name in pair}
        # emotion2vec has "other" and "unknown" beside the emotions, and another package's scorer what it likes
        names = [*(name for name in EMOTIONS if name in there), *sorted(there - {*EMOTIONS})]
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
    check=_check,
    extra=_confusion,
)
