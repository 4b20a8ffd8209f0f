"""What the head of a report says of code and machine."""

import subprocess
from pathlib import Path

from glmtts.eval.hardware import commit


def test_a_commit_is_that_of_the_repository_that_tracks_the_code(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        done = subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    code = tmp_path / ".venv/lib/glmtts/hardware.py"
    code.parent.mkdir(parents=True)
    code.write_text("code\n", encoding="utf-8")
    (tmp_path / "own.py").touch()
    git("init", "-q")
    git("add", "own.py")
    git("commit", "-q", "-m", "own")
    assert commit(code) is None  # installed in an environment within somebody's project
    git("add", "-f", str(code))
    git("commit", "-q", "-m", "code")
    assert commit(code) == git("rev-parse", "--short", "HEAD")
    code.write_text("changed\n", encoding="utf-8")
    assert commit(code) == git("rev-parse", "--short", "HEAD") + "+"
