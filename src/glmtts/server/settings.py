"""What the operator of a server decides."""

import os
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import Field

from glmtts.config import StrictConfig
from glmtts.errors import ConfigError


def data_folder() -> Path:
    """Where added voices are kept by default, as the XDG base directory specification says."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "glm-tts" / "voices"


class ServerSettings(StrictConfig):
    """Limits, keys and places of a server.

    `workers` requests are spoken at a time; `queue_size` more wait, the next is refused with 429. A request that is
    not finished after `request_timeout` seconds is given up. After SIGTERM, running requests have `drain_seconds`.
    """

    voices_folder: Path = Field(default_factory=data_folder)
    api_keys: tuple[str, ...] = ()
    max_characters: int = Field(default=4096, ge=1)
    max_upload_bytes: int = Field(default=10 * 2**20, ge=1024)
    max_recording_seconds: float = Field(default=120, gt=1)
    workers: int = Field(default=8, ge=1)
    queue_size: int = Field(default=32, ge=1)
    request_timeout: float = Field(default=300, gt=0)
    drain_seconds: float = Field(default=30, ge=0)

    def portable(self) -> dict[str, Any]:
        """The settings as JSON values for a process with another working folder; `parse` gives them back."""
        return self.model_dump(mode="json") | {"voices_folder": str(self.voices_folder.resolve())}


class ReplicaSettings(StrictConfig):
    """Replicas of the server under Ray Serve: between two bounds, as many as the load asks for.

    A replica is added where each has more than `target_ongoing_requests` at a time. `cpus` and `gpus` are what Ray
    reserves for each, on whatever machine of the cluster has them.
    """

    min_replicas: int = Field(default=1, ge=1)
    max_replicas: int = Field(default=1, ge=1)
    target_ongoing_requests: float = Field(default=2, gt=0)
    max_ongoing_requests: int = Field(default=64, ge=1)
    cpus: float = Field(default=1, gt=0)
    gpus: float = Field(default=0, ge=0)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Settings from a YAML file.

        Raises:
            ConfigError: the file is missing, no YAML, or holds what these settings do not know.
        """
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise ConfigError(f"{path} cannot be read as YAML: {error}") from None
        if not isinstance(values, dict):
            raise ConfigError(f"{path} holds no settings. Write lines such as: max_replicas: 4")
        return cls.parse(values)
