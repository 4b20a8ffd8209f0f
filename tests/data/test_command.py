"""`glm-tts data`."""

from pathlib import Path

import pytest

from glmtts.cli import main
from glmtts.data import FeatureSpec, add_feature
from glmtts.data.manifest import read_manifest
from tests.data.made_up import write


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr("sys.argv", ["glm-tts", "data", *map(str, arguments)])
    main()


def test_inspect_counts_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = write(tmp_path / "one", [2.0] * 900), write(tmp_path / "other", [6.0] * 300)
    add_feature(one, "tokens", FeatureSpec(rate=25, made_by="v1"), lambda item: item.features["mel"][::2, 0], ("mel",))
    write(one, [0.3], first=900)
    with pytest.raises(SystemExit, match="0"):
        run(monkeypatch, "inspect", one, other)
    lines = {" ".join(line.split()) for line in capsys.readouterr().out.splitlines()}
    assert any(line.startswith("1,201 utterances, 1.00 h, 61 shards, 91 speakers") for line in lines)
    assert {"one 0.50 h", "other 0.50 h", "zh 0.67 h", "en 0.33 h"} <= lines
    assert {f"from 2 s 900 {'█' * 40}", f"from 5 s 300 {'█' * 13}", "from 0 s 1"} <= lines
    assert any(
        "one/tokens float16 1, 25 frames a second" in one and "in 30 of 31 shards, made by v1" in one for one in lines
    )
    assert sum("你好" in line for line in lines) == 5
    assert "one: made up" in lines


def test_verify_names_the_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "one", [2.0] * 3)
    with pytest.raises(SystemExit, match="0"):
        run(monkeypatch, "verify", folder)
    assert "3 files are as they were written" in capsys.readouterr().out
    entry = read_manifest(folder).shards[0]
    path = folder / entry.folder / entry.files["speaker"].file
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, "verify", folder)
    assert f"dataset.json: {path}" in capsys.readouterr().err
