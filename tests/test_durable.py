"""A new folder is there whole or not at all."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from glmtts import durable
from glmtts.audio.io import write_audio
from glmtts.data.pipeline.store import write_whole
from glmtts.durable import new_folder
from glmtts.errors import AudioError


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_is_filled_whole_or_not_at_all(tmp_path: Path, there: bool) -> None:
    target = tmp_path / "below/out"
    if there:
        target.mkdir(parents=True)
    with pytest.raises(OSError, match="full"), new_folder(target) as folder:
        (folder / "half").touch()
        raise OSError("full")
    assert target.is_dir() == there and [path for path in tmp_path.rglob("*") if path.name == "half"] == []
    with new_folder(target) as folder:
        (folder / "voices").mkdir()
        (folder / "voices/a").write_text("a", encoding="utf-8")
        (folder / "config.json").write_text("b", encoding="utf-8")
    assert sorted(path.relative_to(target).as_posix() for path in target.rglob("*")) == [
        "config.json",
        "voices",
        "voices/a",
    ]
    assert list(target.parent.iterdir()) == [target]
    assert target.stat().st_mode & 0o777 == (tmp_path / "below").stat().st_mode & 0o777


@pytest.fixture
def folders_fail(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A disk on which the flush of a folder, and of nothing else, fails with an error of the system."""
    fsync = os.fsync

    def use(number: int) -> None:
        def failing(handle: int) -> None:
            if stat.S_ISDIR(os.fstat(handle).st_mode):
                raise OSError(number, os.strerror(number))
            fsync(handle)

        monkeypatch.setattr("os.fsync", failing)

    return use


def _write_audio(path: Path) -> None:
    write_audio(path, np.zeros(240, np.float32), 24000)


def _replace(path: Path) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(b"a")
    with durable.writable(path, AudioError, "Choose another path."):
        durable.replace(part, path)


def _fill(path: Path) -> None:
    path.mkdir()
    with durable.writable(path, AudioError, "Choose another path."), new_folder(path) as folder:
        (folder / "a").touch()


@pytest.mark.parametrize("write", [_write_audio, _replace, _fill])
def test_what_is_in_its_place_is_not_said_to_be_unwritable(
    tmp_path: Path, folders_fail: Callable[[int], None], write: Callable[[Path], None]
) -> None:
    folders_fail(errno.EIO)
    target = tmp_path / "out.wav"
    with pytest.raises(AudioError, match="is written and whole, but the disk does not say that it keeps it") as told:
        write(target)
    assert target.exists() and "cannot be written" not in str(told.value)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_folder_that_no_call_can_flush_is_no_failure(
    tmp_path: Path, folders_fail: Callable[[int], None], number: int
) -> None:
    """As on network disks: nothing failed, and nothing could be done."""
    folders_fail(number)
    for write in (_write_audio, _replace, _fill):
        write(tmp_path / f"{write.__name__}.wav")


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "below/results.json"
    durable.write_text(target, "before", AudioError, "Choose another path.")
    for fault, kind in ((OSError(28, "full"), AudioError), (KeyError("x"), KeyError)):
        with pytest.raises(kind), durable.whole_file(target, AudioError, "Choose another path.") as part:
            part.write_text("half", encoding="utf-8")
            assert part.suffix == ".json" and durable.half_written(part)  # libraries write by the suffix
            raise fault
        assert target.read_text(encoding="utf-8") == "before" and list(target.parent.iterdir()) == [target]
    with pytest.raises(AudioError, match=r"results\.json cannot be written: .*surrogates.* Choose another path"):
        durable.write_text(target, "\ud800", AudioError, "Choose another path.")
    assert target.read_text(encoding="utf-8") == "before" and list(target.parent.iterdir()) == [target]
    assert not any(map(durable.half_written, (target, tmp_path / ".part", tmp_path / ".DS_Store", tmp_path / "a.part")))


def _safetensors(path: Path) -> None:
    with durable.whole(path) as part:
        save_file({"a": np.zeros(3)}, part)


def _pipeline(path: Path) -> None:
    write_whole(path, b"a")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize("write", [_safetensors, _pipeline, _write_audio])
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o007, 0o660)])
def test_a_file_has_the_permissions_of_new_files(
    tmp_path: Path, write: Callable[[Path], None], umask: int, mode: int
) -> None:
    """Neither for its owner alone, as safetensors writes, nor for all where the user lets nobody read."""
    target = tmp_path / "out.wav"
    durable.part_of(target).touch(0o400)  # of a killed process
    before = os.umask(umask)
    try:
        write(target)
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == mode
