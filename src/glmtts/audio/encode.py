"""Audio to bytes as it is made: pcm, wav, mp3, opus and aac leave chunk by chunk, flac when it is whole.

The compressed formats are FFmpeg's through PyAV, which hands over every packet at once: libsndfile keeps a second of
Opus back and rewrites the beginning of an MP3 at its end. A FLAC stream of unknown length is one that libsndfile and
others refuse, so FLAC waits for the end.
"""

import io
import logging
import struct
from collections.abc import Iterable
from typing import Any, Literal, Protocol

import numpy as np
import soundfile
import soxr

from glmtts.audio.mpeg import bit_rates
from glmtts.errors import ConfigError

logger = logging.getLogger(__name__)
Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
MEDIA_TYPES: dict[Format, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
PCM_RATE = 24000  # what OpenAI's clients expect of headerless samples
MP3_KBPS = 128  # constant, or the highest that a rate has; FFmpeg alone takes 64 for one channel
CODED_RATES = {  # Hz, those that a format has; what comes at another is resampled
    "opus": (8000, 12000, 16000, 24000, 48000),
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    "pcm": (PCM_RATE,),  # headerless samples cannot say their rate, so it is fixed
}
UNKNOWN_LENGTH = 0xFFFFFFFF  # of a stream of WAV, which begins before its end is known; readers take all that comes
LARGEST_WAV = (1 << 32) - (1 << 20)  # bytes of samples: lengths have 32 bits, and the tags come on top
_FFMPEG = {  # container, codec, options of the container
    "mp3": ("mp3", "libmp3lame", {"write_xing": "0"}),  # the Xing header is written at the end, by seeking
    "opus": ("ogg", "libopus", {"page_duration": "20000"}),  # µs: a page each packet
    "aac": ("adts", "aac", {"write_id3v2": "1"}),  # ADTS has no place for tags: they stand in front, as in an MP3
}


class Encoder(Protocol):
    """Takes samples (T,) float32 in ±1, gives the bytes that are ready."""

    def feed(self, samples_T: np.ndarray) -> bytes:
        """Bytes after these further samples."""
        ...

    def finish(self) -> bytes:
        """The last bytes."""
        ...


def coded_rate(format: str, rate: int) -> int:
    """The rate at which a format takes samples at `rate` Hz: the same where it can, else its highest."""
    rates = CODED_RATES.get(format, (rate,))
    return rate if rate in rates else max(rates)


def check_mp3_kbps(kbps: int, rates: Iterable[int]) -> None:
    """Refuse a bit rate that MP3 does not have for sound at one of these rates in Hz: LAME would take another unseen.

    Raises:
        ConfigError: names those that there are for all of them.
    """
    coded = sorted({coded_rate("mp3", rate) for rate in rates})
    known = [one for one in bit_rates(coded[0]) if all(one in bit_rates(rate) for rate in coded)]
    if kbps not in known:
        at = " and ".join(map(str, coded))
        raise ConfigError(f"MP3 at {at} Hz has no {kbps} kbit/s. Choose one of {', '.join(map(str, known))}.")


def encoder(format: Format, rate: int, tags: dict[str, str], mp3_kbps: int | None = None) -> Encoder:
    """An encoder for samples at `rate` Hz; `tags` go into the file where the format has a place for them.

    Raises:
        ConfigError: MP3 has no such bit rate at this rate.
    """
    wanted = coded_rate(format, rate)
    made: Encoder
    if format == "pcm":
        made = _Pcm()
    elif format == "wav":
        made = _Wav(wanted, tags)
    elif format == "flac":
        made = _Flac(wanted, tags)
    else:
        made = _Packets(format, wanted, tags, 1000 * _mp3_kbps(mp3_kbps, wanted) if format == "mp3" else None)
    return made if wanted == rate else _Resampled(made, rate, wanted)


def _mp3_kbps(given: int | None, rate: int) -> int:
    if given is not None:
        check_mp3_kbps(given, [rate])
    return given or min(MP3_KBPS, bit_rates(rate)[-1])


def _integers(samples_T: np.ndarray) -> np.ndarray:
    # not 32768, which +1 would need and 16 bits do not have
    return np.round(np.clip(samples_T, -1, 1) * 32767).astype("<i2")


class _Pcm:
    """Signed 16-bit little-endian samples, nothing else."""

    def feed(self, samples_T: np.ndarray) -> bytes:
        return _integers(samples_T).tobytes()

    def finish(self) -> bytes:
        return b""


class _Wav(_Pcm):
    """PCM after a header whose length says "until the end", since the end is not known when it is sent.

    FFmpeg takes that at its word; libsndfile ends after 4 GiB, a day of speech, so that is told when it is passed.
    """

    def __init__(self, rate: int, tags: dict[str, str]) -> None:
        names = {"artist": b"IART", "comment": b"ICMT", "software": b"ISFT"}
        items = b"".join(_chunk(names[name], text.encode() + b"\0") for name, text in tags.items() if name in names)
        # 1 is PCM, then channels, rate, bytes a second, bytes a frame, bits
        form = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
        head = b"WAVE" + _chunk(b"fmt ", form) + _chunk(b"LIST", b"INFO" + items)
        unknown = struct.pack("<I", UNKNOWN_LENGTH)
        self._header = b"RIFF" + unknown + head + b"data" + unknown
        self._left = LARGEST_WAV

    def feed(self, samples_T: np.ndarray) -> bytes:
        header, self._header = self._header, b""
        before, self._left = self._left, self._left - 2 * len(samples_T)
        if before >= 0 > self._left:
            logger.warning(
                "This WAV has passed 4 GiB, behind which some programs read no further. It goes on, and nothing is "
                "lost; the formats pcm, flac, mp3 and opus have no such end."
            )
        return header + super().feed(samples_T)

    def finish(self) -> bytes:
        return self.feed(np.zeros(0, np.float32))


def _chunk(name: bytes, content: bytes) -> bytes:
    # RIFF: chunks begin at even places, and the length does not count the byte that sees to it
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


class _Flac:
    """A whole file at the end."""

    def __init__(self, rate: int, tags: dict[str, str]) -> None:
        self._rate, self._tags = rate, tags
        self._parts: list[np.ndarray] = []

    def feed(self, samples_T: np.ndarray) -> bytes:
        self._parts.append(_integers(samples_T))
        return b""

    def finish(self) -> bytes:
        buffer = io.BytesIO()
        with soundfile.SoundFile(buffer, "w", self._rate, 1, "PCM_16", format="FLAC") as file:
            for name, text in self._tags.items():
                setattr(file, name, text)
            for part in self._parts:
                file.write(part)
        return buffer.getvalue()


class _Sink:
    """A file that FFmpeg writes and nobody seeks in."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: bytes) -> int:
        self._bytes += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken


class _Packets:
    """Packets of one of FFmpeg's codecs."""

    def __init__(self, format: str, rate: int, tags: dict[str, str], bit_rate: int | None) -> None:
        import av

        container, codec, options = _FFMPEG[format]
        self._sink, self._rate, self._position = _Sink(), rate, 0
        self._container = av.open(self._sink, "w", format=container, options=options)
        self._container.metadata.update(tags)
        stream: Any = self._container.add_stream(codec, rate=rate, layout="mono")
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        self._stream = stream

    def feed(self, samples_T: np.ndarray) -> bytes:
        import av

        if len(samples_T):
            frame = av.AudioFrame.from_ndarray(_integers(samples_T)[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = self._rate, self._position
            self._position += len(samples_T)
            self._container.mux(self._stream.encode(frame))
        return self._sink.take()

    def finish(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._sink.take()


class _Resampled:
    """Another rate in front of an encoder."""

    def __init__(self, inner: Encoder, rate: int, wanted: int) -> None:
        self._inner, self._resampler = inner, soxr.ResampleStream(rate, wanted, 1)

    def feed(self, samples_T: np.ndarray) -> bytes:
        return self._inner.feed(self._resampler.resample_chunk(samples_T))

    def finish(self) -> bytes:
        rest = self._resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        return self._inner.feed(rest) + self._inner.finish()
