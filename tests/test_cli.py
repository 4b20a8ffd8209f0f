"""The command line: it speaks, and bad input is one sentence with exit code 2."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from glmtts.cli import main

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


def run_apart(*arguments: str, stdin: str | None = None) -> Done:
    """A command in a process of its own, as a person runs it."""
    command = [sys.executable, "-c", "from glmtts.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, input=stdin, timeout=120)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The same in this process: one of its own takes seconds to import PyTorch."""

    def call(*arguments: str, stdin: str = "") -> Done:
        monkeypatch.setattr("sys.argv", ["glm-tts", *arguments])
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess([*arguments], int(str(ended.value.code)), out, err)

    return call


def test_says_into_a_file(tiny_folder: Path, tmp_path: Path) -> None:
    done = run_apart("say", "-", "-o", str(tmp_path / "a.wav"), "--model", str(tiny_folder), stdin="Hello 世界")
    assert done.returncode == 0, done.stderr
    samples, rate = soundfile.read(tmp_path / "a.wav")
    assert rate == 24000
    assert len(samples) > 0
    assert "real-time factor" in done.stderr


def test_a_mistake_is_one_sentence_in_a_process_of_its_own(tiny_folder: Path, tmp_path: Path) -> None:
    assert_refused(run_apart("say", "…", "-o", str(tmp_path / "a.wav"), "--model", str(tiny_folder)), tmp_path)


def test_ctrl_c_while_the_commands_are_imported_shows_nothing() -> None:
    """That takes a second, of which a person may have enough."""
    interrupted = """
import sys

class Stop:
    def find_spec(self, name, path=None, target=None):
        if name == "glmtts.tasks":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Stop())
from glmtts.cli import main
"""
    done = subprocess.run([sys.executable, "-c", interrupted], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (130, "")


def test_lists_voices(tiny_folder: Path, run: Run) -> None:
    assert run("voices", "--model", str(tiny_folder)).stdout == "tone  a sine\n"


BAD_TEXTS = {
    "empty": "",
    "punctuation": "…!?。，",
    "emoji": "😀🎉",
    "script": "Привет мир",
    "controls": "\x01\x02\x1b",
    "endless": "word " * 2000,
}


@pytest.mark.parametrize("text", BAD_TEXTS.values(), ids=BAD_TEXTS.keys())
def test_bad_text_is_one_sentence(tiny_folder: Path, tmp_path: Path, run: Run, text: str) -> None:
    done = run("say", "-", "-o", str(tmp_path / "a.wav"), "--model", str(tiny_folder), stdin=text)
    assert_refused(done, tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ("-o", "/nonexistent/folder/a.wav"),
        ("-o", "{tmp}/a.xyz"),
        ("-o", "{tmp}/a.wav", "--voice", "nobody"),
        ("-o", "{tmp}/a.wav", "--voice", "{tmp}/missing.wav"),
        ("-o", "{tmp}/a.wav", "--temperature", "9"),
        ("-o", "{tmp}/a.wav", "--model", "{tmp}"),
    ],
    ids=["unwritable", "suffix", "voice", "recording", "temperature", "model"],
)
def test_bad_options_are_one_sentence(tiny_folder: Path, tmp_path: Path, run: Run, arguments: tuple[str, ...]) -> None:
    filled = [argument.replace("{tmp}", str(tmp_path)) for argument in arguments]
    model = [] if "--model" in filled else ["--model", str(tiny_folder)]
    assert_refused(run("say", "Hello.", *filled, *model), tmp_path)


def assert_refused(done: Done, folder: Path) -> None:
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert list(folder.iterdir()) == []
