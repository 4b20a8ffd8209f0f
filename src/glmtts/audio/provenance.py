"""What a file says of its making: tags that name the software and the model, and say that the speech is synthetic.

Tags are not a watermark: whoever converts or strips a file removes them. They inform; they prove nothing.
"""

from pathlib import Path

import soundfile

from glmtts.errors import AudioError
from glmtts.places import is_file, name_for_c
from glmtts.version import installed_version

MARK = "Synthetic speech"
CONTAINERS = "aac,flac,matroska,webm,mov,mp3,mp4,m4a,ogg,wav"  # of FFmpeg, for what libsndfile does not read
_TAGS = ("artist", "comment", "software", "title", "encoder", "genre")


def synthetic_tags(model: str | None = None) -> dict[str, str]:
    """Tags for a file of synthetic speech.

    Players show `artist`; MP3 files of FFmpeg keep their comment where libsndfile does not see it. So both say it.
    """
    software = f"glm-tts {installed_version()}"
    source = f"{software} with the model {model}" if model else software
    return {"artist": f"{MARK} ({software})", "comment": f"{MARK}, made by {source}.", "software": software}


def read_tags(path: str | Path) -> dict[str, str]:
    """The tags of an audio file: wav, flac, ogg, opus, mp3; and aac where PyAV is installed.

    Raises:
        AudioError: the file is missing or cannot be read as audio.
    """
    path = Path(path)
    if not is_file(path, AudioError):
        raise AudioError(f"{path} is not a file. Give the path of an audio file.")
    try:
        with soundfile.SoundFile(name_for_c(path)) as file:
            return {name: text for name, text in file.copy_metadata().items() if text}
    except (soundfile.LibsndfileError, RuntimeError, TypeError):
        return _read_with_ffmpeg(path)


def _read_with_ffmpeg(path: Path) -> dict[str, str]:
    try:
        import av
    except ImportError:
        raise AudioError(
            f"{path} cannot be read: it is no wav, flac, ogg, opus or mp3. For other formats: pip install av."
        ) from None
    try:  # a name such as http:/… would be taken for an address, and a playlist names further files to open
        with path.open("rb") as file, av.open(file, options={"format_whitelist": CONTAINERS}) as container:
            return {name.lower(): text for name, text in container.metadata.items() if text}
    except (av.FFmpegError, OSError, ValueError):
        raise AudioError(f"{path} cannot be read as audio. Give an audio file.") from None


def synthetic_mark(path: str | Path) -> str | None:
    """The tag by which a file says that its speech is synthetic; None where it says nothing.

    Raises:
        AudioError: the file is missing or cannot be read as audio.
    """
    tags = read_tags(path)
    marked = [tags[name] for name in ("comment", *_TAGS) if MARK.lower() in tags.get(name, "").lower()]
    return marked[0] if marked else None
