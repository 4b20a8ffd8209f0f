"""The pages of an Ogg file (RFC 3533): where it is cut off, or several files are joined, libsndfile does not tell."""

import mmap
from dataclasses import dataclass
from pathlib import Path

_MARK, _HEAD = b"OggS", 27  # what begins a page, and the bytes before the table of its segments
_FIRST = 2  # flag of the page that begins a stream
_MOST_PAGES = 2_000_000  # a second of work; of the usual 4 kB, 8 GB


@dataclass(frozen=True)
class Pages:
    """What the pages tell: `joined`, a stream begins behind another's sound; `cut`, the file ends within a page."""

    joined: bool
    cut: bool


def ogg_pages(path: Path) -> Pages:
    """Walk through the pages of a file; what is no page between them is passed over."""
    if path.stat().st_size == 0:  # which cannot be mapped
        return Pages(False, False)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        place, sound = 0, False
        for _ in range(_MOST_PAGES):
            place = data.find(_MARK, place)
            if place < 0:
                break
            end = _end(data, place)
            if end > len(data):
                return Pages(False, True)
            # streams of one file begin together, before any of their other pages
            begins = bool(data[place + 5] & _FIRST)  # RFC 3533: byte 5 has the flags of a page
            if begins and sound:
                return Pages(True, False)
            place, sound = end, sound or not begins
    return Pages(False, False)


def _end(data: mmap.mmap, place: int) -> int:
    """Where a page ends, beyond the end of the file where it is cut."""
    table = place + _HEAD
    if table > len(data):
        return table
    # the last byte before the table counts its entries, each the length of a segment
    segments = data[table - 1]
    return table + segments + sum(data[table : table + segments])
