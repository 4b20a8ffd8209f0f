"""Streaming: seconds to the first sound, the longest stall, and how far the streamed sound is from the whole one.

Times need a quiet machine and one process; the distance and the error rates do not.
"""

from collections.abc import Sequence
from statistics import median
from typing import Any

from glmtts.eval.columns import ValueColumn
from glmtts.eval.items import EvalList
from glmtts.eval.lists import shipped_list
from glmtts.eval.protocols.base import Protocol, Settings
from glmtts.eval.runner import Row
from glmtts.eval.statistics import finite
from glmtts.eval.units import PUBLISHED, SPOKEN


def _made(settings: Settings) -> list[EvalList]:
    return [shipped_list("mini-en"), shipped_list("mini-zh")]


def _detail(key: str, title: str) -> ValueColumn:
    return ValueColumn(key, title, lambda one: one.details.get(key), "lower")


def _worst(rows: Sequence[Row]) -> dict[str, Any]:
    lines = []
    for row in rows:
        first, wait = (
            [value for one in row.utterances if finite(value := one.details.get(key))]
            for key in ("first_chunk", "longest_wait")
        )
        if first and wait:
            figures = [round(value, 3) for value in (median(first), max(first), median(wait), max(wait))]
            lines.append([row.lines.name, row.system.label, *figures])
    heads = ["list", "system", "first chunk, median s", "worst s", "longest wait, median s", "worst s"]
    return {"Medians and worst": {"heads": heads, "rows": lines}}


PROTOCOL = Protocol(
    name="streaming",
    title="Streaming",
    source="A listener plays from the first chunk on; the longest wait is how long he would hear nothing.",
    columns=(
        _detail("first_chunk", "first chunk, s"),
        _detail("longest_wait", "longest wait, s"),
        _detail("mel_distance", "log-mel distance to the whole"),
        *PUBLISHED,
        *SPOKEN,
    ),
    recognisers={"en": "whisper-base", "zh": "whisper-base"},
    made=_made,
    systems=("stream",),
    extra=_worst,
)
