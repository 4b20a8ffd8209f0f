"""The work folder of a voice after a kill, a full disk or changed recordings, and recordings as people have them."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
import torch
from typer.testing import CliRunner

from glmtts.bundle import Bundle
from glmtts.cli import app
from glmtts.data import Dataset, ShardWriter, SourceConfig
from glmtts.errors import AsrError, ConfigError, GlmTtsError, TextError, VoiceError
from glmtts.voices.checks import Limits, check
from glmtts.voices.dataset import write_dataset
from glmtts.voices.recordings import Recording, find_recordings
from glmtts.voices.takes import LONGEST_SECONDS, Take, TakeMaker
from glmtts.voices.train import prepare
from tests.voices.test_checks import RATE, speechlike, take

LOOSE = Limits(min_minutes=1e-3, max_nll=1e9, max_clause_nll=1e9, min_similarity=-1, max_steadiness=1, min_snr_db=-99)


@pytest.fixture(scope="module")
def bundle(tiny_folder: Path) -> Bundle:
    return Bundle.open(tiny_folder)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for number in range(2):
        soundfile.write(folder / f"{number}.wav", speechlike(1.6, number).numpy(), RATE)
        (folder / f"{number}.txt").write_text("A tone.", encoding="utf-8")
    return folder


def takes(count: int) -> list[Take]:
    """Takes whose features have the shapes of real ones."""
    frames = {"mel": torch.zeros(8, 80).half(), "f0": torch.full((8,), 100.0)}
    ids = {"tokens": torch.zeros(4, dtype=torch.int32), "alignment": torch.zeros(4, dtype=torch.int32)}
    return [replace(take(number), **frames, **ids) for number in range(count)]


def utterances(data: Path) -> int:
    return Dataset.open([SourceConfig(path=data)]).manifests[0].utterances


def test_a_kill_while_the_dataset_is_written_leaves_none(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added, add = list[str](), ShardWriter.add

    def killed(self: ShardWriter, *arguments: object) -> None:
        added.append("")
        if len(added) == 3:
            raise KeyboardInterrupt
        add(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ShardWriter, "add", killed)
        write_dataset(tmp_path / "data", takes(5), bundle)
    assert not (tmp_path / "data").exists()
    assert utterances(write_dataset(tmp_path / "data", takes(5), bundle)) == 5


def test_other_takes_make_another_dataset_until_training_has_begun(bundle: Bundle, tmp_path: Path) -> None:
    data, first = tmp_path / "data", takes(5)
    write_dataset(data, first, bundle)
    written = (data / "dataset.json").stat().st_mtime_ns
    write_dataset(data, first[::-1], bundle)
    assert (data / "dataset.json").stat().st_mtime_ns == written
    more = takes(7)
    assert utterances(write_dataset(data, more, bundle)) == 7
    corrected = [replace(more[0], text="Another text."), *more[1:]]
    with pytest.raises(VoiceError, match="not those that training began with"):
        write_dataset(data, corrected, bundle, begun=True)
    write_dataset(data, more, bundle, begun=True)
    write_dataset(data, corrected, bundle)
    with pytest.raises(VoiceError, match="not those that training began with"):
        write_dataset(data, more, bundle, begun=True)


def test_a_dataset_of_an_earlier_version_goes_on_where_training_has_begun(bundle: Bundle, tmp_path: Path) -> None:
    (write_dataset(tmp_path / "data", takes(5), bundle) / "takes.sha256").unlink()
    assert utterances(write_dataset(tmp_path / "data", takes(6), bundle, begun=True)) == 5
    assert utterances(write_dataset(tmp_path / "data", takes(6), bundle)) == 6


def test_what_is_not_ours_is_not_replaced(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(VoiceError, match="holds something else"):
        write_dataset(tmp_path / "data", takes(5), bundle)
    assert (tmp_path / "data" / "thesis.txt").is_file()


@pytest.mark.parametrize("damage", ["", "{", "[3]", "3", '["gone.safetensors"]', "take"])
def test_damaged_takes_are_made_anew(damage: str, recordings: Path, bundle: Bundle, tmp_path: Path) -> None:
    prepare(recordings, tmp_path / "work", bundle, limits=LOOSE)
    if damage == "take":
        next((tmp_path / "work" / "takes").glob("*.safetensors")).write_bytes(b"")
    else:
        next((tmp_path / "work" / "takes").glob("*.json")).write_text(damage, encoding="utf-8")
    assert len(prepare(recordings, tmp_path / "work", bundle, limits=LOOSE).used) == 2


@pytest.mark.parametrize("what", ["glmtts.voices.takes.save_file", "glmtts.durable.replace"])
def test_a_full_disk_is_one_sentence(
    what: str, recordings: Path, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(what, full)
    with pytest.raises(VoiceError, match=r"takes cannot be written: No space left on device\. Free some space"):
        prepare(recordings, tmp_path / "work", bundle, limits=LOOSE)


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_name_that_is_not_utf8_is_reported(recordings: Path, bundle: Bundle, tmp_path: Path) -> None:
    (recordings / "1.wav").rename(recordings / os.fsdecode(b"caf\xe9.wav"))
    report = prepare(recordings, tmp_path / "work", bundle, limits=LOOSE.model_copy(update={"max_dropped": 1.0}))
    assert [one.take.id for one in report.dropped] == ["caf\\udce9"]
    assert "caf" in (tmp_path / "work" / "report.txt").read_text(encoding="utf-8")


def ids(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return [one.id for one in find_recordings(folder)]


def test_no_two_recordings_have_one_name(tmp_path: Path) -> None:
    assert ids(tmp_path / "plain", "b.wav", "a.flac") == ["a", "b"]
    assert ids(tmp_path / "alike", "a.wav", "a.flac", "b.wav") == ["a.flac", "a.wav", "b"]
    assert ids(tmp_path / "longer", "a.wav", "a.mp3", "a.wav.mp3") == ["a.mp3", "a.wav", "a.wav.mp3"]
    # as pieces and clauses of others would be called
    assert ids(tmp_path / "pieces", "a.wav", "a-000.wav", "a-000+1.wav", "a+2.wav", "b-000.wav") == [
        "a", "a+2.wav", "a-000+1.wav", "a-000.wav", "b-000",
    ]  # fmt: skip


def test_folders_within_the_folder_tell_recordings_apart(tmp_path: Path) -> None:
    lines = [f'{{"file": "{name}", "text": "Hello."}}' for name in ("a/1.wav", "b/1.wav", "b/1.ogg", "2.wav")]
    (tmp_path / "index.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert [one.id for one in find_recordings(tmp_path)] == ["2", "a/1", "b/1.ogg", "b/1.wav"]
    (tmp_path / "index.jsonl").write_text("\n".join([*lines, lines[1]]), encoding="utf-8")
    with pytest.raises(VoiceError, match=r"lists .*1\.wav twice"):
        find_recordings(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "big5"])
def test_texts_are_read_in_their_encoding(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "a.txt").write_bytes("你好，我的朋友。\r\n".encode(encoding))
    (found,) = find_recordings(tmp_path)
    assert (found.text, found.language) == ("你好，我的朋友。", "zh")
    (tmp_path / "index.jsonl").write_bytes('{"file": "a.wav", "text": "你好，朋友。"}\r\n\r\n'.encode(encoding))
    (found,) = find_recordings(tmp_path)
    assert found.text == "你好，朋友。"


@pytest.mark.parametrize(
    "line",
    [
        "3", "[]", "{", '{"file": 3}', '{"file": "a.wav", "text": 3}', '{"file": "a.wav", "text": "a", "lang": 5}',
        '{"file": "a.wav", "text": "\\ud800"}', '{"file": "\\ud800.wav"}', '{"file": "a\\u0000.wav"}', "[" * 100_000,
    ],
)  # fmt: skip
def test_a_bad_line_is_one_sentence(line: str, tmp_path: Path) -> None:
    (tmp_path / "index.jsonl").write_text(f'{{"file": "a.wav", "text": "A tone."}}\n{line}\n', encoding="utf-8")
    with pytest.raises(VoiceError, match="line 2 is no JSON object with `file` and `text`"):
        find_recordings(tmp_path)


def test_what_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "a.txt").write_bytes(b"\x81\xff\x00\xfe\x81")
    with pytest.raises(TextError, match=r"a\.txt is no text"):
        find_recordings(tmp_path)


@pytest.mark.parametrize(
    ("options", "sentence", "kind"),
    [
        (["--share", "5"], "share", ConfigError),
        (["--method", "foo"], "method", ConfigError),
        (["--epochs", "inf"], "--epochs: ", ConfigError),
        (["--epochs", "0"], "--epochs: Input should be greater than 0. Correct these options.", ConfigError),
        (["--flow-epochs", "inf"], "--flow-epochs: ", ConfigError),
        (["--patience", "0"], "--patience: ", ConfigError),
        (["--learning-rate", "nan"], "--learning-rate: ", ConfigError),
        (["--learning-rate", "0"], "--learning-rate: ", ConfigError),
        (["--method", "full", "--share", "0.3"], "share is that of an adapter", ConfigError),
        (["-o", "/proc/none/a.glmvoice"], "Choose another --output", VoiceError),
        (["-o", "x" * 300 + "/a.glmvoice"], "name too long", VoiceError),
        (["-o", str(Path(__file__) / "a.glmvoice")], "cannot be written: ", VoiceError),
        (["--language", "xx"], "language is 'xx'", ConfigError),
        (["--licence", "\udce9"], "UTF-8", ConfigError),
        (["--asr", "nope"], "no speech recogniser", AsrError),
        (["-o", "a\\b.glmvoice"], "no name of a voice", VoiceError),
        (["-o", ".glmvoice/"], "", GlmTtsError),
    ],
)
def test_options_are_looked_at_before_recordings(
    options: list[str], sentence: str, kind: type[Exception], tmp_path: Path
) -> None:
    given = [str(tmp_path / "missing"), "-o", str(tmp_path / "a.glmvoice"), "--consent", "A.", *options]
    result = CliRunner().invoke(app, ["voice", "train", *given, "--work", str(tmp_path / "work")])
    assert isinstance(result.exception, kind) and sentence in str(result.exception)
    assert "holds no recordings" not in str(result.exception) and "VoiceTraining" not in str(result.exception)


def test_a_work_folder_that_cannot_be_made_is_one_sentence(recordings: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    given = [str(recordings), "-o", str(tmp_path / "a.glmvoice"), "--consent", "A.", "--work", str(tmp_path / "file/w")]
    result = CliRunner().invoke(app, ["voice", "train", *given])
    assert isinstance(result.exception, VoiceError) and "cannot be written: Not a directory" in str(result.exception)


@pytest.fixture
def maker(bundle: Bundle) -> TakeMaker:
    return TakeMaker(bundle, bundle.frontend(), None)


def test_what_a_clause_was_cut_from_is_known_also_where_it_serves_for_nothing(maker: TakeMaker) -> None:
    loud = speechlike(2.0)
    for wave in (loud[:100], loud[: int(0.4 * RATE)], 0 * loud):
        take = maker._take("u+1", wave, "A tone.", "en", "u")
        assert take.problem and (take.id, take.parent) == ("u+1", "u")


def test_a_stretch_without_a_pause_is_named(maker: TakeMaker, tmp_path: Path) -> None:
    """Nothing to cut at, and too long for the language model's positions; what comes after its pause serves."""
    tone = 0.3 * torch.sin(torch.arange(int((LONGEST_SECONDS + 1) * RATE)) * 2 * torch.pi * 200 / RATE)
    wave = torch.cat([tone, torch.zeros(RATE), speechlike(1.6)])
    soundfile.write(tmp_path / "long.wav", wave.numpy(), RATE)
    first, second = maker.takes(Recording("long", tmp_path / "long.wav", None, "en"))
    assert (first.id, first.parent, first.problem) == ("long-000", "long-000", "21 s without a pause: cut it")
    assert second.id == "long-001" and len(second.tokens)
    assert [one.take.id for one in check([first], LOOSE).dropped] == ["long-000"]


