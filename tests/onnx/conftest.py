"""The tiny bundle, exported once."""

from pathlib import Path

import pytest

from glmtts.onnx.bundle import OnnxBundle
from glmtts.onnx.export import export


@pytest.fixture(scope="session")
def exported_folder(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onnx") / "tiny"
    export(tiny_folder, folder)
    return folder


@pytest.fixture(scope="session")
def exported(exported_folder: Path) -> OnnxBundle:
    return OnnxBundle.open(exported_folder, threads=1)
