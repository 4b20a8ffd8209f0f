"""Adapters of trained voices, read when they are needed; of those in memory the least recently used leave first.

Registering a voice costs nothing but its path. A request that is under way holds its adapter itself, so that an adapter
which leaves the pool meanwhile lives until the request is done.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from glmtts.adapters import Adapter
from glmtts.bundle import Bundle
from glmtts.errors import BundleError, VoiceError
from glmtts.weights import digest_of

POOL_BYTES = 1 << 30  # 145 voices of mini at a share of 15 %, two of the released model in bfloat16
BASE = ("lm", "flow", "speech_tokenizer")  # the modules on whose weights an adapter depends
Read = Callable[[Path, str], Adapter]


class AdapterPool:
    """Adapters by file and module, in at most `limit` bytes together; threads may share it.

    `read` reads the adapter of a module from a file. One adapter alone may exceed the limit.
    """

    def __init__(self, read: Read, limit: int = POOL_BYTES) -> None:
        self.limit, self._read = limit, read
        self._kept: OrderedDict[tuple[Path, str, int], Adapter] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """Memory of the adapters in the pool."""
        with self._lock:
            return sum(adapter.bytes for adapter in self._kept.values())

    def get(self, path: Path, module: str, network: object) -> Adapter:
        """The adapter of one of a bundle's modules, on the device and in the precision of its network.

        Raises:
            VoiceError: the file is gone or damaged.
            BundleError: the module runs outside torch.
        """
        if not isinstance(network, nn.Module):
            raise BundleError(f"The {module} of this model is a finished program: it takes no trained voices.")
        try:
            # the time of the file is in the key: a voice that is trained anew under its name is another adapter
            key = (path, module, path.stat().st_mtime_ns)
        except OSError:
            raise _gone(path) from None
        with self._lock:
            # read under the lock, else two requests for one new voice would both read it
            if key not in self._kept:
                like = next(network.parameters())
                self._kept[key] = self._read(path, module).to(like.device, like.dtype)
                self._make_room(key)
            self._kept.move_to_end(key)
            return self._kept[key]

    def _make_room(self, newest: tuple[Path, str, int]) -> None:
        total = sum(adapter.bytes for adapter in self._kept.values())
        while total > self.limit and next(iter(self._kept)) != newest:
            total -= self._kept.popitem(last=False)[1].bytes


def _gone(path: Path) -> VoiceError:
    return VoiceError(f"{path} is not there any more. Give another voice.")


def base_of(bundle: Bundle) -> dict[str, str]:
    """The sha256 of the modules of a bundle that a trained voice depends on."""
    return {name: entry.sha256 for name, entry in bundle.config.modules.items() if name in BASE}


@dataclass(frozen=True)
class StoredAdapter:
    """The adapter of a voice: its file, the modules that it adapts, and the pool that keeps it while it is used.

    `base` is what `base_of` gave of the bundle that it was trained for, `base_name` the name of that.
    """

    path: Path
    modules: tuple[str, ...]
    base: Mapping[str, str]
    base_name: str
    pool: AdapterPool

    def check_base(self, bundle: Bundle) -> None:
        """Refuse a bundle whose weights are not those that the adapter was trained for.

        Raises:
            VoiceError: one sentence with the hashes of both.
        """
        own = base_of(bundle)
        for name in BASE:
            if own.get(name) != self.base.get(name):
                theirs, ours = (str(of.get(name))[:12] for of in (self.base, own))
                raise VoiceError(
                    f"{self.path} was trained for the model '{self.base_name}' ({name} {theirs}), and this is "
                    f"'{bundle.config.name}' ({name} {ours}): give that --model, or train the voice for this one."
                )

    def sha256(self) -> str:
        """The hash of the file, which another training writes anew under the same name.

        Raises:
            VoiceError: it is gone.
        """
        try:
            return digest_of(self.path)
        except OSError:
            raise _gone(self.path) from None

    def part(self, module: str, network: object) -> Adapter | None:
        """The adapter of a module, None where the voice does not adapt it. Raises as `AdapterPool.get` does."""
        return self.pool.get(self.path, module, network) if module in self.modules else None
