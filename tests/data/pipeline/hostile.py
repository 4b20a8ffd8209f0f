"""Inputs that are not recordings, or not what they seem. Each makes a file in a folder, and says how it is reported."""

import os
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import soundfile

from tests.data.pipeline.corpora import noise

Make = Callable[[Path], None]
HOSTILE: dict[str, tuple[Make, str]] = {}


def hostile(name: str, reported: str) -> Callable[[Make], Make]:
    """Name a maker; `reported` is part of what the report says of the file, "" where it is simply read."""

    def add(make: Make) -> Make:
        HOSTILE[name] = (make, reported)
        return make

    return add


@hostile("empty.wav", "empty file")
def _empty(path: Path) -> None:
    path.touch()


@hostile("text.mp3", "not audio")
def _text(path: Path) -> None:
    path.write_text("This is no music.\n" * 500)


@hostile("random.ogg", "not audio")
def _random(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(50_000))


@hostile("head_only.wav", "no samples")
def _head(path: Path) -> None:
    soundfile.write(path, np.zeros((0, 1)), 16000)


@hostile("archive.flac", "not audio")
def _archive(path: Path) -> None:
    with tarfile.open(path, "w") as file:
        file.add(__file__, "x.py")


@hostile("mp3_called.wav", "")
def _mislabelled(path: Path) -> None:
    soundfile.write(path, noise(1, 22050), 22050, format="MP3", subtype="MPEG_LAYER_III")


def riff(tag: int, bits: int, data: bytes) -> bytes:
    """A WAV file of this format tag at 16 kHz."""
    width = bits // 8
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, 1, 16000, 16000 * width, width, bits)
    body = b"WAVE" + head + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


@hostile("unknown_codec.wav", "codec that cannot be decoded")
def _unknown_codec(path: Path) -> None:
    path.write_bytes(riff(0x1234, 16, bytes(32000)))


@hostile("half_floats.wav", "codec that cannot be decoded")
def _half_floats(path: Path) -> None:
    path.write_bytes(riff(3, 16, bytes(32000)))


@hostile("long_integers.wav", "samples of the format s64")
def _long_integers(path: Path) -> None:
    path.write_bytes(riff(1, 64, bytes(128000)))


@hostile("joined.caf", "not audio")
def _joined(path: Path) -> None:
    soundfile.write(path, noise(1, 16000), 16000, format="CAF", subtype="PCM_16")
    path.write_bytes(2 * path.read_bytes())


@hostile("seven_channels.wav", "")
def _channels(path: Path) -> None:
    soundfile.write(path, noise(1, 16000, 7), 16000)


@hostile("192_khz.flac", "")
def _fast(path: Path) -> None:
    soundfile.write(path, noise(0.5, 192_000), 192_000, subtype="PCM_24")


@hostile("one_hertz.wav", "1 Hz")
def _slow(path: Path) -> None:
    soundfile.write(path, noise(5, 1), 1)


@hostile("200_channels.wav", "200 channels")
def _many(path: Path) -> None:
    soundfile.write(path, noise(0.1, 8000, 200), 8000)


@hostile("cut_short.wav", "cut short")
def _short(path: Path) -> None:
    soundfile.write(path, noise(4, 16000), 16000)
    path.write_bytes(path.read_bytes()[: 2 * 16000 * 2])


@hostile("cut_short.flac", "cut short")
def _short_flac(path: Path) -> None:
    soundfile.write(path, noise(8, 16000), 16000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@hostile("lying_head.wav", "cut short")
def _lying(path: Path) -> None:
    soundfile.write(path, noise(0.5, 16000), 16000, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    for place in (4, data.index(b"data") + 4):
        data[place : place + 4] = struct.pack("<I", 0xFFFFFF00)
    path.write_bytes(data)


@hostile("damaged.flac", "corrupt")
def _damaged(path: Path) -> None:
    soundfile.write(path, noise(8, 16000), 16000)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20000] = np.random.default_rng(1).bytes(20000)
    path.write_bytes(data)


@hostile("nan.wav", "not finite")
def _nan(path: Path) -> None:
    wave = noise(3, 16000).astype(np.float32)
    wave[20000:20100] = np.nan
    soundfile.write(path, wave, 16000, subtype="FLOAT")


@hostile("huge_values.wav", "not finite")
def _huge(path: Path) -> None:
    soundfile.write(path, 1e30 * noise(1, 16000), 16000, subtype="DOUBLE")


@hostile("silent_film.mp4", "no audio")
def _film(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 16
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        container.mux(stream.encode())


@hostile("two_languages.mka", "the first of 2 audio streams")
def _streams(path: Path) -> None:
    with av.open(str(path), "w", format="matroska") as container:
        streams = [container.add_stream("pcm_s16le", rate=16000, layout="mono") for _ in range(2)]
        for number, stream in enumerate(streams):
            samples = (1000 * noise(0.5, 16000, seed=11 + number).T).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate = 16000
            container.mux([*stream.encode(frame), *stream.encode()])


@hostile("list.m3u8", "not audio")
def _list(path: Path) -> None:
    path.write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{path.parent.parent}/outside/secret.wav\n#EXT-X-ENDLIST\n")


@hostile("concat.wav", "not audio")
def _concat(path: Path) -> None:
    path.write_text(f"ffconcat version 1.0\nfile {path.parent.parent}/outside/secret.wav\n")


@hostile("link_out.wav", "leaves the input folder")
def _link_out(path: Path) -> None:
    path.symlink_to(path.parent.parent / "outside/secret.wav")


@hostile("link_to_folder", "leaves the input folder")
def _link_folder(path: Path) -> None:
    path.symlink_to(path.parent.parent / "outside")


@hostile("link_loop.wav", "no such file")
def _loop(path: Path) -> None:
    path.symlink_to(path)


@hostile("link_in.wav", "duplicate")
def _link_in(path: Path) -> None:
    path.symlink_to(path.parent / "clean.wav")


@hostile("pipe.wav", "not a regular file")
def _pipe(path: Path) -> None:
    os.mkfifo(path)


@hostile("quotes \" & <b>'=1+1.wav", "")
def _name(path: Path) -> None:
    soundfile.write(path, noise(0.7, 16000, seed=9), 16000, format="WAV")


@hostile(os.fsdecode(b"latin-\xe9.wav"), "not UTF-8")
def _bytes(path: Path) -> None:
    soundfile.write(path.parent / "t.wav", noise(0.7, 16000, seed=10), 16000)
    (path.parent / "t.wav").rename(path)


def hostile_corpus(folder: Path) -> Path:
    """All of them beside one good recording, `clean.wav`, and one outside that must not be read."""
    (folder / "outside").mkdir(parents=True)
    raw = folder / "raw"
    raw.mkdir()
    for name in ("outside/secret.wav", "raw/clean.wav"):
        soundfile.write(folder / name, noise(1.234, 16000, seed=len(name)), 16000)
    for name, (make, _) in HOSTILE.items():
        make(raw / name)
    return raw
