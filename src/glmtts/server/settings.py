"""What the operator of a server decides."""

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import AfterValidator, Field, model_validator

from glmtts.config import StrictConfig
from glmtts.errors import ConfigError

_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)*", re.ASCII)
_PORTS = {"http": 80, "https": 443}  # those that a browser leaves out
LARGEST_YAML = 64 * 1024  # bytes


def data_folder() -> Path:
    """Where added voices are kept by default, as the XDG base directory specification says.

    Raises:
        ConfigError: the user has no home, as in a container that runs under any number.
    """
    try:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    except RuntimeError:
        raise ConfigError("This user has no home. Give the folder of added voices with --voices.") from None
    return Path(base) / "glm-tts" / "voices"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address or name."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        # RFC 6761: all names below `localhost` are the loopback address
        return host == "localhost" or host.endswith(".localhost")


def _key(key: str) -> str:
    if not key or any(sign.isspace() for sign in key):
        raise ValueError("an API key is empty or has blanks, and would open the server or never fit")
    return key


def _origin(origin: str) -> str:
    """An origin as a browser sends it: in small letters, without the usual port."""
    found = re.fullmatch(r"(https?)://([^/:]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?", origin.lower())
    if origin == "*":
        return origin
    if found is None or not (_HOST.fullmatch(found[2]) or _is_address(found[2].strip("[]"))):
        raise ValueError(
            "an origin is written as a browser sends it: https://example.org, without a path, in ASCII (xn--…)"
        )
    port = int(found[3] or _PORTS[found[1]])
    if not 0 < port < 1 << 16:
        raise ValueError("the port of an origin is from 1 to 65535")
    return f"{found[1]}://{found[2]}" + (f":{port}" if port != _PORTS[found[1]] else "")


def _host(host: str) -> str:
    name = host.strip("[]").lower()
    if not (_HOST.fullmatch(name) or _is_address(name)):
        raise ValueError(
            "a host name is written without scheme, port and path, in ASCII (tts.example.org), or it would never fit"
        )
    return name


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class ServerSettings(StrictConfig):
    """Limits, keys and places of a server.

    `workers` requests are spoken at a time; `queue_size` more wait, the next is refused with 429. A request that is
    not finished after `request_timeout` seconds is given up. After SIGTERM, running requests have `drain_seconds`.
    Voices are cloned on a thread of their own, one after the other, with `clone_queue_size` and `clone_timeout`.

    `cors` are origins whose pages may use the server; `allowed_hosts` are its names beside those of the loopback
    address, `any_host` lifts that check. A head must come within `header_seconds`; a connection whose client takes
    nothing for `stall_seconds`, and a WebSocket that says nothing for `idle_seconds`, is closed.

    `aliases` are further names of voices. With `strict`, unknown fields are refused. `mp3_kbps` is a bit rate of MP3
    that the rate of the model's speech has (audio/encode.py); by default 128, or the highest where that is less.
    """

    voices_folder: Path = Field(default_factory=data_folder)
    api_keys: tuple[Annotated[str, AfterValidator(_key)], ...] = ()
    cors: tuple[Annotated[str, AfterValidator(_origin)], ...] = ()
    allowed_hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = ()
    any_host: bool = False
    aliases: dict[Annotated[str, Field(min_length=1, max_length=64)], str] = Field(default={})
    strict: bool = False
    mp3_kbps: int | None = Field(default=None, ge=8, le=320)
    max_characters: int = Field(default=4096, ge=1)  # OpenAI's own limit
    max_upload_bytes: int = Field(default=10 * 2**20, ge=1024)
    max_recording_seconds: float = Field(default=120, gt=1)
    workers: int = Field(default=8, ge=1)
    queue_size: int = Field(default=32, ge=1)
    request_timeout: float = Field(default=300, gt=0)
    clone_queue_size: int = Field(default=4, ge=1)
    clone_timeout: float = Field(default=120, gt=0)
    drain_seconds: float = Field(default=30, ge=0)
    max_connections: int = Field(default=256, ge=1)
    header_seconds: float = Field(default=10, gt=0)
    stall_seconds: float = Field(default=60, gt=0)
    idle_seconds: float = Field(default=60, gt=0)

    def portable(self) -> dict[str, Any]:
        """The settings as JSON values for a process with another working folder; `parse` gives them back."""
        return self.model_dump(mode="json") | {"voices_folder": str(self.voices_folder.resolve())}

    def listening(self, host: str, insecure: bool = False) -> Self:
        """The settings for a server at this address.

        A server with keys that others reach answers to every name: a foreign page does not know a key.

        Raises:
            ConfigError: anyone could use it, and nobody said that this is meant.
        """
        if "*" in self.cors and not (self.api_keys or insecure):
            raise ConfigError("--cors '*' lets every web page use this server. Give --api-key too, or name the sites.")
        if is_loopback(host):
            return self
        if not (self.api_keys or insecure):
            raise ConfigError(
                f"At {host} anyone who reaches this machine could use the server. Give --api-key KEY, "
                "or say that this is meant: --insecure."
            )
        return self.model_copy(update={"any_host": not self.allowed_hosts})


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

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max_replicas < self.min_replicas:
            raise ValueError(
                f"max_replicas is {self.max_replicas}, below min_replicas, {self.min_replicas}; give it at least that"
            )
        return self

    @classmethod
    def read(cls, path: Path) -> Self:
        """Settings from a YAML file.

        Raises:
            ConfigError: the file is missing, no YAML, or holds what these settings do not know.
        """
        try:
            with path.open("rb") as file:
                values = yaml.safe_load(file.read(LARGEST_YAML).decode("utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise ConfigError(f"{path} cannot be read as YAML: {error}") from None
        except RecursionError:
            raise ConfigError(f"{path} is nested too deep to hold settings. Give the right file.") from None
        if not isinstance(values, dict):
            raise ConfigError(f"{path} holds no settings. Write lines such as: max_replicas: 4")
        return cls.parse(values)
