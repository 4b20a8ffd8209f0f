"""A unit on its way through the stages: its clips, what was decided so far, a few things to hear, and what it cost."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal
from zlib import crc32

import numpy as np

from glmtts.data.manifest import FeatureSpec
from glmtts.data.pipeline.clips import Clip, Span
from glmtts.data.pipeline.config import ReportSection
from glmtts.data.pipeline.stage import Decision, Result, Stage, check, decisions, drop, fault_of
from glmtts.data.pipeline.values import check_values, specs_of
from glmtts.errors import DataError

FAILED = "the stage failed"
AUDIBLE = 0.3  # seconds; shorter drops are only heard where there is nothing longer


@dataclass(frozen=True)
class Sample:
    """Something to hear: the beginning of a span that `stage` dropped for `reason`, or of a clip that was kept ("")."""

    stage: str
    reason: str
    clip: str
    text: str
    wave: np.ndarray
    sample_rate: int

    @property
    def lot(self) -> int:
        """What decides which samples are shown: drawn, but the same in every run."""
        return crc32(f"{self.stage}/{self.reason}/{self.clip}".encode())


@dataclass(frozen=True)
class Cost:
    """Seconds of sound that came to a stage, and what it took for them: seconds by the clock, and of this process' CPU.

    On a machine that does other things the clock tells little.
    """

    sound: float = 0.0
    time: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        """The cost of both."""
        return Cost(self.sound + other.sound, self.time + other.time, self.cpu + other.cpu)


@dataclass(frozen=True)
class Work:
    """A unit between two stages."""

    unit: int
    clips: tuple[Clip, ...]
    decisions: tuple[Decision, ...] = ()
    samples: tuple[Sample, ...] = ()
    costs: Mapping[str, Cost] = field(default_factory=dict)
    specs: Mapping[str, FeatureSpec] = field(default_factory=dict)


def advance(
    work: Work, label: str, stage: Stage, report: ReportSection, on_error: Literal["stop", "drop"] = "stop"
) -> Work:
    """Have a stage do its part; `label` is its name in the ledger.

    Raises:
        DataError: its results are not the samples that it was given, or hold what no shard can; or it failed, and
            `on_error` is "stop".
        GlmTtsError: it cannot work.
    """
    started, cpu = time.perf_counter(), time.process_time()
    # a stage need not expect to be given no clips
    results = _results(work.clips, label, stage, on_error) if work.clips else []
    sound = sum(clip.seconds for clip in work.clips)
    cost = Cost(sound, time.perf_counter() - started, time.process_time() - cpu)
    specs = specs_of(label, results, {**work.specs, **stage.features})
    return replace(
        work,
        clips=tuple(clip for result in results for clip in result.kept),
        decisions=(*work.decisions, *decisions(label, results)),
        samples=(*work.samples, *_heard(label, work.clips, results, report)),
        costs={**work.costs, label: cost},
        specs=specs,
    )


def _results(clips: Sequence[Clip], label: str, stage: Stage, on_error: Literal["stop", "drop"]) -> list[Result]:
    """What a stage gives; with "drop", clips that it fails on are dropped, each found by being tried alone."""
    try:
        return processed(clips, label, stage)
    except Exception as error:  # whatever a model throws
        what = fault_of(error)
        if on_error == "stop":
            raise DataError(
                f"Stage '{label}' failed on {named(clips)}: {what}. Finished units are kept. "
                'Mend it, or set on_error = "drop", and run again.'
            ) from error
        if len(clips) == 1:
            return [drop(clips[0], FAILED, error=what)]
        return [result for clip in clips for result in _results([clip], label, stage, on_error)]


def processed(clips: Sequence[Clip], label: str, stage: Stage) -> list[Result]:
    """What a stage gives of clips, checked; raises whatever a model throws, and what `check` and `check_values` do."""
    results = stage.process(clips)
    check(label, clips, results)
    check_values(label, results)
    return results


def named(clips: Sequence[Clip]) -> str:
    """Clips that were given together, for a sentence."""
    more = len(clips) - 1
    return f"clip {clips[0].id}{f' or {more} beside it' if more else ''}"


def kept_sample(work: Work, report: ReportSection) -> Work:
    """The work with one of its kept clips to hear, where there is any."""
    samples = [Sample("", "", clip.id, clip.label("text"), clip.wave, clip.sample_rate) for clip in work.clips]
    return replace(work, samples=(*work.samples, *_drawn(samples, report)))


def _heard(label: str, clips: Sequence[Clip], results: Sequence[Result], report: ReportSection) -> list[Sample]:
    """One drop a reason."""
    reasons: dict[str, list[Sample]] = {}
    for clip, result in zip(clips, results, strict=True):
        for one in result.dropped:
            # the first part is enough to hear: a span may lie in several of the clip's
            wave = next(_sound_of(clip, one.span))
            name = one.span.id
            sample = Sample(label, one.reason, name, clip.label("text"), wave, clip.sample_rate)
            reasons.setdefault(one.reason, []).append(sample)
    return [sample for samples in reasons.values() for sample in _drawn(samples, report)]


def _drawn(samples: Sequence[Sample], report: ReportSection) -> list[Sample]:
    if not samples or not report.samples:
        return []
    best = min(samples, key=lambda one: (len(one.wave) < AUDIBLE * one.sample_rate, one.lot))
    # a copy, since a view would keep the whole clip in memory
    return [replace(best, wave=best.wave[: int(report.seconds * best.sample_rate)].copy())]


def _sound_of(clip: Clip, span: Span) -> Iterator[np.ndarray]:
    """The sound of what a clip holds of a span, part by part."""
    first = 0
    for own in clip.spans:
        low, high = max(own.start, span.start), min(own.end, span.end)
        if low < high:
            yield clip.wave[first + low - own.start : first + high - own.start]
        first += own.samples
    raise DataError(f"{span} is no part of clip {clip.id}.")  # not reached: `check` came before
