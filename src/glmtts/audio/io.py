"""Reading and writing audio files."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from glmtts.audio.provenance import synthetic_tags
from glmtts.audio.resample import resample
from glmtts.errors import AudioError

FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}


def read_audio(path: str | Path) -> tuple[Tensor, int]:
    """Mono float32 samples (T,) and their rate in Hz; several channels are averaged.

    Raises:
        AudioError: the file is missing, no audio, empty, or holds values that are not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise AudioError(f"{path} is not a file. Give the path of a recording (wav, flac, ogg, opus or mp3).")
    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, TypeError):
        raise AudioError(
            f"{path} cannot be read as audio: it is corrupt or of an unknown format. "
            "Convert it to wav, flac, ogg, opus or mp3."
        ) from None
    mono = samples.mean(axis=1)
    if mono.size == 0:
        raise AudioError(f"{path} holds no samples. Record it again.")
    if not np.isfinite(mono).all():
        raise AudioError(f"{path} holds values that are not numbers (NaN or infinity). Export it again.")
    return torch.from_numpy(mono), int(rate)


def load_audio(path: str | Path, rate: int) -> Tensor:
    """Mono float32 samples (T,) at `rate` Hz. Raises AudioError as `read_audio` does."""
    samples, own_rate = read_audio(path)
    return resample(samples, own_rate, rate)


def check_writable(path: str | Path) -> None:
    """Find out before long work whether `path` can be written.

    Raises:
        AudioError: the suffix is unknown, or the folder is missing or not writable.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise AudioError(f"{path} has no known suffix. Use one of {', '.join(FORMATS)}.")
    if path.is_dir():
        raise AudioError(f"{path} is a folder. Give the name of a file.")
    if not path.parent.is_dir():
        raise AudioError(f"The folder {path.parent} does not exist. Create it or choose another path.")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise AudioError(f"{path} cannot be written: {error.strerror}. Choose another path.") from None


@contextmanager
def new_audio(path: Path, rate: int, tags: dict[str, str] | None = None) -> Iterator[soundfile.SoundFile]:
    """A mono file at `rate` Hz, of the format that its suffix names, to write samples to.

    `tags` are soundfile's (`artist`, `comment`, …); by default they say that the speech is synthetic.
    """
    container, subtype = FORMATS[path.suffix.lower()]
    with soundfile.SoundFile(str(path), "w", rate, 1, subtype, format=container) as file:
        for tag, text in (synthetic_tags() if tags is None else tags).items():
            setattr(file, tag, text)
        yield file


def write_audio(path: str | Path, samples_T: Tensor, rate: int, tags: dict[str, str] | None = None) -> None:
    """Write mono samples (T,), clamped to ±1, with `tags` as `new_audio`; the file appears whole or not at all.

    Raises:
        AudioError: nothing to write, an unknown suffix, or a path or disk that does not take it.
    """
    path = Path(path)
    check_writable(path)
    if samples_T.numel() == 0 or not torch.isfinite(samples_T).all():
        raise AudioError("The audio to write is empty or not finite. Synthesise it again.")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        with new_audio(temporary, rate, tags) as file:
            file.write(samples_T.clamp(-1, 1).numpy())
        temporary.chmod(0o644)
        temporary.replace(path)
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        raise AudioError(f"{path} cannot be written: {error}. Free some space or choose another path.") from None
    finally:
        temporary.unlink(missing_ok=True)
