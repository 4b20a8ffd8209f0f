"""What has been scored: a line for each answer, so that none is scored twice, whatever is killed and started again."""

import json
from pathlib import Path


class Ledger:
    """Scores by the keys of answers, in memory and, where a path is given, in a file of JSON lines."""

    def __init__(self, path: Path | None = None) -> None:
        self.path, self._scores = path, dict[str, float]()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._read(path)

    def _read(self, path: Path) -> None:
        if not path.exists():
            return
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]  # a kill can leave the last line unfinished
        if len(whole) < len(data):
            with path.open("r+b") as file:
                file.truncate(len(whole))
        for line in whole.splitlines():
            row = json.loads(line)
            self._scores[row["key"]] = row["score"]

    def __contains__(self, key: str) -> bool:
        return key in self._scores

    def get(self, key: str) -> float | None:
        """The score of an answer; None where it has none."""
        return self._scores.get(key)

    def __len__(self) -> int:
        return len(self._scores)

    def add(self, key: str, score: float) -> None:
        """Keep a score; it is in the file before this returns."""
        self._scores[key] = score
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "score": score}) + "\n")
