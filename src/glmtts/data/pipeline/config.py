"""The run of a pipeline: one TOML file."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from glmtts.config import StrictConfig, parse_json, read_toml
from glmtts.data.pipeline.inputs import check_apart
from glmtts.data.pipeline.stage import stage_class
from glmtts.errors import ConfigError

# folders of an output; what a user keeps in them may be removed
OWN = ("shards", "manifest", "sources", "windows", "samples", "work")


class RunSection(StrictConfig):
    """What comes in and where it goes.

    `input` is a folder; `manifest`, a JSONL file, names its recordings by `path` and what is known of each as `labels`,
    and without it every file of the folder is taken. `output` gets shards, manifest and reports. All lengths of the
    ledger are counted at `sample_rate` (Hz).
    """

    input: Path
    output: Path
    manifest: Path | None = None
    name: str = Field(default="speech", pattern=r"^[\w.-]+$")
    provenance: str = ""
    sample_rate: int = Field(default=24000, ge=8000, le=48000)


class StandardiseSection(StrictConfig):
    """How recordings are read.

    A recording is cut into blocks of about `block_seconds` (report: 10 minutes), at the quietest place of the last
    `search_seconds`. Short ones travel together, up to `block_seconds`, so that models get batches. What is longer than
    `max_hours` is dropped whole: compressed silence expands by four thousand, and a file's head may lie.
    """

    block_seconds: float = Field(default=600.0, ge=1, le=1800)
    search_seconds: float = Field(default=30.0, ge=0)
    max_hours: float = Field(default=24.0, gt=0)
    workers: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _search_within_block(self) -> Self:
        if self.search_seconds >= self.block_seconds:
            raise ValueError("search_seconds must be less than block_seconds")
        return self


class RemoteSection(StrictConfig):
    """Where the workers of a stage listen, and how long they are waited for.

    A request that fails is sent again, to another worker where there is one, after `backoff` seconds that double each
    time, at most `attempts` times. `deadline` (seconds) is for one request, `ready` for the first sign of health.
    `ca`, and `certificate` with `key` where workers ask for them, are PEM files; without `ca` nothing is encrypted.
    """

    addresses: tuple[str, ...] = Field(min_length=1)
    deadline: float = Field(default=600.0, gt=0)
    attempts: int = Field(default=6, ge=1)
    backoff: float = Field(default=0.5, ge=0)
    ready: float = Field(default=60.0, gt=0)
    message_mib: int = Field(default=128, ge=1, le=1024)
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _encrypted_where_asked(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together; give both")
        if self.certificate is not None and self.ca is None:
            raise ValueError("without ca nothing is encrypted, and no certificate is shown; give ca too")
        return self


class StageSection(StrictConfig):
    """One stage: its name (or "module:Class"), its own `options`, and what it runs on.

    `workers`, `cpus`, `gpus` (a fraction shares a GPU) and `device` are those of the Ray engine; the local engine gives
    each of its workers all stages. `remote` sends the work to gRPC workers instead. Where the stage fails on a clip,
    the run stops; with `on_error = "drop"` that clip is dropped.
    """

    name: str
    options: dict[str, Any] = Field(default_factory=dict)
    workers: int = Field(default=1, ge=1)
    cpus: float = Field(default=1.0, ge=0)
    gpus: float = Field(default=0.0, ge=0)
    device: str = "cpu"
    on_error: Literal["stop", "drop"] = "stop"
    remote: RemoteSection | None = None

    @field_validator("options")
    @classmethod
    def _finite(cls, options: dict[str, Any]) -> dict[str, Any]:
        # `default`: TOML has dates too, about which the stage's own class decides
        parse_json(json.dumps(options, default=str))
        return options


class ShardsSection(StrictConfig):
    """The dataset that is written; `wave` also stores the samples as int16, for vocoders and tokenizers."""

    shard_seconds: float = Field(default=3600.0, gt=0)
    wave: bool = True


class EngineSection(StrictConfig):
    """What runs the stages: processes of this machine (`local`), or Ray Data (`ray`).

    `address` is that of a Ray cluster; without it one is started here. Every machine of a cluster must see input and
    output under the same paths. `store_mib` bounds Ray's object store where one is started. Work is published a window
    at a time, of `window_hours` of input: that bounds the disk that standardised audio takes.
    """

    kind: Literal["local", "ray"] = "local"
    workers: int = Field(default=1, ge=1)
    address: str | None = None
    store_mib: int = Field(default=2048, ge=128)
    window_hours: float = Field(default=20.0, gt=0)


class ReportSection(StrictConfig):
    """The page: how many clips to hear of what was kept, and of each reason for a drop, each at most `seconds` long."""

    samples: int = Field(default=4, ge=0, le=100)
    seconds: float = Field(default=10.0, gt=0)


class PipelineConfig(StrictConfig):
    """The whole file."""

    run: RunSection
    standardise: StandardiseSection = StandardiseSection()
    stage: tuple[StageSection, ...] = ()
    shards: ShardsSection = ShardsSection()
    engine: EngineSection = EngineSection()
    report: ReportSection = ReportSection()

    @property
    def labels(self) -> list[str]:
        """The stages' names in the ledger: one that comes a second time has a number."""
        names = [stage.name.rpartition(":")[2] for stage in self.stage]
        # how often each name came before
        seen = [names[:place].count(name) for place, name in enumerate(names)]
        return [f"{name}-{count + 1}" if count else name for name, count in zip(names, seen, strict=True)]

    def content(self) -> dict[str, Any]:
        """What decides about the output: not where and on how many workers it is made."""
        values = self.model_dump(mode="json")
        values["run"] = {key: values["run"][key] for key in ("name", "sample_rate")}
        values["standardise"].pop("workers")
        values["stage"] = [{key: stage[key] for key in ("name", "options", "on_error")} for stage in values["stage"]]
        # a window ends its last shard: its length decides which utterances lie together
        values["window_hours"] = values.pop("engine")["window_hours"]
        return values

    def check(self) -> None:
        """See that every stage exists and takes its options, and `check_places`, before anything is read.

        Raises:
            ConfigError: names the stage and what is wrong.
        """
        self.check_places()
        for stage in self.stage:
            stage_class(stage.name).config_class.parse(stage.options)

    def check_places(self) -> None:
        """See that the run neither reads nor removes what it should not.

        Raises:
            ConfigError: the output is part of the recordings, or they lie where the output has its own files.
        """
        run = self.run
        # with a manifest only what it names is read
        if run.manifest is None:
            check_apart(run.input, run.output)
        for name in OWN:
            if run.input.resolve().is_relative_to((run.output / name).resolve()):
                raise ConfigError(
                    f"The recordings in {run.input} lie where the output keeps its own '{name}', and would be removed. "
                    "Give another output."
                )


def fingerprint(values: Any) -> str:
    """A digest of plain values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _with_base(stage: StageSection, base: Path) -> StageSection:
    """A stage whose certificates' paths count from a folder."""
    if stage.remote is None:
        return stage
    files = {key: base / value for key in ("ca", "certificate", "key") if (value := getattr(stage.remote, key))}
    return stage.model_copy(update={"remote": stage.remote.model_copy(update=files)})


def load_pipeline(path: Path) -> PipelineConfig:
    """The configuration in a TOML file; its relative paths count from the file's folder.

    Raises:
        ConfigError: names every unknown, missing or wrong key.
    """
    values = read_toml(path)
    config = PipelineConfig.parse(values)
    base = path.resolve().parent
    run = config.run.model_copy(
        update={
            "input": base / config.run.input,
            "output": base / config.run.output,
            "manifest": base / config.run.manifest if config.run.manifest else None,
        }
    )
    stages = tuple(_with_base(stage, base) for stage in config.stage)
    config = config.model_copy(update={"run": run, "stage": stages})
    config.check()
    return config
