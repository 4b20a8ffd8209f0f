"""A new folder is there whole or not at all."""

from pathlib import Path

import pytest

from glmtts.durable import new_folder


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
