"""The command line as a stranger uses it: standard streams, sound, books of any encoding, mistakes."""

import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from glmtts import durable, load
from glmtts.audio.io import write_audio
from glmtts.cli import main
from glmtts.errors import AudioError, ConfigError, GlmTtsError, TextError
from glmtts.synthesis.book import Book, standard_input
from glmtts.synthesis.standard_output import StandardOutput
from glmtts.synthesis.voice import Voice
from glmtts.terminal import sentence_of, with_utf8

BOOK = "Good morning. It costs $5, and 1,234 people pay.\n今天天气很好，我们去公园散步吧。\n"
SHORT = "Good morning.\n\n再见。\n"
Call = Callable[..., int]


@pytest.fixture
def glm_tts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_folder: Path) -> Call:
    """Runs a command in a folder of its own, with the tiny model where it needs one; gives its exit code."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, stdin: bytes = b"") -> int:
        with_model = arguments[0] in ("say", "read", "clone") and "--model" not in arguments
        model = ["--model", str(tiny_folder)] if with_model else []
        monkeypatch.setattr("sys.argv", ["glm-tts", *arguments, *model])
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            main()
        return int(str(ended.value.code))

    return call


def names() -> list[str]:
    """What lies in the working folder."""
    return sorted(path.name for path in Path().iterdir())


def refused(code: int, said: str) -> str:
    """The one sentence of a mistake."""
    assert code == 2
    lines = [line for line in said.replace("\r", "\n").splitlines() if line and not line.startswith("reading:")]
    assert len(lines) == 1 and lines[0].startswith("error: "), said
    return lines[0]


def test_speech_leaves_by_standard_output(glm_tts: Call, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert glm_tts("say", "-", "-o", "-", stdin="你好，世界。".encode("gbk")) == 0
    samples, rate = soundfile.read(io.BytesIO(capfdbinary.readouterr().out))
    assert rate == 24000 and len(samples) > 0
    assert glm_tts("read", "-", "-o", "-", "--format", "pcm", "--seed", "3", stdin=SHORT.encode("utf-16")) == 0
    spoken = np.frombuffer(capfdbinary.readouterr().out, "<i2")
    assert glm_tts("read", "-", "-o", "book.wav", "--seed", "3", stdin=SHORT.encode()) == 0
    written = soundfile.read("book.wav", dtype="int16")[0]
    assert len(spoken) == len(written)
    assert np.abs(spoken.astype(int) - written).max() <= 1
    assert names() == ["book.wav"]


def test_read_takes_every_option(glm_tts: Call, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_bytes(BOOK.encode("gbk"))
    (tmp_path / "words.toml").write_text('"天气" = "tian1 qi5"', encoding="utf-8")
    usual, changed = ("read", "book.txt", "-o"), ("--speed", "2", "--language", "zh", "--phoneme-in", "all")
    more = ("--temperature", "0.5", "--top-p", "0.9", "--candidates", "2", "--steps", "1", "--guidance", "0.5")
    assert glm_tts(*usual, "usual.wav", "--voice", "tone") == 0
    assert glm_tts(*usual, "fast.wav", *changed, *more, "--pronunciations", "words.toml", "--subtitles", "b.vtt") == 0
    lengths = [soundfile.info(name).duration for name in ("usual.wav", "fast.wav")]
    assert 0.2 < lengths[1] / lengths[0] < 0.8
    shown = (tmp_path / "b.vtt").read_text(encoding="utf-8")
    assert "It costs $5, and 1,234 people pay." in shown
    assert "今天天气很好，我们去公园散步吧。" in shown


@pytest.mark.skipif(os.name == "nt", reason="the program of this test is a shell script")
@pytest.mark.parametrize("command", [("say", "Hello."), ("read", "-")])
def test_speech_is_played(
    glm_tts: Call, command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    player = programs / "afplay"  # the first that is looked for
    player.write_text(f'#!/bin/sh\ncat "$1" >> {tmp_path}/heard\n')
    player.chmod(0o755)
    assert glm_tts(*command, "--play", stdin=b"Good morning. How are you?\n\nFine.") == 0
    assert (tmp_path / "heard").read_bytes().startswith(b"RIFF")
    assert not (tmp_path / "out.wav").exists()
    player.write_text("#!/bin/sh\necho no card >&2\nexit 3\n")
    assert glm_tts("say", "Hello.", "--play") == 2


def test_without_a_player_there_is_a_sentence(
    glm_tts: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("glmtts.audio.play.os.environ", {})
    monkeypatch.setenv("PATH", str(tmp_path))
    if os.name != "nt":
        assert "Install one of afplay" in refused(glm_tts("say", "Hello.", "--play"), capsys.readouterr().err)


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "utf-16"])
def test_progress_ends_at_a_hundred_and_never_passes_it(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_bytes(BOOK.encode(encoding))
    with Book(str(path)) as book:
        assert "".join(book) == BOOK
        for _ in range(3):  # spoken words are longer than figures, and controls shorter than they are written
            book.done(BOOK)
            assert book._bar.n <= book._bar.total == path.stat().st_size
    with Book(str(path)) as book:
        book.done("今天")
        assert book._bar.n < book._bar.total
        book.finish()
        assert book._bar.n == book._bar.total


def test_what_a_failed_reading_leaves(
    glm_tts: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "book.txt").write_text("…\n😀\n", encoding="utf-8")
    assert "nothing to speak" in refused(glm_tts("read", "book.txt", "-o", "b.wav"), capsys.readouterr().err)
    assert names() == ["book.txt"]
    wrong = '<phoneme alphabet="none" ph="x">b</phoneme>'
    (tmp_path / "book.txt").write_text(f"Good morning.\n\nThen {wrong} it went on.\n", encoding="utf-8")
    said = refused(glm_tts("read", "book.txt", "-o", "b.wav"), capsys.readouterr().err)
    assert "alphabet 'none'" in said and ".b.wav.part: the same command goes on from there" in said
    assert (tmp_path / ".b.wav.part").is_dir()
    (tmp_path / "book.txt").write_text("Good morning.\n\nThen it went on.\n", encoding="utf-8")
    assert glm_tts("read", "book.txt", "-o", "b.wav") == 0
    assert names() == ["b.wav", "book.txt"]


def _tone(seconds: float = 2.0, level: float = 0.3) -> torch.Tensor:
    time = torch.arange(round(seconds * 24000)) / 24000
    return level * torch.sin(1200 * time) * (0.6 + 0.4 * torch.sin(20 * time))


def _container(path: Path) -> None:
    """The tone in what phones and browsers record."""
    av = pytest.importorskip("av", reason="needs PyAV")
    codec, rate = ("aac", 24000) if path.suffix == ".m4a" else ("libopus", 24000)
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=rate, layout="mono")
        samples = (_tone().numpy() * 32767).astype(np.int16)[None]
        for start in range(0, samples.shape[1], 960):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, start : start + 960]), "s16", "mono")
            frame.sample_rate, frame.pts = rate, start
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


@pytest.mark.parametrize("name", ["me.m4a", "me.webm", "me.wav"])
def test_a_recording_becomes_a_voice(glm_tts: Call, name: str, tmp_path: Path) -> None:
    if name.endswith(".wav"):
        write_audio(tmp_path / name, _tone(), 24000)
    else:
        _container(tmp_path / name)
    assert glm_tts("clone", name, "--text", "A tone.") == 0
    voice = Voice.load(tmp_path / "me.safetensors")
    assert voice.text == "A tone." and 45 <= len(voice.tokens) <= 51
    assert glm_tts("say", "Hello.", "--voice", "me.safetensors") == 0
    assert glm_tts("say", "Hello.", "--voice", name, "-o", "b.wav") == 0


def test_a_recording_in_a_container_has_bounds(tmp_path: Path) -> None:
    from glmtts.audio.containers import decode
    from glmtts.audio.io import read_audio

    _container(tmp_path / "me.m4a")
    samples, rate = read_audio(tmp_path / "me.m4a", longest=1)
    assert (len(samples), rate) == (24000, 24000)
    assert abs(float(samples[2400:].abs().max()) - 0.3) < 0.05
    with pytest.raises(AudioError, match="is longer than"):
        decode(tmp_path / "me.m4a", most_samples=10_000)
    (tmp_path / "list.m4a").write_bytes(b"#EXTM3U\nhttp://127.0.0.1:1/x\n")
    with pytest.raises(AudioError, match="cannot be read as audio"):
        decode(tmp_path / "list.m4a", most_samples=10_000)


def test_without_pyav_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from glmtts.audio.io import read_audio

    (tmp_path / "me.m4a").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(AudioError, match=r"pip install 'glm-tts\[formats\]'"):
        read_audio(tmp_path / "me.m4a")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("say", "Hi", "--voce", "x"), "Did you mean '--voice'?"),
        (("sya", "Hi"), "Did you mean 'say'?"),
        (("say",), "Missing argument 'text'. See glm-tts say --help."),
        (("say", "Hi", "--seed", "x"), "Invalid value for '--seed'"),
        (("say", "Hi", "--seed", "-1"), "The seed is -1."),
        (("say", "Hi", "--language", "english"), "Did you mean 'en'?"),
        (("say", "Hi", "--voice", "tune"), "Did you mean 'tone'?"),
        (("say", "Hi", "--device", "gpu"), "Choose one of auto, cpu, cuda, mps"),
        (("say", "Hi", "--device", "cuda:99"), "cuda:99" if torch.cuda.is_available() else "CUDA"),
        (("say", "Hi", "--threads", "0"), "number of threads is 0"),
        (("say", "Hi", "--threads", "100000"), "number of threads is 100000. Choose 1 to 1024"),
        (("say", "Hi", "--voice", "me.safetensors"), "me.safetensors is not a file"),
        (("say", "Hi", "there"), "A text of several words needs quotes"),
        (("say", "Hi", "-o", ""), "The name after -o is empty"),
        (("say", "Hi", "--voice", ""), "The name after --voice is empty"),
        (("say", "Hi", "--voice", "tone", "--voice-text", "x"), "'tone' is no recording"),
        (("say", "Hi", "--voice-text", "x"), "the voice is no recording"),
        (("say", "Hi", "--runtime", "onnx", "--voice", "tone", "--voice-text", "x"), "'tone' is no recording"),
        (("say", "Hi", "--runtime", "onnx", "--device", "cuda"), "ONNX Runtime speaks on the CPU"),
        (("say", "Hi", "--runtime", "onnx", "--allow-program"), "Leave out --device and --allow-program"),
        (("say", "Hi", "--format", "mp3"), "--format is for -o - alone"),
        (("say", "Hi", "-o", "-", "--format", "aiff"), "There is no format 'aiff'"),
        (("say", "Hi", "--pronunciations", "none.toml"), "none.toml cannot be read"),
        (("read", "", "-o", "b.wav"), "The name of the text is empty"),
        (("read", "-", "-o", "b.wav", "--voice", " "), "The name after --voice is empty"),
        (("read", "-", "-o", "b.wav", "--voice", "me.safetensors", "--voice-text", "x"), "Leave the text out"),
        (("read", "none.txt"), "Where should it go?"),
        (("read", "none.txt", "-o", "b.wav"), "none.txt cannot be read"),
        (("read", "-", "-o", "b.xyz"), "no known suffix"),
        (("read", "-", "-o", "-", "--subtitles", "b.srt"), "Subtitles belong to a file"),
        (("clone", ""), "Give the path of a recording"),
        (("clone", "."), "Give the path of a recording"),
        (("serve", "--voices", ""), "The name after --voices is empty"),
        (("clone", "none.m4a"), "none.m4a is not a file"),
        (("clone", "none.wav", "-o", "me.txt"), "Let it end in .safetensors"),
    ],
)
def test_mistakes_are_one_sentence(
    glm_tts: Call, arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in refused(glm_tts(*arguments, stdin=b"Hi"), capsys.readouterr().err)
    assert names() == []


def test_what_an_exported_model_cannot_do_is_refused(
    glm_tts: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "onnx.json").write_text("{}")
    for command in (("say", "Hi"), ("clone", "me.wav")):
        said = refused(glm_tts(*command, "--model", "onnx", "--device", "cuda:0"), capsys.readouterr().err)
        assert "ONNX Runtime speaks on the CPU" in said


def test_what_is_no_mistake_of_the_user_stays_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        sentence_of(ZeroDivisionError("a bug"))
    assert "not enough memory" in sentence_of(MemoryError())


def test_pipes_carry_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, whose pipes have the code page of the system."""
    pipes = {name: io.TextIOWrapper(io.BytesIO(), encoding="cp1252") for name in ("stdin", "stdout", "stderr")}
    for name, pipe in pipes.items():
        monkeypatch.setattr(f"sys.{name}", pipe)
    with_utf8()
    print("说", end="", flush=True)  # noqa: T201
    assert pipes["stdout"].buffer.getvalue() == "说".encode()  # type: ignore[attr-defined]
    assert {pipe.encoding for pipe in pipes.values()} == {"utf-8"}


