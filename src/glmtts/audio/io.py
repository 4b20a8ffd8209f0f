"""Reading and writing audio files; what is written may be a tensor or NumPy's."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import soundfile
import soxr
from numpy.typing import ArrayLike

from glmtts import durable
from glmtts.audio.bounds import HIGHEST_RATE, LOUDEST, LOWEST_RATE
from glmtts.audio.containers import CONTAINERS, decode
from glmtts.audio.encode import LARGEST_WAV, coded_rate
from glmtts.audio.provenance import synthetic_tags
from glmtts.audio.whole import check_ogg, check_whole, ended_early, ends_early
from glmtts.errors import AudioError
from glmtts.places import is_file, is_folder, name_for_c, status

if TYPE_CHECKING:
    from torch import Tensor

FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}

AUDIO_SUFFIXES = (*FORMATS, ".aif", ".aiff", ".caf", ".au", *CONTAINERS)  # of recordings
MOST_CHANNELS = 8  # those of 7.1; a choice
MOST_SAMPLES = 180_000_000  # of all channels: an hour at 48 kHz; 0.7 GB when decoded
BLOCK = 1 << 16  # frames
SYSTEM_ERROR = 2  # libsndfile's code of a call that the system refused
UNKNOWN_LENGTH = (1 << 63) - 1  # frames, as libsndfile has it: it loses the end of such a file


def read_audio(path: str | Path, longest: float | None = None) -> tuple[Tensor, int]:
    """Mono float32 samples (T,) and their rate in Hz; several channels are averaged.

    With `longest`, only so many seconds of the beginning are decoded. Compressed silence expands by four thousand, so
    what a file holds is bounded before it is decoded, and it is decoded block by block, since its head may lie.
    The suffix decides whether FFmpeg reads it (containers.py); the server, which has strangers' files, gives its own.

    Raises:
        AudioError: the file is missing, no audio, empty, cut off, joined of several, too long, has too many channels or
            an unusual rate, or holds values that are not finite or far from ±1.
    """
    import torch

    mono, rate = read_array(path, longest)
    return torch.from_numpy(mono), rate


def read_array(path: str | Path, longest: float | None = None) -> tuple[np.ndarray, int]:
    """As `read_audio`, samples (T,) as an array."""
    path = Path(path)
    if path.suffix.lower() in CONTAINERS:
        mono, rate = decode(path, MOST_SAMPLES, longest)
        check_shape(path, rate, 1)
    else:
        mono, rate = _read(path, longest)
    if mono.size == 0:
        raise AudioError(f"{path} holds no samples, or says so. Record or copy it again.")
    if not np.isfinite(mono).all():
        raise AudioError(f"{path} holds values that are not numbers (NaN or infinity). Export it again.")
    if np.abs(mono).max() > LOUDEST:
        raise AudioError(f"{path} holds values far beyond ±1. Export it again, as 16-bit samples.")
    return mono, rate


def _read(path: Path, longest: float | None) -> tuple[np.ndarray, int]:
    with _opened(path) as file:
        most = file.frames if longest is None else int(longest * file.samplerate)
        if file.frames <= most:
            check_whole(path, file)
        if min(most, file.frames) * file.channels > MOST_SAMPLES:
            seconds = MOST_SAMPLES / file.channels / file.samplerate
            raise AudioError(f"{path} is longer than {seconds:.0f} s. Cut it into shorter files.")
        return _decoded(path, file, min(most, MOST_SAMPLES // file.channels)), int(file.samplerate)


def read_span(path: Path, start: int, end: int) -> np.ndarray:
    """The frames from `start` up to `end` of a file of any length, mono float32 (T,); nothing else is decoded.

    Raises:
        AudioError: the file is missing or no audio, or ends before.
    """
    with _opened(path) as file:
        if file.frames < end:
            raise ended_early(path, end / file.samplerate, file.frames / file.samplerate)
        file.seek(start)
        return _decoded(path, file, end - start)


def load_audio(path: str | Path, rate: int, longest: float | None = None) -> Tensor:
    """Mono float32 samples (T,) at `rate` Hz, at most `longest` seconds. Raises AudioError as `read_audio` does."""
    from glmtts.audio.resample import resample

    samples, own_rate = read_audio(path, longest)
    return resample(samples, own_rate, rate)


def audio_seconds(path: str | Path) -> float:
    """How long a file is by its own account. Raises AudioError where it is missing or no audio of ours."""
    with _opened(Path(path)) as file:
        return float(file.frames / file.samplerate)


@contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    """A file whose rate and channels are those of a recording."""
    if not is_file(path, AudioError):
        raise AudioError(f"{path} is not a file. Give the path of a recording (wav, flac, ogg, opus or mp3).")
    try:
        with soundfile.SoundFile(name_for_c(path)) as file:
            check_shape(path, file.samplerate, file.channels)
            if file.frames == UNKNOWN_LENGTH:
                raise AudioError(
                    f"{path} does not say how long it is, as a FLAC file that was written as a stream. "
                    "Convert it to wav."
                )
            yield file
    except (soundfile.LibsndfileError, RuntimeError, TypeError):
        check_ogg(path)
        raise AudioError(
            f"{path} cannot be read as audio: it is corrupt, cut off or of an unknown format. "
            "Copy it again, or convert it to wav, flac, ogg, opus or mp3."
        ) from None


def check_shape(path: Path, rate: int, channels: int) -> None:
    """Raises AudioError where rate (Hz) or channels are not those of a recording."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE or channels > MOST_CHANNELS:
        raise AudioError(
            f"{path} has {channels} channels at {rate} Hz; taken are up to {MOST_CHANNELS} at {LOWEST_RATE} to "
            f"{HIGHEST_RATE} Hz. Convert it."
        )


