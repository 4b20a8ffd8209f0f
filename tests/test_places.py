"""Names that are too long, are not UTF-8, or lie behind a barred folder: one sentence, before any work."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from glmtts import load, load_onnx, read_book
from glmtts.audio.io import load_audio, read_audio, write_audio
from glmtts.audio.provenance import synthetic_mark
from glmtts.bundle import Bundle
from glmtts.cli import app
from glmtts.errors import (
    AudioError,
    BundleError,
    ConfigError,
    EvaluationError,
    GlmTtsError,
    ReleaseError,
    RlError,
    TextError,
    VoiceError,
)
from glmtts.eval.compare import chosen
from glmtts.eval.fingerprint import fingerprints
from glmtts.eval.items import Item
from glmtts.eval.lists import index_list, recording_of
from glmtts.eval.protocols.base import Settings, read_list
from glmtts.eval.systems.recordings import Recordings
from glmtts.official.convert import convert
from glmtts.onnx.export import export
from glmtts.onnx.voice import NumpyVoice
from glmtts.places import anything_at, check_new_folder, is_file, is_folder, status
from glmtts.quantise import quantise
from glmtts.rl.export import export_bundle
from glmtts.server.voices import VoiceStore
from glmtts.synthesis.book import Book
from glmtts.synthesis.voice import Voice

LONG = "很长" * 50  # 300 bytes, of which a name may have 255
TONE = 0.3 * torch.sin(torch.arange(24000) / 24)
unix = pytest.mark.skipif(os.name == "nt", reason="names on Windows have 255 characters, and are all Unicode")
pytestmark = unix


def test_what_lies_somewhere(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert is_file(tmp_path / "file", AudioError) and not is_folder(tmp_path / "file", AudioError)
    assert is_folder(tmp_path, AudioError) and not is_file(tmp_path, AudioError)
    for nothing in (tmp_path / "none", tmp_path / "file" / "below", tmp_path / "\udcff"):
        assert status(nothing, AudioError) is None and not anything_at(nothing)
    for name, reason in ((LONG, "name too long"), ("a\0b", "no name of a file"), ("\ud800", "no name of a file")):
        with pytest.raises(VoiceError, match=reason):
            status(tmp_path / name, VoiceError)
        assert not anything_at(tmp_path / name)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(AudioError, match="symbolic links"):
        is_file(tmp_path / "loop", AudioError)


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="nothing is barred to root")
def test_a_barred_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "barred").mkdir(mode=0)
    with pytest.raises(AudioError, match="Permission denied"):
        read_audio(tmp_path / "barred" / "me.wav")
    with pytest.raises(BundleError, match="Permission denied"):
        check_new_folder(tmp_path / "barred", BundleError, "model")


def test_a_new_folder_is_none_or_empty(tmp_path: Path) -> None:
    check_new_folder(tmp_path, BundleError, "packed bundle")
    check_new_folder(tmp_path / "none", BundleError, "packed bundle")
    (tmp_path / "file").touch()
    for taken in (tmp_path, tmp_path / "file"):
        with pytest.raises(BundleError, match=r"is there already\. Choose a new folder for the packed bundle"):
            check_new_folder(taken, BundleError, "packed bundle")


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (AudioError, ["say", "Hi", "-o", f"{LONG}.wav"]),
        (AudioError, ["say", "Hi", "-o", f"{LONG}/a.wav"]),
        (AudioError, ["say", "Hi", "--voice", f"{LONG}.wav"]),
        (AudioError, ["say", "Hi", "--voice", f"{LONG}.m4a"]),
        (VoiceError, ["say", "Hi", "--voice", f"{LONG}.safetensors"]),
        (VoiceError, ["say", "Hi", "--voice", f"{LONG}.glmvoice"]),
        (VoiceError, ["say", "Hi", "--voice", LONG]),
        (BundleError, ["say", "Hi", "--model", LONG]),
        (BundleError, ["say", "Hi", "--model", LONG, "--runtime", "onnx"]),
        (ConfigError, ["say", "Hi", "--pronunciations", f"{LONG}.toml"]),
        (TextError, ["read", f"{LONG}.txt", "-o", "a.wav"]),
        (AudioError, ["read", "book.txt", "-o", f"{LONG}.wav"]),
        (AudioError, ["read", "book.txt", "-o", "a" * 248 + ".wav"]),
        (AudioError, ["read", "book.txt", "-o", "a.wav", "--subtitles", f"{LONG}.srt"]),
        (AudioError, ["clone", f"{LONG}.wav"]),
        (AudioError, ["clone", "me.wav", "-o", f"{LONG}.safetensors"]),
        (AudioError, ["clone", "me.wav", "-o", "a" * 240 + ".safetensors"]),
        (VoiceError, ["clone", "me.wav", "-o", "a\udcff.safetensors"]),
        (BundleError, ["clone", "me.wav", "--model", LONG]),
        (BundleError, ["voices", "--model", LONG]),
        (BundleError, ["phonemes", "Hi", "--model", LONG]),
        (BundleError, ["quantise", LONG]),
        (BundleError, ["quantise", "out", "--model", LONG]),
        (BundleError, ["export-onnx", LONG]),
        (AudioError, ["detect", f"{LONG}.wav"]),
        (GlmTtsError, ["fetch", "--from", LONG]),
        (GlmTtsError, ["convert", LONG, "out"]),
        (GlmTtsError, ["convert", ".", LONG]),
        (ConfigError, ["serve", "--voices", LONG]),
        (ConfigError, ["serve", "--replicas", LONG]),
        (BundleError, ["serve", "--voices", "voices", "--model", LONG]),
        (EvaluationError, ["eval", "mini", LONG, "-o", "run"]),
        (EvaluationError, ["eval", "mini", "-s", f"recordings:{LONG}", "-o", "run"]),
        (EvaluationError, ["eval", "mini", "-s", "mini", "--asr", "none", "--scorer", "none", "-o", LONG]),
        (EvaluationError, ["eval", "mini", "mini-clone", "--corpus", LONG, "-o", "run"]),
        (EvaluationError, ["eval", "report", LONG]),
        (EvaluationError, ["eval", "compare", LONG, f"{LONG}:mini"]),
        (EvaluationError, ["eval", "versa", f"a={LONG}", "-o", "run"]),
        (EvaluationError, ["eval", "rank", LONG, "-s", "mini"]),
    ],
)
def test_a_name_that_is_too_long_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[GlmTtsError], arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("glmtts.synthesis.generator.TokenGenerator.generate", _spoke)
    write_audio("me.wav", TONE, 24000)
    Path("book.txt").write_text("Hi.")
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, kind), (result.exception, result.output)
    assert "\n" not in str(result.exception)
    assert {path.name for path in tmp_path.iterdir()} <= {"me.wav", "book.txt", "voices"}


def _spoke(*given: Any) -> None:
    pytest.fail("it spoke first")


@pytest.mark.parametrize(
    ("kind", "ask"),
    [
        (AudioError, lambda place: load_audio(place, 24000)),
        (AudioError, lambda place: write_audio(place.with_name(place.name + ".wav"), TONE, 24000)),
        (AudioError, lambda place: synthetic_mark(place)),
        (BundleError, lambda place: Bundle.open(place)),
        (BundleError, lambda place: load_onnx(place)),
        (BundleError, lambda place: quantise(None, place, 8)),
        (VoiceError, lambda place: Voice.load(place)),
        (TextError, lambda place: Book(str(place))),
        (RlError, lambda place: export_bundle(None, place)),  # type: ignore[arg-type]
        (EvaluationError, lambda place: read_list(str(place), Settings())),
        (EvaluationError, lambda place: Recordings(str(place), {})),
        (EvaluationError, lambda place: chosen(f"{place}:mini")),
        (EvaluationError, lambda place: recording_of(place, "a")),
    ],
)
@pytest.mark.parametrize("name", [LONG, "\ud800"], ids=["long", "surrogate"])
def test_the_error_is_the_areas(
    tmp_path: Path, kind: type[GlmTtsError], ask: Callable[[Path], object], name: str
) -> None:
    with pytest.raises(kind) as refused:
        ask(tmp_path / name)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_folders_of_the_server(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="another folder"):
        VoiceStore(tmp_path / LONG)


def test_options_that_are_no_paths_have_no_fingerprint(tmp_path: Path) -> None:
    assert fingerprints({"a": LONG, "b": f"whisper:{LONG}", "c": "\ud800"}) == {}


def test_lines_of_a_list_have_ids_that_files_can_have(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="too long for a file's name"):
        Item("长" * 70, "text", "zh")
    with pytest.raises(EvaluationError, match="surrogate"):
        Item("a", "text \udcff", "en")
    (tmp_path / "index.jsonl").write_text('{"id": "a", "lang": "en", "text": "b", "mood": "\\ud83d"}\n')
    with pytest.raises(EvaluationError, match="surrogate"):
        index_list(tmp_path)
    assert len(Item("长" * 60, "text", "zh").id) == 60


@pytest.mark.parametrize("name", ["a\udcffb.wav", "a\udcffb.opus", "长" * 80 + ".wav", "长" * 82 + ".flac"])
def test_names_that_a_system_has_are_written_and_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    try:
        path.touch()
    except OSError:
        pytest.skip("this file system takes no such name")
    path.unlink()
    if len(os.fsencode(name)) > 249:
        with pytest.raises(AudioError, match="name too long"):
            write_audio(path, TONE, 24000)
        return
    write_audio(path, TONE, 24000)
    assert abs(len(read_audio(path)[0]) - len(TONE)) < 3000
    assert "Synthetic speech" in (synthetic_mark(path) or "")
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_a_bundle_that_names_a_file_too_long_is_refused(tiny_folder: Path) -> None:
    with pytest.raises(BundleError, match="name too long"):
        Bundle.open(tiny_folder).path(LONG, "")


def test_a_packed_bundle_may_have_a_long_name(tiny_folder: Path, tmp_path: Path) -> None:
    quantise(tiny_folder, tmp_path / ("长" * 80), 8)
    assert (tmp_path / ("长" * 80) / "bundle.json").is_file()


def test_a_folder_that_is_not_utf8_takes_all_that_is_written(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a\udcff"
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes no such name")
    with load(tiny_folder) as tts:
        tts.say("Hi.").save(folder / "c\udcfd.wav")
        read_book(tts, "Hi.", folder / "d\udcfc.mp3", subtitles=folder / "d.srt")
        assert len(list(folder.iterdir())) == 3
        with pytest.raises(VoiceError, match="is not UTF-8"):
            tts.voice("tone").save(folder / "a.safetensors")
    assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize(
    ("kind", "ask"),
    [
        (VoiceError, Voice.load),
        (VoiceError, NumpyVoice.load),
        (BundleError, Bundle.open),
        (BundleError, load_onnx),
        (BundleError, lambda place: quantise(None, place, 8)),
        (BundleError, lambda place: export(None, place)),
        (ReleaseError, lambda place: convert(Path("none"), place)),
    ],
)
def test_weights_are_neither_read_nor_written_where_they_could_not_be_opened(
    kind: type[GlmTtsError], ask: Callable[[Path], object]
) -> None:
    with pytest.raises(kind, match="is not UTF-8, and weights cannot be read there"):
        ask(Path("a\udcff.safetensors"))
