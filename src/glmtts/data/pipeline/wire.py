"""Clips, results and units as bytes: for other processes, other machines, and the disk.

One safetensors buffer: `head`, JSON as bytes, and the arrays by number. It can be read by any program, and running
nothing, unlike a pickle, it may come from another machine.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from glmtts.data.manifest import FeatureSpec
from glmtts.data.pipeline.clips import Clip, Span
from glmtts.data.pipeline.stage import Decision, Dropped, Result
from glmtts.data.pipeline.values import json_of
from glmtts.data.pipeline.work import Cost, Sample, Work
from glmtts.errors import DataError, GlmTtsError


class _Arrays:
    """Arrays that a head speaks of by number."""

    def __init__(self) -> None:
        self.named: dict[str, np.ndarray] = {}

    def add(self, array: np.ndarray) -> int:
        """The number of an array that goes along."""
        number = len(self.named)
        self.named[str(number)] = np.ascontiguousarray(array)
        return number


def pack_clips(clips: Sequence[Clip]) -> bytes:
    """Clips as bytes."""
    arrays = _Arrays()
    return _packed({"clips": [_clip(clip, arrays) for clip in clips]}, arrays)


def unpack_clips(data: bytes) -> list[Clip]:
    """Clips from bytes. Raises DataError where the bytes are something else."""
    return _unpacked(data, lambda head, arrays: [_as_clip(one, arrays) for one in head["clips"]])


def pack_results(results: Sequence[Result]) -> bytes:
    """Results as bytes."""
    arrays = _Arrays()
    rows = [
        {"kept": [_clip(clip, arrays) for clip in one.kept], "dropped": [_dropped(drop) for drop in one.dropped]}
        for one in results
    ]
    return _packed({"results": rows}, arrays)


def unpack_results(data: bytes) -> list[Result]:
    """Results from bytes. Raises DataError where the bytes are something else."""
    return _unpacked(data, lambda head, arrays: [_as_result(row, arrays) for row in head["results"]])


def _as_result(row: Any, arrays: dict[str, np.ndarray]) -> Result:
    kept = tuple(_as_clip(clip, arrays) for clip in row["kept"])
    return Result(kept, tuple(Dropped(Span(*one["span"]), one["reason"], one["detail"]) for one in row["dropped"]))


def pack_work(work: Work) -> bytes:
    """A unit between two stages as bytes."""
    arrays = _Arrays()
    head = {
        "unit": work.unit,
        "clips": [_clip(clip, arrays) for clip in work.clips],
        "decisions": [{**vars(one), "span": _span(one.span)} for one in work.decisions],
        "samples": [{**vars(one), "wave": arrays.add(one.wave)} for one in work.samples],
        "costs": {label: asdict(cost) for label, cost in work.costs.items()},
        "specs": {name: spec.model_dump(mode="json") for name, spec in work.specs.items()},
    }
    return _packed(head, arrays)


def unpack_work(data: bytes) -> Work:
    """A unit from bytes. Raises DataError where the bytes are something else."""
    return _unpacked(data, _as_work)


def _as_work(head: Any, arrays: dict[str, np.ndarray]) -> Work:
    return Work(
        unit=head["unit"],
        clips=tuple(_as_clip(one, arrays) for one in head["clips"]),
        decisions=tuple(Decision(**{**one, "span": Span(*one["span"])}) for one in head["decisions"]),
        samples=tuple(Sample(**{**one, "wave": arrays[str(one["wave"])]}) for one in head["samples"]),
        costs={label: Cost(**cost) for label, cost in head["costs"].items()},
        specs={name: FeatureSpec.parse(spec) for name, spec in head["specs"].items()},
    )


def _span(span: Span) -> tuple[str, int, int]:
    return (span.source, span.start, span.end)


def _dropped(one: Dropped) -> dict[str, Any]:
    return {"span": _span(one.span), "reason": one.reason, "detail": dict(one.detail)}


def _clip(clip: Clip, arrays: _Arrays) -> dict[str, Any]:
    return {
        "wave": arrays.add(clip.wave),
        "sample_rate": clip.sample_rate,
        "spans": [_span(span) for span in clip.spans],
        "labels": dict(clip.labels),
        "features": {name: arrays.add(array) for name, array in clip.features.items()},
    }


def _as_clip(values: dict[str, Any], arrays: dict[str, np.ndarray]) -> Clip:
    return Clip(
        arrays[str(values["wave"])],
        values["sample_rate"],
        tuple(Span(*span) for span in values["spans"]),
        values["labels"],
        {name: arrays[str(number)] for name, number in values["features"].items()},
    )


def _packed(head: Any, arrays: _Arrays) -> bytes:
    return save({**arrays.named, "head": np.frombuffer(json_of(head), np.uint8)})


def _unpacked(data: bytes, read: Any) -> Any:
    try:
        arrays = load(data)
        return read(json.loads(arrays.pop("head").tobytes()), arrays)
    # GlmTtsError: a span or a clip refuses numbers that do not fit
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, GlmTtsError) as error:
        raise DataError(f"These bytes are no clips of ours: {error}. Use the same version everywhere.") from None
