"""What flows through the pipeline: sources, spans of them in whole samples, and clips that know where they come from.

All lengths are integers, samples at the pipeline's rate. Seconds would not add up: 0.1 s at 44.1 kHz has no exact
float, and a million of them are off by samples.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from glmtts.errors import DataError


@dataclass(frozen=True)
class Source:
    """A recording that was given to the pipeline.

    `id` is the beginning of the sha256 of its bytes, `path` where it lies, relative to the input folder. `samples`
    counts its whole length at `sample_rate`, the pipeline's, also what could not be decoded. `native_rate` (Hz),
    `channels` and `codec` are what the file said of itself. `labels` hold what is known of it beforehand, such as its
    language or speaker (JSON values).
    """

    id: str
    path: str
    sample_rate: int
    samples: int
    native_rate: int = 0
    channels: int = 1
    codec: str = ""
    labels: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.samples / self.sample_rate


@dataclass(frozen=True, order=True)
class Span:
    """The samples from `start` up to `end`, which is not among them, of the source with the id `source`."""

    source: str
    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise DataError(f"{self} holds no samples. Leave empty spans out.")

    @property
    def samples(self) -> int:
        """Its length."""
        return self.end - self.start

    @property
    def id(self) -> str:
        """What a clip that begins with it is called."""
        # ten digits, so that names sort as the clips of a source follow
        return f"{self.source}-{self.start:010d}"


@dataclass(frozen=True)
class Clip:
    """Mono sound that is made of spans of one source, one behind the other.

    `wave` (T,) is float32 at `sample_rate`, that of its source, and T is the sum of the lengths of `spans`: a stage
    that works at another rate gives the same number of samples back. `labels` (JSON values) hold what stages found
    out: `text`, `language` ("zh", "en") and `speaker` go into those fields of an utterance, everything else into its
    `extra`. `features` are arrays for the shards, by the names that `Stage.features` announces.
    """

    wave: np.ndarray
    sample_rate: int
    spans: tuple[Span, ...]
    labels: Mapping[str, Any] = field(default_factory=dict)
    features: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.spans or len({span.source for span in self.spans}) != 1:
            raise DataError("A clip is made of spans of one source, at least one.")
        # a clip that held more or less than it accounts for would falsify the ledger
        if self.wave.shape != (samples := sum(span.samples for span in self.spans),):
            raise DataError(
                f"A clip of {samples} source samples has a wave of shape {self.wave.shape}. "
                "Give back as many samples as came in."
            )

    @property
    def source(self) -> str:
        """The id of its source."""
        return self.spans[0].source

    @property
    def id(self) -> str:
        """A name that no other clip of a run has, since each sample of a source belongs to one clip."""
        return self.spans[0].id

    @property
    def samples(self) -> int:
        """T, its length."""
        return len(self.wave)

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.samples / self.sample_rate

    def label(self, name: str, otherwise: str = "") -> str:
        """A label as text; `otherwise` where it is missing or null."""
        value = self.labels.get(name)
        return otherwise if value is None else str(value)

    def to_source(self, sample: int) -> int:
        """The sample of the source that `sample` of this clip is (a boundary between spans is the later one's start).

        Raises:
            DataError: the clip has no such sample.
        """
        left = sample
        for span in self.spans:
            if 0 <= left < span.samples:
                return span.start + left
            left -= span.samples
        raise DataError(f"clip {self.id} has {self.samples} samples, and none of number {sample}.")

    def spans_of(self, start: int, end: int) -> tuple[Span, ...]:
        """Where the samples from `start` up to `end` of this clip lie in its source; none for an empty range.

        Raises:
            DataError: the range does not lie in the clip.
        """
        if not 0 <= start <= end <= self.samples:
            raise DataError(f"{start} to {end} does not lie in clip {self.id}, which has {self.samples} samples.")
        found, first = [], 0
        for span in self.spans:
            # what the range takes of this span, counted from its first sample
            low, high = max(start - first, 0), min(end - first, span.samples)
            if low < high:
                found.append(Span(span.source, span.start + low, span.start + high))
            first += span.samples
        return tuple(found)

    def cut(self, start: int, end: int) -> "Clip":
        """The samples from `start` up to `end` as a clip with the same labels; features are of the whole and go.

        Raises:
            DataError: the range is empty or does not lie in the clip.
        """
        return Clip(self.wave[start:end], self.sample_rate, self.spans_of(start, end), self.labels)

    def with_wave(self, wave: np.ndarray) -> Self:
        """The clip with other sound of the same length, such as its denoised form."""
        return replace(self, wave=np.ascontiguousarray(wave, dtype=np.float32))

    def with_labels(self, **labels: Any) -> Self:
        """The clip with more labels, or others in place of those of the same name."""
        return replace(self, labels={**self.labels, **labels})

    def with_features(self, **features: np.ndarray) -> Self:
        """The clip with more features."""
        return replace(self, features={**self.features, **features})


def join(clips: Sequence[Clip]) -> Clip:
    """Clips of one source as one clip, one behind the other; the first gives the labels.

    Raises:
        DataError: there are none, or they are of several sources.
    """
    if not clips:
        raise DataError("There is no clip to join.")
    spans = tuple(span for clip in clips for span in clip.spans)
    return Clip(np.concatenate([clip.wave for clip in clips]), clips[0].sample_rate, merged(spans), clips[0].labels)


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same samples in the same order, with neighbours that follow on each other as one span."""
    together: list[Span] = []
    for span in spans:
        if together and (last := together[-1]).source == span.source and last.end == span.start:
            together[-1] = Span(last.source, last.start, span.end)
        else:
            together.append(span)
    return tuple(together)
