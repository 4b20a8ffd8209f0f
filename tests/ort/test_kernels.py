"""Which kernel is fastest is found out on any machine, also where nothing can be remembered."""

from pathlib import Path

import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from glmtts.ort import kernels


def test_a_home_that_takes_nothing_costs_the_measurement_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert kernels.accuracy_level(4, 32, 1) in (kernels.ROUNDED, kernels.EXACT)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_was_remembered_may_be_nested_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "glm-tts").mkdir()
    (tmp_path / "glm-tts" / "kernels.json").write_text("[" * 100_000)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert kernels.accuracy_level(4, 32, 1) in (kernels.ROUNDED, kernels.EXACT)


def test_a_user_without_a_home_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under a number which no file there knows."""
    pwd = pytest.importorskip("pwd", reason="users of POSIX")

    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert kernels.cache_folder() is None
    assert kernels.accuracy_level(4, 32, 1) in (kernels.ROUNDED, kernels.EXACT)
