"""Recordings of phones and browsers (m4a, webm, …), which libsndfile does not read: FFmpeg's decoders through PyAV.

PyAV is no dependency of the core: its wheels carry an FFmpeg under the GPL and take 100 MB when they are installed.
"""

from pathlib import Path
from typing import Any

import numpy as np

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
        with path.open("rb") as file, av.open(file, format=CONTAINERS[path.suffix.lower()]) as container:
            return _samples(container, path, most_samples, longest)
    except (av.FFmpegError, OSError, ValueError, IndexError):
        raise AudioError(f"{path} cannot be read as audio: it is corrupt or holds none. Convert it to wav.") from None


def _samples(container: Any, path: Path, most_samples: int, longest: float | None) -> tuple[np.ndarray, int]:
    """The first audio stream, frame by frame, so that what a head claims is never allocated."""
    stream = container.streams.audio[0]
    rate, parts, held = int(stream.rate), [np.zeros(0, np.float32)], 0
    most = None if longest is None else int(longest * rate)
    for frame in container.decode(stream):
        channels = len(frame.layout.channels)
        held += frame.samples
        if held * channels > most_samples:
            seconds = most_samples / channels / rate
            raise AudioError(f"{path} is longer than {seconds:.0f} s. Cut it into shorter files.")
        parts.append(_mono(frame.to_ndarray(), frame.format, channels))
        if most is not None and held >= most:
            break
    return np.concatenate(parts)[:most], rate


def _mono(values: np.ndarray, form: Any, channels: int) -> np.ndarray:
    """The mean of the channels (T,) of a frame, which is planar (C, T) or interleaved (1, T × C), in ±1."""
    if not form.is_planar:
        values = values.reshape(-1, channels).T
    if values.dtype.kind == "u":
        values = values.astype(np.float32) / 128 - 1  # eight bits are unsigned, about 128
    elif values.dtype.kind == "i":
        values = values.astype(np.float32) / float(np.iinfo(values.dtype).max + 1)
    return np.asarray(values.astype(np.float32).mean(axis=0))
