"""A journal that something else changed: lost samples are read again, what makes no sense is one sentence."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
import torch

from glmtts.audio import io
from glmtts.errors import AudioError, ConfigError
from glmtts.synthesis.journal import Journal, alone_in
from glmtts.synthesis.timing import Timed
from glmtts.text.frontend import Piece

ABOUT = {"rate": 1000}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pieces of 0.1, 0.2 and 0.3 seconds."""
    journal = Journal(tmp_path / ".book.part", ABOUT, restart=False)
    for number in (1, 2, 3):
        wave = torch.full((100 * number,), 0.1 * number)
        journal.add(Piece(f"Piece {number}."), wave, (0, 0), [Timed("Piece", 0.0, 0.05)])
    return journal.folder


def resumed(folder: Path) -> Journal:
    return Journal(folder, ABOUT, restart=False)


def edit(number: int, change: Callable[[dict], object]) -> Callable[[Path], object]:
    """Changes the entry of a line."""

    def apply(folder: Path) -> None:
        lines = (folder / "journal.jsonl").read_text().splitlines()
        entry = json.loads(lines[number])
        change(entry)
        lines[number] = json.dumps(entry)
        (folder / "journal.jsonl").write_text("\n".join(lines) + "\n")

    return apply


def line(text: bytes) -> Callable[[Path], object]:
    """Adds a line."""
    return lambda folder: (folder / "journal.jsonl").write_bytes((folder / "journal.jsonl").read_bytes() + text + b"\n")


DAMAGE = {
    "no json": line(b"{"),
    "not utf-8": line(b"\xff\xfe"),
    "another value": line(b"[]"),
    "nested deep": line(b"[" * 100_000),
    "a key lacks": edit(2, lambda entry: entry.pop("words")),
    "a key too many": edit(2, lambda entry: entry.update(more=1)),
    "a time is text": edit(1, lambda entry: entry["line"].update(end="soon")),
    "a time is not finite": edit(3, lambda entry: entry["line"].update(end=float("nan"))),
    "a time is impossible": edit(3, lambda entry: entry["line"].update(end=1e300)),
    "a time is negative": edit(1, lambda entry: entry["line"].update(start=-1.0)),
    "times go back": edit(2, lambda entry: entry["line"].update(end=0.05)),
    "words are no list": edit(2, lambda entry: entry.update(words={"text": "x"})),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_one_sentence(folder: Path, name: str) -> None:
    DAMAGE[name](folder)
    with pytest.raises(ConfigError, match=r"damaged\. Start anew with --restart"):
        resumed(folder)


@pytest.mark.parametrize(("held", "left"), [(600, 3), (599, 2), (150, 1), (0, 0), (None, 0)])
def test_lost_samples_are_read_again(folder: Path, held: int | None, left: int) -> None:
    audio = folder / "audio.raw"
    if held is None:
        audio.unlink()
    else:
        audio.write_bytes(audio.read_bytes()[: 2 * held])
    journal = resumed(folder)
    assert len(journal.cues) == left
    assert audio.stat().st_size == 2 * journal.samples
    journal.add(Piece("Again."), torch.zeros(10), (0, 0), [])
    assert [cue.line.text for cue in resumed(folder).cues][left:] == ["Again."]


@pytest.mark.parametrize("name", ["journal.jsonl", "audio.raw", ""])
def test_what_is_no_file_is_one_sentence(folder: Path, name: str) -> None:
    path = folder / name
    if name:
        path.unlink()
        path.mkdir()
    else:
        shutil.rmtree(folder)
        path.write_text("a file")
    with pytest.raises(AudioError, match="cannot be written"):
        resumed(folder)


def test_a_folder_is_held_by_one_run(folder: Path) -> None:
    with alone_in(folder):
        with pytest.raises(ConfigError, match=r"Another run is reading into .*\.book\.part"), alone_in(folder):
            pass
        restarted = Journal(folder, ABOUT, restart=True)
        with pytest.raises(ConfigError, match="Another run"), alone_in(folder):
            pass
    assert restarted.cues == [] and (folder / "audio.raw").read_bytes() == b""
    with alone_in(folder):
        restarted.remove()
    assert not folder.exists()


def test_a_folder_that_cannot_be_held_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".book.part").write_text("a file")
    with pytest.raises(AudioError, match="cannot be written"), alone_in(tmp_path / ".book.part"):
        pass


def test_what_another_program_appends_is_not_spoken(folder: Path, tmp_path: Path) -> None:
    journal = resumed(folder)
    with (folder / "audio.raw").open("ab") as file:
        file.write(b"x" * 778)
    journal.encode(tmp_path / "book.wav", "tiny")
    assert soundfile.info(tmp_path / "book.wav").frames == journal.samples == 600


def test_a_reading_too_long_for_wav_is_written_as_rf64(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = resumed(folder)
    for largest, form in ((2 * journal.samples, "WAV"), (2 * journal.samples - 1, "RF64")):
        monkeypatch.setattr(io, "LARGEST_WAV", largest)
        journal.encode(tmp_path / "book.wav", "tiny")
        info = soundfile.info(tmp_path / "book.wav")
        assert (info.format, info.frames) == (form, journal.samples)
