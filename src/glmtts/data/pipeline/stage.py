"""The contract of a stage: it maps each clip to kept clips and dropped spans that are exactly the samples it was given.

Every loss is thus counted where it happens, and the sum over a run is checked, not hoped for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, ClassVar, Protocol, cast

from glmtts.backends import failure_of, foreign
from glmtts.config import StrictConfig
from glmtts.data.manifest import FeatureSpec
from glmtts.data.pipeline.clips import Clip, Span, merged
from glmtts.errors import AudioError, ConfigError, DataError, GlmTtsError, TextError

GROUP = "glmtts.pipeline_stages"
BUILT_IN = "glmtts.data.pipeline.stages.register"
CLIP_FAULTS = (AudioError, TextError)  # of what a clip holds, not of the stage


def fault_of(error: Exception) -> str:
    """What a stage failed with, in words, where it is a fault of its clips or of a model; else raises it again.

    Raises:
        GlmTtsError: `error`, where it says that the stage itself cannot work.
    """
    if isinstance(error, GlmTtsError) and not isinstance(error, CLIP_FAULTS):
        raise error
    return failure_of(error)


_targets: dict[str, str] = {}


@dataclass(frozen=True)
class Dropped:
    """Samples that go no further, and why: `reason` is a few words, the same for every drop of this kind.

    `detail` (JSON values) holds what the decision was made from, such as `{"wer": 0.12}`.
    """

    span: Span
    reason: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.reason, str) or not self.reason.strip():
            raise DataError(f"A drop has the reason {self.reason!r}. Give a few words; the report counts by them.")


@dataclass(frozen=True)
class Result:
    """What a stage made of one clip."""

    kept: tuple[Clip, ...] = ()
    dropped: tuple[Dropped, ...] = ()

    @property
    def spans(self) -> list[Span]:
        """All spans of kept and dropped samples."""
        return [span for clip in self.kept for span in clip.spans] + [one.span for one in self.dropped]


@dataclass(frozen=True)
class Decision:
    """A row of the manifest: what a stage did with a span. `detail` holds JSON values, `clip` a kept clip's id."""

    stage: str
    reason: str
    kept: bool
    span: Span
    clip: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


class Stage(Protocol):
    """One step of the pipeline. Its class is made once a worker, with its own part of the run's configuration.

    `process` must be a function of its clips alone: the same clips give the same results, on every worker, whatever
    came before. That is what lets a run that was killed end in the same shards.
    """

    name: ClassVar[str]
    config_class: ClassVar[type[StrictConfig]]

    def __init__(self, config: Any, device: str = "cpu") -> None:
        """Load what it needs; `config` is a `config_class`."""
        ...

    @property
    def features(self) -> Mapping[str, FeatureSpec]:
        """The features that it adds to clips; mostly none."""
        ...

    def process(self, clips: Sequence[Clip]) -> list[Result]:
        """One result a clip, in order. Clips of unlike lengths and sources come together, to be batched.

        Raises:
            GlmTtsError: the stage cannot do its work; the run stops and can go on later. An AudioError or TextError
                is one of the clips', as whatever else a model throws: `on_error` decides.
        """
        ...


def keep(clip: Clip) -> Result:
    """The result that keeps a clip, as it came or changed."""
    return Result(kept=(clip,))


def drop(clip: Clip, reason: str, **detail: Any) -> Result:
    """The result that drops a whole clip."""
    return Result(dropped=tuple(Dropped(span, reason, detail) for span in clip.spans))


def split(clip: Clip, ranges: Iterable[tuple[int, int]], reason: str, **detail: Any) -> Result:
    """Keep the ranges of a clip's samples, each as a clip, and drop what lies between them for one reason.

    Ranges are (start, end) in samples of the clip, in order and without overlap.

    Raises:
        DataError: they overlap or leave the clip.
    """
    kept, dropped, last = [], [], 0
    # an empty range at the end drops what lies behind the last one
    for start, end in [*ranges, (clip.samples, clip.samples)]:
        dropped += [Dropped(span, reason, detail) for span in clip.spans_of(last, start)]
        if start < end:
            kept.append(clip.cut(start, end))
        last = end
    return Result(tuple(kept), tuple(dropped))


def check(stage: str, clips: Sequence[Clip], results: Sequence[Result]) -> None:
    """See that each result holds exactly its clip's samples: none is missing, none comes twice, none is new.

    Raises:
        DataError: names the stage, the clip and the difference.
    """
    if not isinstance(results, Sequence) or not all(isinstance(one, Result) for one in results):
        raise DataError(f"Stage '{stage}' gave no list of results. Give keep(…), drop(…) or split(…) for each clip.")
    if len(clips) != len(results):
        raise DataError(f"Stage '{stage}' gave {len(results)} results for {len(clips)} clips. Give one a clip.")
    for clip, result in zip(clips, results, strict=True):
        # sorted and merged: a stage may cut and order samples as it likes
        given, back = merged(sorted(clip.spans)), merged(sorted(result.spans))
        if given != back:
            missing = sum(span.samples for span in given) - sum(span.samples for span in result.spans)
            fault = f"{missing} samples are missing" if missing else "the samples are not the same"
            raise DataError(f"Stage '{stage}' does not account for clip {clip.id}: {fault}. Keep or drop each once.")


def decisions(stage: str, results: Iterable[Result]) -> list[Decision]:
    """The rows that a stage's results add to the manifest."""
    rows = []
    for result in results:
        rows += [Decision(stage, "", True, span, clip.id) for clip in result.kept for span in clip.spans]
        rows += [Decision(stage, one.reason, False, one.span, "", one.detail) for one in result.dropped]
    return rows


def register(name: str, target: str) -> None:
    """Let runs name a stage; `target` is "module:Class" and is imported when a run asks for it."""
    _targets[name] = target


def stages() -> dict[str, str]:
    """The known stages, built in or from the entry points of other packages, and where their classes lie."""
    import_module(BUILT_IN)
    # a stage of this package wins over another's of the same name
    return {point.name: point.value for point in entry_points(group=GROUP)} | _targets


def stage_class(name: str) -> type[Stage]:
    """The class of a stage, by a registered name or as "module:Class".

    Raises:
        ConfigError: there is no stage of this name, or a package that it needs is not installed.
    """
    known = {} if ":" in name else stages()
    if ":" not in name and name not in known:
        raise ConfigError(f"There is no stage '{name}'. Known are: {', '.join(sorted(known))}.")
    module, _, attribute = known.get(name, name).partition(":")
    with foreign(f"Stage '{name}' cannot be loaded", "Install what it needs, or correct it.", ConfigError):
        found = getattr(import_module(module), attribute)
    config = getattr(found, "config_class", None)
    if not (isinstance(config, type) and issubclass(config, StrictConfig) and callable(found)):
        raise ConfigError(
            f"'{name}' is no stage: it is no class with a config_class. Name one that is written as docs/pipeline.md "
            "shows."
        )
    return cast(type[Stage], found)


def create_stage(name: str, options: Mapping[str, Any] | None = None, device: str = "cpu") -> Stage:
    """A stage, ready to work.

    Raises:
        ConfigError: there is no such stage, its options are not valid, or it cannot be started.
    """
    kind = stage_class(name)
    config = kind.config_class.parse(dict(options or {}))
    cure = "Correct its options and device, or install what it needs."
    with foreign(f"Stage '{name}' cannot be started", cure, ConfigError):
        return kind(config, device)
