"""What is handed on: the lock file, the container, the samples of the README."""

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import soundfile
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from glmtts.audio.provenance import MARK, synthetic_mark
from glmtts.version import NAMES

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


def test_the_package_without_pytorch_asks_for_all_but_that() -> None:
    project, other = (tomllib.loads(read(name))["project"] for name in ("pyproject.toml", "deploy/onnx/pyproject.toml"))
    listed = set(other["dependencies"])
    own = set(project["dependencies"]) | set(project["optional-dependencies"]["onnx"])
    assert listed <= own
    left_out = {Requirement(line).name for line in set(project["dependencies"]) - listed}
    assert left_out == {"torch", "huggingface_hub"}
    assert other["optional-dependencies"]["server"] == project["optional-dependencies"]["server"]
    for same in ("version", "requires-python", "scripts", "license"):
        assert project[same] == other[same]
    assert other["name"] in NAMES


def test_the_package_without_pytorch_holds_all_code_and_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hatchling", reason="builds packages; the dev extra has it")
    monkeypatch.syspath_prepend(str(ROOT / "deploy/onnx"))
    files = import_module("package").Files.__new__(import_module("package").Files)
    build: dict[str, Any] = {"force_include": {}}
    files.initialize("standard", build)
    sys.modules.pop("package")
    held = set(build["force_include"].values())
    assert {"glmtts/onnx/synthesizer.py", "glmtts/text/data/polyphones.safetensors", "glmtts/py.typed"} <= held
    assert not any("models/mini" in name for name in held)
    assert all(Path(source).is_file() for source in build["force_include"])
