"""Files of settings have bounds, and whatever is in them, one sentence says what is wrong."""

from pathlib import Path
from typing import Any

import pytest

from glmtts.config import read_json, read_toml
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
