"""Data of the text front end, read through `importlib.resources`; docs/phonemes.md says where each file comes from."""

from importlib.resources import as_file, files
from pathlib import Path


def read_lines(name: str) -> list[str]:
    """Lines of a text file of this folder."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8").splitlines()


def data_file(name: str) -> Path:
    """Path of a file of this folder, for readers that want one."""
    with as_file(files(__name__).joinpath(name)) as path:
        return path
