"""Files of settings have bounds, and whatever is in them, one sentence says what is wrong."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from glmtts.config import StrictConfig, read_json, read_toml
from glmtts.errors import ConfigError

DEEP = 100_000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * DEEP + "]" * DEEP, "nested too deep"),
        ('{"a":' * DEEP + "1" + "}" * DEEP, "nested too deep"),
        ("[" * 65 + "]" * 65, "nested too deep"),
        ("{", "no JSON"),
        ('{"rate": NaN}', "NaN"),
        ("[1e999]", "1e999"),
        ('"' + "x" * 2000 + '"', "larger than 1000 bytes"),
        (b"\xff\xfe", "no JSON"),
    ],
)
def test_json_that_is_refused(tmp_path: Path, text: str | bytes, reason: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=reason) as error:
        read_json(path, 1000 if "larger" in reason else 8 << 20)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("text", ["a = " + "[" * DEEP + "]" * DEEP, "a" + ".a" * DEEP + " = 1", "a = "])
def test_toml_that_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        read_toml(path)


def test_what_is_valid_is_read(tmp_path: Path) -> None:
    values: dict[str, Any] = {"a": {"b": [1, {"c": "ü"}]}}
    (tmp_path / "a.json").write_text('{"a": {"b": [1, {"c": "ü"}]}}', encoding="utf-8")
    (tmp_path / "a.toml").write_text('a.b = [1, {c = "ü"}]', encoding="utf-8")
    assert read_json(tmp_path / "a.json") == read_toml(tmp_path / "a.toml") == values
    with pytest.raises(ConfigError, match=r"missing\.json"):
        read_json(tmp_path / "missing.json")


class Renamed(StrictConfig):
    RENAMED: ClassVar[Mapping[str, str]] = {"slack": "extra", "spare": "extra", "fewest": "least"}
    extra: int = 0
    least: int = 0


@pytest.mark.parametrize("values", [{"slack": 1, "extra": 2}, {"extra": 2, "slack": 1}, {"slack": 1, "spare": 1}])
def test_a_key_by_two_names_is_refused(values: dict[str, int]) -> None:
    assert Renamed.parse({"slack": 1, "fewest": 2}) == Renamed(extra=1, least=2)
    with pytest.raises(ConfigError, match=r"'slack' is 'extra'.* by an earlier name, and both are given") as error:
        Renamed.parse({**values, "fewest": 2})
    assert "fewest" not in str(error.value)
