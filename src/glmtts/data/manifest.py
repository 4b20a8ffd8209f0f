"""`dataset.json`: what a dataset holds. It is replaced atomically and changed under a lock, so writers can share it."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Literal

from filelock import FileLock, Timeout
from pydantic import Field, NonNegativeFloat, NonNegativeInt

from glmtts import durable
from glmtts.config import Count, StrictConfig
from glmtts.errors import ConfigError, DataError

FILE, LOCK, SCRATCH = "dataset.json", ".lock", ".part-"
INDEX = "index"


class FeatureSpec(StrictConfig):
    """What the arrays of one feature are.

    `rate` is frames a second (0 where frames keep no clock); None says that an utterance has one vector, not frames.
    `shape` is that of a frame, or of the vector. `made_by` names what computed it, such as a model's digest: arrays
    that differ in it do not mix.
    """

    rate: NonNegativeFloat | None
    dtype: str = ""
    shape: tuple[Count, ...] = ()
    made_by: str = ""


# one level down, never elsewhere, as what is replaced is deleted; a colon is that of a drive of Windows
PlainName = Annotated[str, Field(pattern=r"^[^/\\.:\x00][^/\\:\x00]*$")]


class FileEntry(StrictConfig):
    """One file of a shard."""

    file: PlainName
    sha256: str
    bytes: NonNegativeInt
    made_by: str = ""


class ShardEntry(StrictConfig):
    """One shard: its folder, its size, and its files by feature; `index` holds the utterances themselves."""

    folder: PlainName
    utterances: NonNegativeInt
    seconds: NonNegativeFloat
    files: dict[str, FileEntry]


class Manifest(StrictConfig):
    """All that is known of a dataset without opening a shard."""

    format: Literal[1] = 1
    name: str
    provenance: str = ""
    utterances: NonNegativeInt = 0
    seconds: NonNegativeFloat = 0.0
    features: dict[str, FeatureSpec] = Field(default_factory=dict)
    shards: tuple[ShardEntry, ...] = ()

    def with_shards(self, shards: tuple[ShardEntry, ...]) -> "Manifest":
        """The manifest with other shards, counted anew."""
        utterances = sum(shard.utterances for shard in shards)
        seconds = round(sum(shard.seconds for shard in shards), 3)
        return self.model_copy(update={"shards": shards, "utterances": utterances, "seconds": seconds})


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a dataset.

    Raises:
        DataError: there is none, or it is of another format.
    """
    path = folder / FILE
    try:
        return Manifest.parse(json.loads(path.read_text(encoding="utf-8-sig")))
    except OSError:
        raise DataError(
            f"{folder} is no dataset: it holds no {FILE}. Write one with glmtts.data.ShardWriter."
        ) from None
    except RecursionError:  # the parser recurses, and a file of brackets costs it the stack
        raise DataError(f"{path} is nested too deep to be a dataset's. Restore it from a copy.") from None
    except (ValueError, ConfigError) as error:
        raise DataError(f"{path} cannot be read: {error} Restore it from a copy.") from None


def update_manifest(folder: Path, change: Callable[[Manifest], Manifest], name: str | None = None) -> Manifest:
    """Read, change and replace the manifest while no other writer does; gives the new one.

    A dataset that is not there yet begins as one of this `name`, or of its folder's.
    """
    with FileLock(folder / LOCK):
        there = (folder / FILE).exists()
        manifest = change(read_manifest(folder) if there else Manifest(name=name or folder.resolve().name))
        durable.whole_text(folder / FILE, _text(manifest))
    return manifest


def _text(manifest: Manifest) -> str:
    """The manifest as JSON, a shard a line."""
    values = manifest.model_dump(mode="json")
    shards = [json.dumps(shard) for shard in values.pop("shards")]
    head = json.dumps(values, ensure_ascii=False, indent=1).removesuffix("\n}")
    return head + ',\n "shards": [\n  ' + ",\n  ".join(shards) + "\n ]\n}\n"


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A folder inside the dataset for what is not whole yet; removed at the end, or by the next writer after a kill.

    Its owner holds a lock in it, which the system drops when the process dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / LOCK):
        _remove_abandoned(folder)
        # under the dataset's lock until its owner holds its own: another writer would take it for abandoned
        made = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=folder))
        owner = FileLock(made / LOCK)
        owner.acquire()
    try:
        yield made
    finally:
        owner.release()
        shutil.rmtree(made, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    for left in folder.glob(f"{SCRATCH}*"):
        # where the lock is held, its owner lives
        with suppress(Timeout, OSError), FileLock(left / LOCK, timeout=0):
            shutil.rmtree(left)
