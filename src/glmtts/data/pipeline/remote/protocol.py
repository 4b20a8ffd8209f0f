"""What client and worker agree on.

Two methods of the service `glmtts.pipeline.Stage`: `Describe` gives JSON that says which stage with which options a
worker holds, and `Process` takes clips and gives results, as `wire` packs them. Beside them stands the standard health
service, under the same name.
"""

from collections.abc import Mapping
from typing import Any

from glmtts.data.pipeline.config import fingerprint
from glmtts.data.pipeline.stage import stage_class
from glmtts.version import installed_version

SERVICE = "glmtts.pipeline.Stage"
DESCRIBE, PROCESS = "Describe", "Process"
TOO_LARGE = "larger than max"  # in gRPC's own message
FULL = "the worker's queue is full"


def as_metadata(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """An identity as the metadata of a request."""
    return tuple((f"glmtts-{key}", value) for key, value in values.items())


def path_of(method: str) -> str:
    """The name of a method on the wire."""
    return f"/{SERVICE}/{method}"


def identity(name: str, options: Mapping[str, Any]) -> dict[str, str]:
    """What must be the same on both sides, so that a worker's results are those that the run asks for.

    Raises:
        ConfigError: there is no such stage, or its options are not valid.
    """
    config = stage_class(name).config_class.parse(dict(options))
    digest = fingerprint(config.model_dump(mode="json"))
    return {"stage": name, "options": digest, "version": installed_version()}
