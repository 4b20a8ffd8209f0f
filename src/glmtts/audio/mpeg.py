"""How long an MP3 is by its frames: where no header tells, libsndfile guesses from the first and reads no further.

A recording of varying bit rate that was cut, joined or streamed has none, or a wrong one: three quarters were lost
without a word.
"""

import mmap
from pathlib import Path

_SYNC = 0xFFE00000  # the eleven bits that begin a frame
_LAYER_3 = 1
# kbit/s and Hz by the index in the header, of MPEG 1 and of MPEG 2 and 2.5 (ISO 11172-3, 13818-3)
_KBPS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_MOST_STEPS = 2_000_000  # two seconds of work; twelve hours of sound
_TAG = 10  # bytes of the head of an ID3v2 tag
# what begins a head that counts the frames, whether it has flags, and where the count stands behind its beginning
_COUNTS = ((b"Xing", True, 8), (b"Info", True, 8), (b"VBRI", False, 14))


def bit_rates(rate: int) -> tuple[int, ...]:
    """The bit rates in kbit/s that MP3 has for sound at `rate` Hz, as LAME writes them."""
    version = next(version for version, rates in _RATES.items() if rate in rates)
    # of MPEG 2.5 LAME takes no more than 64, though a header could name more
    return tuple(kbps for kbps in _KBPS[version == 3][1:] if version or kbps <= 64)


def mp3_samples(path: Path) -> int:
    """Samples of a channel in all frames of an MP3 file; what is no frame between them is passed over."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        place, total = _after_tag(data), 0
        for _ in range(_MOST_STEPS):
            if place + 4 > len(data):
                break
            length, samples = _frame(_head(data, place))
            # a frame is one where the next begins behind it, or the file ends: the bits alone also stand by chance
            if length and (place + length + 4 > len(data) or _frame(_head(data, place + length))[0]):
                place, total = place + length, total + samples
            else:
                place = data.find(b"\xff", place + 1)
                if place < 0:
                    break
    return total


def mp3_said(path: Path) -> int | None:
    """Samples of a channel that the file says it has, in its first frame (Xing's head or VBRI's); None without one."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        place = _after_tag(data)
        length, samples = _frame(_head(data, place))
        first = data[place : place + length]
    for mark, flagged, count in _COUNTS:
        at = first.find(mark)
        # the last bit of Xing's flags says that the number of frames follows
        if at > 0 and len(first) >= at + count + 4 and (not flagged or first[at + 7] & 1):
            return samples * int.from_bytes(first[at + count : at + count + 4], "big")
    return None


def _head(data: mmap.mmap, place: int) -> int:
    return int.from_bytes(data[place : place + 4], "big")


def _after_tag(data: mmap.mmap) -> int:
    """Where the first frame may begin: behind a tag with its pictures, whose length has seven bits a byte."""
    if data[:3] != b"ID3" or len(data) < _TAG:
        return 0
    size = 0
    for byte in data[6:_TAG]:
        size = size << 7 | byte & 0x7F
    return min(_TAG + size, len(data))


def _frame(head: int) -> tuple[int, int]:
    """Bytes and samples of the frame that a header begins; 0 where it is none of layer III."""
    version, layer, kbps, rate, padding = head >> 19 & 3, head >> 17 & 3, head >> 12 & 15, head >> 10 & 3, head >> 9 & 1
    # reserved are version 1, rate 3 and 15 of the bit rates; 0 of these leaves the length untold
    if head & _SYNC != _SYNC or version == 1 or layer != _LAYER_3 or not 0 < kbps < 15 or rate == 3:
        return 0, 0
    samples = 1152 if version == 3 else 576  # of layer III in MPEG 1, and in 2 and 2.5
    return samples // 8 * 1000 * _KBPS[version == 3][kbps] // _RATES[version][rate] + padding, samples
