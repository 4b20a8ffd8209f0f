"""Any recording that FFmpeg reads, as blocks of mono samples at its own rate, with its damaged parts as silence.

Decoding in blocks keeps memory flat, whatever the file holds. Damage takes the time that it would have taken: what
comes after it stays where it was, and the lost span is known.
"""

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

import av
import numpy as np
from av.audio.frame import AudioFrame

from glmtts.audio.bounds import HIGHEST_RATE, LOUDEST, LOWEST_RATE
from glmtts.data.pipeline.inputs import UNREADABLE
from glmtts.errors import DataError

MOST_CHANNELS = 64  # a choice; a header that says more is likely damaged
FORMATS = "wav,w64,mp3,flac,ogg,mov,matroska,aac,aiff,au,caf,asf,amr,ac3,eac3,mpegts,mpeg,avi,flv,ape,wv,tta,3gp"
MOST_LOST = 60  # seconds of one damaged packet; its container may claim anything
GAP = 0.1  # seconds between what time stamps say and what was decoded; Matroska rounds to 1 ms, MP3 skips 25
NO_AUDIO = "not audio, or corrupt from the start"
CORRUPT, NOT_FINITE, RATE_CHANGES = "corrupt", "values far beyond ±1 or not finite", "sample rate changes"


@dataclass(frozen=True)
class Block:
    """Mono float32 samples (T,), or `lost` of them with the reason why."""

    wave: np.ndarray
    lost: int = 0
    reason: str = ""

    @property
    def samples(self) -> int:
        """Its length, lost or not."""
        return self.lost or len(self.wave)


class Decoder:
    """The first audio stream of a file. Use it as a context manager.

    Raises:
        DataError: the file is empty, no recording, or of a rate or number of channels that no recording has; the
            message is a short reason.
    """

    def __init__(self, path: Path) -> None:
        try:
            if path.stat().st_size == 0:
                raise DataError("empty file")
            self._file = path.open("rb")
        except OSError as error:
            raise unreadable(error) from None
        try:
            self._open()
        except BaseException:
            self._file.close()
            raise

    def _open(self) -> None:
        options = {"format_whitelist": FORMATS, "protocol_whitelist": "none"}
        try:
            # a file object and no way to open others: play lists and the like would reach outside the folder
            self._container: Any = av.open(
                self._file, options=options, io_open=_refuse, metadata_errors="replace", timeout=(60, 60)
            )
        except (av.FFmpegError, ValueError, EOFError):
            raise DataError(NO_AUDIO) from None
        except OSError as error:  # not FFmpeg's, but the disk's
            raise unreadable(error) from None
        if not self._container.streams.audio:
            raise DataError("no audio in it")
        self._stream = self._container.streams.audio[0]
        self.streams = len(self._container.streams.audio)
        self._origin: int | None = None  # time stamp of sample 0
        self._samples = 0  # decoded or known to be lost so far
        context = self._stream.codec_context
        if context is None:  # FFmpeg has no decoder for it
            raise DataError("of a codec that cannot be decoded")
        self.rate, self.channels, self.codec = int(context.sample_rate or 0), int(context.channels), context.name
        if not self.rate or not self.channels:
            raise DataError(NO_AUDIO)
        if not LOWEST_RATE <= self.rate <= HIGHEST_RATE or not 1 <= self.channels <= MOST_CHANNELS:
            raise DataError(f"{self.channels} channels at {self.rate} Hz")

    @property
    def declared_seconds(self) -> float:
        """What the file says of its length; 0 where it says nothing."""
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        return float(Fraction(self._container.duration or 0, av.time_base))

    def blocks(self) -> Iterator[Block]:
        """The whole stream, about a second at a time."""
        packets = self._container.demux(self._stream)
        waiting: list[np.ndarray] = []
        for block in self._decoded(packets):
            # before the next frame is decoded, whose time stamp `_gap` compares with it
            self._samples += block.samples
            if not block.lost:
                waiting.append(block.wave)
                if sum(map(len, waiting)) < self.rate:
                    continue
            if waiting:
                yield _checked(np.concatenate(waiting))
                waiting = []
            if block.lost:
                yield block
        if waiting:
            yield _checked(np.concatenate(waiting))

    def _decoded(self, packets: Iterator[Any]) -> Iterator[Block]:
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.FFmpegError, ValueError):  # the container breaks off: nothing more is known
                return
            except OSError as error:  # not FFmpeg's, but the disk's
                raise unreadable(error) from None
            try:
                frames = packet.decode()
            except (av.FFmpegError, ValueError):
                lost = self._samples_of(packet)
                if lost:
                    yield Block(np.zeros(0, np.float32), lost, CORRUPT)
                continue
            for frame in frames:
                gap = self._gap(frame)
                yield from [Block(np.zeros(0, np.float32), gap, CORRUPT)] if gap else []
                yield self._block(frame)

    def _gap(self, frame: AudioFrame) -> int:
        """Samples that are missing before a frame by its time stamp: parsers skip damage without a word.

        Jumps back, and by more than a minute, are a clock that was set; time goes on from there.
        """
        if frame.pts is None or frame.time_base is None:
            return 0
        stamp = int(frame.pts * frame.time_base * self.rate)
        gap = 0 if self._origin is None else stamp - self._origin - self._samples
        if not GAP * self.rate < gap <= MOST_LOST * self.rate:
            if abs(gap) > GAP * self.rate or self._origin is None:
                self._origin = stamp - self._samples
            return 0
        return gap

    def _block(self, frame: AudioFrame) -> Block:
        if frame.sample_rate != self.rate:
            lost = round(frame.samples * self.rate / max(frame.sample_rate, 1))
            return Block(np.zeros(0, np.float32), max(lost, 1), RATE_CHANGES)
        return Block(_mono(frame))

    def _samples_of(self, packet: Any) -> int:
        """How long a packet would have been, as its container says."""
        if not packet.duration or packet.time_base is None:
            return 0
        return int(min(max(packet.duration * packet.time_base, 0), MOST_LOST) * self.rate)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._container.close()
        self._file.close()


