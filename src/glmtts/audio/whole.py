"""Whether a file of sound holds what it says: libsndfile gives what it finds, and is silent about the rest.

A download that broke off and files joined end to end would lose speech without a word.
"""

import mmap
import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Literal

import soundfile

from glmtts.audio.mpeg import mp3_said, mp3_samples
from glmtts.audio.ogg import ogg_pages
from glmtts.errors import AudioError

SLACK = 0.1  # seconds; encoders put up to so much before and after
# bytes; recorders that cannot go back write this or more for "until the end", and no recording that we take has as much
_UNKNOWN = 0x7FFF0000
_MOST_CHUNKS = 1000  # of a CAF; they are a dozen
# libsndfile's own account of a head: bytes that it promises, and those that follow it
_PROMISED = re.compile(r"^\s*(?:data|SSND|Data Size|riff|Riff size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
_FLAC = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")  # its mark, and the block of 34 bytes that comes first


def check_whole(path: Path, file: soundfile.SoundFile) -> None:
    """Refuse an opened file that ends before its end, or behind whose end a second one begins.

    Raises:
        AudioError: says which.
    """
    if file.format == "MP3":
        _check_mp3(path, file.frames, file.samplerate)
    elif file.format == "OGG":
        check_ogg(path)
    elif file.format == "FLAC":
        _check_flac(path)
    else:
        _check_head(path, file)
        if file.format in _ENDS:
            _check_end(path, _ENDS[file.format])


def ended_early(path: Path, said: float, held: float) -> AudioError:
    """The error of a file that says `said` seconds and holds `held`."""
    return AudioError(
        f"{path} says that it is {said:.1f} s long and ends, or is damaged, after {held:.1f} s. "
        "Copy it again from where it came, or cut it there."
    )


def check_ogg(path: Path) -> None:
    """Raises AudioError where an Ogg file ends within a page, or is several joined: a stream begins after another."""
    pages = ogg_pages(path)
    if pages.joined:
        raise joined(path)
    # an end between two pages is that of a recording of the radio too, and says nothing of more
    if pages.cut:
        raise AudioError(f"{path} ends in the middle. Copy it again from where it came, or convert it to wav.")


def ends_early(path: Path, file: soundfile.SoundFile, missing: int) -> bool:
    """Whether `missing` frames (T) that were not decoded are lost; of an MP3 without a head they were a guess."""
    return missing > SLACK * file.samplerate and not (file.format == "MP3" and mp3_said(path) is None)


def joined(path: Path) -> AudioError:
    """The error of a file that is several."""
    return AudioError(
        f"{path} is several recordings joined end to end, of which only the first would be read. "
        "Give them one by one, or convert it to wav."
    )


def _check_mp3(path: Path, frames: int, rate: int) -> None:
    counted = mp3_samples(path)
    # without a head, libsndfile guesses from the first frame
    # only where there is more: a guess from a silent first frame is ten times too long (test_whole.py)
    if counted > 1.05 * frames + rate / 2:
        raise AudioError(
            f"{path} says that it is {frames / rate:.0f} s long and holds {counted / rate:.0f} s. Convert it to wav."
        )


def _check_flac(path: Path) -> None:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if len(_FLAC.findall(data)) > 1:
            raise joined(path)


def _check_head(path: Path, file: soundfile.SoundFile) -> None:
    for promised, held in _PROMISED.findall(file.extra_info):
        lost = int(promised) - int(held)
        width = int(held) / file.frames if file.frames else 2 * file.channels  # bytes of a frame
        if int(promised) < _UNKNOWN and lost > SLACK * file.samplerate * width:
            seconds = file.frames / file.samplerate
            raise ended_early(path, seconds + lost / width / file.samplerate, seconds)


def _check_end(path: Path, end_of: Callable[[BinaryIO], int]) -> None:
    """Raises AudioError where a file's own mark stands again at the end that its head tells: a second one begins."""
    with path.open("rb") as file:
        mark, end = file.read(4), end_of(file)
        if end < path.stat().st_size:  # a head may claim more than a file can be
            file.seek(end)
            if file.read(4) == mark:
                raise joined(path)


def _end_of_au(file: BinaryIO) -> int:
    """Where the data of a file of Sun ends: offset and length stand behind the mark, which tells their order."""
    file.seek(0)
    order: Literal["big", "little"] = "big" if file.read(4) == b".snd" else "little"
    return sum(int.from_bytes(file.read(4), order) for _ in range(2))


def _end_of_caf(file: BinaryIO) -> int:
    """Where the last chunk of Apple's Core Audio Format ends; of a chunk of unknown length, −1, the file ends first."""
    length, place = file.seek(0, 2), 8
    for _ in range(_MOST_CHUNKS):
        if place >= length:
            break
        file.seek(place)
        kind, size = file.read(4), int.from_bytes(file.read(8), "big", signed=True)
        if kind == b"caff" or size < 0:
            break
        place += 12 + size
    return place


def _end_of_w64(file: BinaryIO) -> int:
    """What the head of a Wave64 says of the whole file's length, behind 16 bytes of its mark."""
    file.seek(16)
    return int.from_bytes(file.read(8), "little")


_ENDS = {"AU": _end_of_au, "CAF": _end_of_caf, "W64": _end_of_w64}