def _decoded(path: Path, file: soundfile.SoundFile, most: int) -> np.ndarray:
    """The mean of the channels (T,) of at most `most` frames. Raises AudioError where fewer are there than it says."""
    parts, left = [np.zeros(0, np.float32)], min(most, file.frames)
    whole = left
    try:
        while left > 0 and len(block := file.read(min(left, BLOCK), dtype="float32", always_2d=True)):
            parts.append(block.mean(axis=1))
            left -= len(block)
    except soundfile.LibsndfileError:  # a FLAC file that was cut; of others libsndfile gives what there is
        raise ended_early(path, file.frames / file.samplerate, file.tell() / file.samplerate) from None
    if ends_early(path, file, left):
        raise ended_early(path, file.frames / file.samplerate, (whole - left) / file.samplerate)
    return np.concatenate(parts)


def check_writable(path: str | Path) -> None:
    """Find out before long work whether `path` can be written.

    Raises:
        AudioError: the suffix is unknown, or the folder is missing or not writable.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise AudioError(f"{path} has no known suffix. Use one of {', '.join(FORMATS)}.")
    check_place(path)


def check_place(path: Path) -> None:
    """Raises AudioError where no file can be written at `path`."""
    if is_folder(path, AudioError):
        raise AudioError(f"{path} is a folder. Give the name of a file.")
    status(path.with_name(f".{path.name}.part"), AudioError)  # by that longer name most files are written first
    if not is_folder(path.parent, AudioError):
        raise AudioError(f"The folder {path.parent} does not exist. Create it or choose another path.")
    try:
        # by trying: permissions alone do not tell of a disk that takes nothing
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise AudioError(f"{path} cannot be written: {error.strerror}. Choose another path.") from None


class AudioWriter(Protocol):
    """Takes samples (T,), of whole numbers or in ±1."""

    def write(self, samples_T: np.ndarray) -> None:
        """Append samples."""
        ...


class _Resampled:
    """Another rate in front of a file."""

    def __init__(self, file: soundfile.SoundFile, rate: int) -> None:
        self._file, self._resampler = file, soxr.ResampleStream(rate, file.samplerate, 1)

    def write(self, samples_T: np.ndarray, last: bool = False) -> None:
        scale = -float(np.iinfo(samples_T.dtype).min) if samples_T.dtype.kind == "i" else 1.0
        made = self._resampler.resample_chunk((samples_T / scale).astype(np.float32), last=last)
        self._file.write(made.clip(-1, 1))  # a filter may swing beyond what it was given


@contextmanager
def new_audio(
    target: Path | io.BytesIO, rate: int, samples: int, tags: dict[str, str] | None = None, suffix: str | None = None
) -> Iterator[AudioWriter]:
    """A mono file to write so many samples at `rate` Hz to, of the format that its suffix, or `suffix`, names.

    Where the format has no such rate, they are resampled (audio/encode.py). What is too long for the lengths of WAV,
    such as a day of speech, is written as RF64 (EBU Tech 3306), which the usual programs read as WAV.
    `tags` are soundfile's (`artist`, `comment`, …); by default they say that the speech is synthetic.
    """
    ending = suffix or (target.suffix if isinstance(target, Path) else ".wav")
    container, subtype = FORMATS[ending.lower()]
    if container == "WAV" and 2 * samples > LARGEST_WAV:
        container = "RF64"
    place = name_for_c(target) if isinstance(target, Path) else target
    coded = coded_rate(ending.lower().lstrip("."), rate)
    with soundfile.SoundFile(place, "w", coded, 1, subtype, format=container) as file:
        for tag, text in (synthetic_tags() if tags is None else tags).items():
            setattr(file, tag, text)
        if coded == rate:
            yield file
        else:
            resampled = _Resampled(file, rate)
            yield resampled
            resampled.write(np.zeros(0, np.float32), last=True)


def audio_bytes(samples_T: ArrayLike, rate: int, form: str = "wav", tags: dict[str, str] | None = None) -> bytes:
    """Mono samples (T,), clamped to ±1, as a file of the format (`wav`, `flac`, …) in memory.

    Raises:
        AudioError: there is no such format, or nothing to write.
    """
    suffix = f".{form.lower().lstrip('.')}"
    if suffix not in FORMATS:
        known = ", ".join(name.lstrip(".") for name in FORMATS)
        raise AudioError(f"There is no format '{form}'. Use one of {known}.")
    samples = _checked(samples_T)
    buffer = io.BytesIO()
    with new_audio(buffer, rate, len(samples), tags, suffix) as file:
        file.write(samples)
    return buffer.getvalue()


def _checked(samples_T: ArrayLike) -> np.ndarray:
    samples = np.asarray(samples_T)
    if samples.size == 0 or not np.isfinite(samples).all():
        raise AudioError("The audio to write is empty or not finite. Synthesise it again.")
    return samples.clip(-1, 1)


def _temporary(path: Path) -> Path:
    """A new empty file beside `path`. Raises AudioError where the folder takes none."""
    with durable.writable(path, AudioError, "Choose another path."):
        return durable.new_beside(path, path.suffix)  # by which libsndfile knows the format


def write_audio(path: str | Path, samples_T: ArrayLike, rate: int, tags: dict[str, str] | None = None) -> None:
    """Write mono samples (T,), clamped to ±1, with `tags` as `new_audio`; the file appears whole or not at all.

    Raises:
        AudioError: nothing to write, an unknown suffix, or a path or disk that does not take it.
    """
    path = Path(path)
    check_writable(path)
    samples = _checked(samples_T)
    temporary = _temporary(path)
    try:
        with durable.filled(temporary, path), new_audio(temporary, rate, len(samples), tags) as file:
            file.write(samples)
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        raise unwritable(path, error, "Free some space or choose another path.") from None


def unwritable(place: Path, error: Exception, cure: str) -> AudioError:
    """What to say where the writing of audio to a place failed, with `cure` what to do."""
    if isinstance(error, durable.NotKeptError):
        return AudioError(str(error))
    # libsndfile knows no more of a disk that is full than "System error."
    full = isinstance(error, soundfile.LibsndfileError) and error.code == SYSTEM_ERROR
    reason = "the disk does not take all of it" if full else str(error).rstrip(".")
    return AudioError(f"{place} cannot be written: {reason}. {cure}")
