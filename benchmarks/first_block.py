"""Time and size of the README's first block on a fresh machine: a commit's files, a new environment, nothing cached.

    python benchmarks/first_block.py --commit d4cde5f --name first_block_before
    python benchmarks/first_block.py

The block runs line by line in an empty folder, as a reader would paste it; pip's own settings, such as a mirror, stay
those of the machine. What the machine received from the network meanwhile is counted, other programs' share with it.
Results go to benchmarks/results/NAME.json.
"""

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from report import environment, write_result

from glmtts.programs import parser_of, run_program

ROOT = Path(__file__).parents[1]


def first_block(readme: str) -> list[str]:
    """The commands of the first fenced block of bash."""
    return readme.split("```bash\n", 1)[1].split("```", 1)[0].strip().splitlines()


def unpack(commit: str, folder: Path) -> None:
    """A commit's files, as a download has them."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")


def received_mib() -> float:
    """MiB that the machine has received since it started, without the loopback."""
    lines = Path("/proc/net/dev").read_text(encoding="utf-8").splitlines()[2:]
    fields = (line.split(":", 1) for line in lines)
    return sum(int(rest.split()[0]) for name, rest in fields if name.strip() != "lo") / 2**20


def run(commands: list[str], folder: Path) -> list[dict[str, Any]]:
    """Seconds and MiB of each command. Raises CalledProcessError where one fails."""
    quiet = {**os.environ, "PIP_NO_CACHE_DIR": "1"}
    rows = []
    for command in commands:
        begun, before = time.perf_counter(), received_mib()
        subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, env=quiet, check=True)
        seconds, fetched = time.perf_counter() - begun, received_mib() - before
        rows.append({"command": command, "seconds": round(seconds, 1), "received_mib": round(fetched)})
    return rows


def size_mib(folder: Path) -> int:
    """What a folder takes on the disk."""
    return round(sum(path.lstat().st_blocks * 512 for path in folder.rglob("*")) / 2**20)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--commit", default="HEAD")
    parser.add_argument("--name", default="first_block", help="of the result's file")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="first-block-"))
    try:
        unpack(given.commit, folder)
        rows = run(first_block((folder / "README.md").read_text(encoding="utf-8")), folder)
        sites = next((folder / ".venv" / "lib").glob("python*/site-packages"))
        torch = next(path.name.split("-")[1] for path in sites.glob("torch-*.dist-info"))
        about = {"readme_of": given.commit, "torch_installed": torch, "packages": len(list(sites.glob("*.dist-info")))}
        sizes = {
            "environment_mib": size_mib(folder / ".venv"),
            "seconds": round(sum(row["seconds"] for row in rows), 1),
        }
    finally:
        shutil.rmtree(folder)
    write_result(given.name, {**about, **sizes, "commands": rows, **environment()})


if __name__ == "__main__":
    run_program(main)
