"""A list with recordings, and a run of it with the tiny bundle."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from glmtts.eval import scorers
from glmtts.eval.scorers import Clip

TEXTS = ("Hello there.", "How are you today?", "你好。", "Good night.", "我们走吧。", "One two three.", "再见。")


class Level:
    """A scorer of a plug-in: the level of a clip."""

    name = "level"
    columns = ("level",)
    higher_is_better = {"level": True}  # noqa: RUF012
    stand_in_for = "somebody's ear"

    def score(self, clips: list[Clip]) -> list[dict[str, float | None]]:
        """Root mean square of each."""
        return [{"level": float(np.sqrt(np.mean(clip.wave**2)))} for clip in clips]


scorers.register("level", f"{__name__}:Level")


@pytest.fixture(scope="session")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an index and a recording of each line but the last."""
    folder = tmp_path_factory.mktemp("lines") / "spoken"
    folder.mkdir()
    index = []
    for number, text in enumerate(TEXTS):
        lang = "zh" if ord(text[0]) > 255 else "en"
        index.append(json.dumps({"id": f"line{number}", "lang": lang, "text": text}))
        tone = np.sin(np.arange(16000) * 0.05 * (number + 1)).astype(np.float32) * 0.3
        if number < len(TEXTS) - 1:
            soundfile.write(folder / f"line{number}.flac", tone, 16000)
    (folder / "index.jsonl").write_text("\n".join(index) + "\n", encoding="utf-8")
    return folder
