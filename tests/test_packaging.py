"""What is handed on: the lock file, the container, the samples of the README."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import soundfile
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from glmtts.audio.provenance import MARK, synthetic_mark

ROOT = Path(__file__).resolve().parents[1]
LARGEST_SAMPLE = 100_000  # bytes


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def requirements() -> Iterator[Requirement]:
    """Everything that the project asks for by itself, of all extras."""
    project = tomllib.loads(read("pyproject.toml"))["project"]
    for extra in (project["dependencies"], *project["optional-dependencies"].values()):
        yield from (wanted for wanted in map(Requirement, extra) if wanted.name != project["name"])


def test_the_lock_holds_what_the_project_asks_for() -> None:
    """What the auditor looks at must be what is installed: `uv lock` after a change of the dependencies."""
    locked: dict[str, list[str]] = {}
    for package in tomllib.loads(read("uv.lock"))["package"]:
        locked.setdefault(package["name"], []).append(package.get("version", ""))
    for wanted in requirements():
        versions = locked.get(canonicalize_name(wanted.name), [])
        assert any(wanted.specifier.contains(version, prereleases=True) for version in versions), wanted


def test_every_locked_file_has_a_hash_and_comes_over_https() -> None:
    packages: list[dict[str, Any]] = tomllib.loads(read("uv.lock"))["package"]
    fetched = [package for package in packages if "registry" in package["source"]]
    assert len(fetched) > 50
    for package in fetched:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files and all(file["hash"].startswith("sha256:") for file in files), package["name"]
        assert all(file["url"].startswith("https://") for file in files), package["name"]


def test_the_container_has_the_torch_of_the_readme() -> None:
    (version,) = re.findall(r"^ARG TORCH=(.+)$", read("Dockerfile"), re.MULTILINE)
    assert f"torch=={version}\n" in read("README.md")
    kept = re.findall(r"^!(.+)$", read(".dockerignore"), re.MULTILINE)
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", read("Dockerfile"), re.MULTILINE)
    assert {name for line in copied for name in line.split()} == set(kept)


def test_the_samples_can_be_heard() -> None:
    table = tomllib.loads(read("docs/samples/samples.toml"))["sample"]
    linked = re.findall(r"\(docs/samples/(\S+\.opus)\)", read("README.md"))
    made = [sample["file"] for sample in table]
    assert sorted(linked) == sorted([*made, "recording.opus"]) and len(made) == 6
    for name in made:
        path = ROOT / "docs/samples" / name
        assert path.stat().st_size < LARGEST_SAMPLE
        assert 1 < soundfile.info(path).duration < 20
        assert MARK in (synthetic_mark(path) or "")


def test_the_list_without_pytorch_is_the_package_s_own() -> None:
    """What speaks by ONNX Runtime is installed from a list, since no extra can leave a dependency out."""
    project = tomllib.loads(read("pyproject.toml"))["project"]
    listed = {line for line in read("deploy/requirements-onnx.txt").splitlines() if not line.startswith("#")}
    own = set(project["dependencies"]) | set(project["optional-dependencies"]["onnx"])
    assert listed <= own
    left_out = {Requirement(line).name for line in set(project["dependencies"]) - listed}
    assert left_out == {"torch", "huggingface_hub"}
