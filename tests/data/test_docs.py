"""The examples of docs/data.md run, one after another."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

DOCUMENT = Path(__file__).parents[2] / "docs" / "data.md"


def test_the_examples_of_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recordings").mkdir()
    for number in range(3):
        path = tmp_path / "recordings" / f"{number}.wav"
        soundfile.write(path, 0.1 * np.sin(np.arange(24000 + 480 * number) / 9), 24000)
        path.with_suffix(".txt").write_text("Hello there.")
    names: dict = {}
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    for block in blocks:
        exec(block, names)
    assert len(blocks) == 3
    assert {len(item.features["mel"]) for item in names["items"]} <= {50, 51, 52}
