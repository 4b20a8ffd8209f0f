"""Which utterances a dataset holds already, so that a preparation that runs again does not double them."""

from pathlib import Path

import numpy as np

from glmtts.data.manifest import FILE, Manifest, read_manifest
from glmtts.data.shard import Shard, name_hash
from glmtts.places import is_utf8


class KnownUtterances:
    """The ids of a dataset's utterances: `"id" in known`.

    Held are four bytes an utterance, the hash of its name that the index has for the split; where a hash is known, the
    index is asked. So a million utterances take 4 MB and a second.
    """

    def __init__(self, folder: str | Path) -> None:
        """Read the indexes of the shards that there are now; a folder without a dataset holds nothing.

        Raises:
            DataError: an index cannot be read.
        """
        self._folder, self._own = Path(folder), set[str]()
        there = (self._folder / FILE).exists()
        self._manifest: Manifest | None = read_manifest(self._folder) if there else None
        shards = self._manifest.shards if self._manifest is not None else ()
        # copies: a view keeps its file mapped, and a system opens no more than about a thousand
        found = [np.array(Shard(self._folder / entry.folder, entry).split) for entry in shards]
        self._first = np.cumsum([0, *map(len, found)])
        hashes = np.concatenate([np.zeros(0, np.uint32), *found])
        self._order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._order]

    def __contains__(self, name: object) -> bool:
        # what UTF-8 cannot hold was never written, and has no hash
        if not isinstance(name, str) or self._manifest is None or not is_utf8(name):
            return name in self._own
        if name in self._own:
            return True
        wanted = np.uint32(name_hash(self._manifest.name, name))
        # names of one hash lie side by side
        start, end = (int(np.searchsorted(self._hashes, wanted, side)) for side in ("left", "right"))
        return any(self._id(int(place)) == name for place in self._order[start:end])

    def add(self, name: str) -> None:
        """Remember one that is being written."""
        self._own.add(name)

    def _id(self, place: int) -> str:
        assert self._manifest is not None
        number = int(np.searchsorted(self._first, place, "right")) - 1
        entry = self._manifest.shards[number]
        return Shard(self._folder / entry.folder, entry).utterance(place - int(self._first[number])).id