def unreadable(error: OSError) -> DataError:
    """What the system did not let us read: no fault of the file, which is tried again in the next run.

    An invalid argument is the file's, whose head sends FFmpeg to where no file has bytes.
    """
    if error.errno == errno.EINVAL:
        return DataError(NO_AUDIO)
    return DataError(f"{UNREADABLE}: {error.strerror or error}")


def _refuse(*_: Any) -> NoReturn:
    # no OSError, which would be taken for the disk's
    raise ValueError("a recording may not open other files")


def _mono(frame: AudioFrame) -> np.ndarray:
    """The mean of the channels (T,), float32."""
    try:
        values: np.ndarray = frame.to_ndarray()
    except ValueError:  # integers of 64 bits, which NumPy is not given
        raise DataError(f"samples of the format {frame.format.name}") from None
    if not frame.format.is_planar:
        # packed: the channels side by side, (1, T · C) to (C, T)
        values = values.reshape(-1, len(frame.layout.channels)).T
    if values.dtype == np.dtype(np.uint8):
        # 8-bit PCM alone has no sign
        wave: np.ndarray = (values.astype(np.float32) - 128) / 128
    elif values.dtype.kind == "i":
        wave = values.astype(np.float32) / float(1 << (8 * values.itemsize - 1))
    else:
        wave = values.astype(np.float32)
    return wave[0] if len(wave) == 1 else wave.mean(axis=0, dtype=np.float32)


def _checked(wave: np.ndarray) -> Block:
    """A block whose values are those of sound; a mel of others has no finite values."""
    with np.errstate(invalid="ignore"):
        sound = bool(np.all(np.abs(wave) <= LOUDEST))  # False for NaN
    return Block(wave) if sound else Block(np.zeros(0, np.float32), len(wave), NOT_FINITE)
