"""Recordings of phones and browsers (m4a, webm, …), which libsndfile does not read: FFmpeg's decoders through PyAV.

PyAV is no dependency of the core: its wheels carry an FFmpeg under the GPL and take 100 MB when they are installed.
"""

from pathlib import Path
from typing import Any

import numpy as np

from glmtts.audio.whole import SLACK, ended_early, joined
from glmtts.errors import AudioError
from glmtts.places import is_file

CONTAINERS = {  # suffix → FFmpeg's demuxer; no other is opened, since a playlist names further files and addresses
    ".m4a": "mov",
    ".mp4": "mov",
    ".mov": "mov",
    ".3gp": "mov",
    ".webm": "matroska",
    ".mka": "matroska",
    ".mkv": "matroska",
    ".aac": "aac",
    ".amr": "amr",
}
_MOST_BOXES = 100_000  # half a second of work; fragments of a second, two each, make half a day


def decode(path: Path, most_samples: int, longest: float | None = None) -> tuple[np.ndarray, int]:
    """Mono float32 samples (T,) and their rate in Hz, at most `longest` seconds of the first audio stream.

    Raises:
        AudioError: PyAV is not installed, or the file is missing, no audio, or holds more than `most_samples` of all
            channels.
    """
    if not is_file(path, AudioError):
        raise AudioError(f"{path} is not a file. Give the path of a recording.")
    try:
        import av
    except ImportError:
        raise AudioError(
            f"{path} needs another package to be read: pip install 'glm-tts[formats]'. Or convert it to wav or flac."
        ) from None
    try:
        if CONTAINERS[path.suffix.lower()] == "mov" and _films(path) > 1:
            raise joined(path)
        with path.open("rb") as file, av.open(file, format=CONTAINERS[path.suffix.lower()]) as container:
            return _samples(container, path, most_samples, longest)
    # AttributeError: a stream of an unknown codec has no rate
    except (av.FFmpegError, OSError, ValueError, IndexError, AttributeError):
        raise AudioError(
            f"{path} cannot be read as audio: it is corrupt, cut off or holds none. "
            "Copy it again, or convert it to wav."
        ) from None


def _samples(container: Any, path: Path, most_samples: int, longest: float | None) -> tuple[np.ndarray, int]:
    """The first audio stream, frame by frame, so that what a head claims is never allocated."""
    stream = container.streams.audio[0]
    rate, parts, held, end = int(stream.rate), [np.zeros(0, np.float32)], 0, 0.0
    most = None if longest is None else int(longest * rate)
    for frame in container.decode(stream):
        channels = len(frame.layout.channels)
        if frame.sample_rate != rate:  # frames of AAC say their own
            raise joined(path)
        held += frame.samples
        if held * channels > most_samples:
            seconds = most_samples / channels / rate
            raise AudioError(f"{path} is longer than {seconds:.0f} s. Cut it into shorter files.")
        parts.append(_mono(frame.to_ndarray(), frame.format, channels))
        # its own time: an encoder may leave silence out, so that the samples alone are fewer
        end = (frame.time or 0.0) + frame.samples / rate
        if most is not None and held >= most:
            break
    else:
        said = _seconds(container, stream)
        if end + SLACK < said:
            raise ended_early(path, said, end)
    return np.concatenate(parts)[:most], rate


def _seconds(container: Any, stream: Any) -> float:
    """How long a Matroska file says that its sound is; 0 where it does not, or other streams may be the longer ones.

    FFmpeg itself refuses those of the other containers that are cut.
    """
    alone = len(container.streams) == 1 and "matroska" in container.format.name
    return container.duration / 1e6 if alone and container.duration else 0.0


def _films(path: Path) -> int:
    """How many films an MP4 file holds by its boxes: of two that were joined end to end FFmpeg reads one, silently."""
    found = 0
    with path.open("rb") as file:
        for _ in range(_MOST_BOXES):
            head = file.read(8)
            size, kind = int.from_bytes(head[:4], "big"), head[4:]
            if size == 1:  # the size does not fit, and follows
                size = int.from_bytes(file.read(8), "big") - 8
            if size < 8:  # 0: to the end of the file
                return found + (kind == b"moov")
            found += kind == b"moov"
            file.seek(size - 8, 1)
    return found


def _mono(values: np.ndarray, form: Any, channels: int) -> np.ndarray:
    """The mean of the channels (T,) of a frame, which is planar (C, T) or interleaved (1, T × C), in ±1."""
    if not form.is_planar:
        values = values.reshape(-1, channels).T
    if values.dtype.kind == "u":
        values = values.astype(np.float32) / 128 - 1  # eight bits are unsigned, about 128
    elif values.dtype.kind == "i":
        values = values.astype(np.float32) / float(np.iinfo(values.dtype).max + 1)
    return np.asarray(values.astype(np.float32).mean(axis=0))