def test_a_text_that_the_recogniser_cannot_hear_is_not_taken_for_right(maker: TakeMaker) -> None:
    assert maker.judge.recogniser is not None
    tokens = torch.zeros(maker.judge.recogniser.longest + 1, dtype=torch.int64)
    alignment, nll, problem = maker._read("u", "A tone.", "en", 60.0, tokens)
    assert not len(alignment) and nll is None
    (dropped,) = check([replace(take(0), nll=nll, problem=problem)], LOOSE).dropped
    assert "longer than the recogniser" in dropped.why
    maker.judge.recogniser = None  # a bundle without one: nobody can tell, and nothing is held against a recording
    assert maker._read("u", "A tone.", "en", 60.0, tokens)[1:] == (None, "")


def test_names_that_no_file_can_have_are_one_sentence(tmp_path: Path) -> None:
    for name in ("x" * 5000, "a\\u0000b", "\\ud800", "y/" * 3000):
        (tmp_path / "index.jsonl").write_text(f'{{"id": "{name}", "text": "A tone."}}', encoding="utf-8")
        with pytest.raises(VoiceError, match="holds no audio file called") as error:
            find_recordings(tmp_path)
        assert len(str(error.value)) < 200 + len(str(tmp_path))
    with pytest.raises(VoiceError, match="cannot be used: File name too long"):
        find_recordings(tmp_path / ("x" * 5000))