def test_what_is_shown_may_name_a_file_that_is_not_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict")
    monkeypatch.setattr("sys.stdout", pipe)
    with_utf8()
    print("a\udcff is ready", end="", flush=True)  # noqa: T201
    assert pipe.buffer.getvalue() == b"a\\udcff is ready"  # type: ignore[attr-defined]


def test_windows_flushes_files_and_opens_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable, "WINDOWS", True)
    (tmp_path / "file.part").write_text("x")
    durable.sync(tmp_path)  # opened for writing, as Windows must, a folder is an error here
    durable.replace(tmp_path / "file.part", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "x"


def test_a_journal_has_the_line_ends_that_it_looks_for(tmp_path: Path) -> None:
    from glmtts.synthesis.journal import Journal

    journal = Journal(tmp_path / ".b.part", {"rate": 1000}, restart=False)
    assert (journal.folder / "journal.jsonl").read_bytes() == b'{"rate": 1000}\n'
    Journal(tmp_path / ".b.part", {"rate": 1000}, restart=False)


def test_a_device_that_is_not_there_is_one_sentence(tiny_folder: Path) -> None:
    for device in ("tpu", "cuda:x", "cpu:1", *(() if torch.backends.mps.is_available() else ("mps",))):
        with pytest.raises(ConfigError, match="Choose"):
            load(tiny_folder, device=device)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is full is Linux's")
def test_a_full_disk_behind_standard_output_is_one_sentence(tiny_folder: Path) -> None:
    """A process of its own, since Python writes once more as it ends."""
    command = [sys.executable, "-m", "glmtts", "say", "Hi.", "-o", "-", "--model", str(tiny_folder)]
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert ended.returncode == 2 and "Traceback" not in ended.stderr and "ignored" not in ended.stderr
    assert "takes no more" in ended.stderr.splitlines()[-1]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is full is Linux's")
def test_a_full_disk_behind_a_list_is_one_sentence(tiny_folder: Path) -> None:
    command = [sys.executable, "-m", "glmtts", "voices", "--model", str(tiny_folder)]
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ") and len(ended.stderr.splitlines()) == 1


def test_phonemes_for_nobody_are_no_mistake(glm_tts: Call, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    for form in ((), ("--json",)):
        assert glm_tts("phonemes", "你好", *form, "--model", str(tiny_folder)) == 0


@pytest.mark.parametrize("stream", ["stdin", "stdout"])
def test_a_closed_stream_is_one_sentence(stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"sys.{stream}", None)
    with pytest.raises(GlmTtsError, match="is closed"):
        standard_input() if stream == "stdin" else StandardOutput("wav", 24000, "tiny")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are Unix's")
def test_a_pipe_with_a_name_is_read_whole(tmp_path: Path) -> None:
    """It cannot be opened twice, as a file is: once for its encoding, once for its text."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(BOOK.encode("gbk"),))
    writer.start()
    with Book(str(pipe)) as book:
        assert "".join(book) == BOOK
    writer.join()


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a file without end is Unix's")
def test_a_text_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glmtts.synthesis.book.LARGEST_PIPE", 1 << 20)
    with pytest.raises(TextError, match="more than 1 MiB"):
        Book("/dev/zero")


def test_a_book_without_line_ends_comes_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glmtts.synthesis.book.LONGEST_PART", 10)
    (tmp_path / "book.txt").write_text("word " * 20)
    with Book(str(tmp_path / "book.txt")) as book:
        parts = list(book)
    assert max(map(len, parts)) == 10 and "".join(parts) == "word " * 20
