"""Accuracy, size and speed of readers of Mandarin polyphones on lines of CPP.

pip install g2pM
python benchmarks/polyphones.py cpp_test.tsv
"""

import argparse
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import torch
from report import environment, write_result

from glmtts.text.data import data_file
from glmtts.text.mandarin import dictionary_readings, read_pinyin
from glmtts.text.polyphones import WEIGHTS
from glmtts.text.words import WORDS

sys.path.append(str(Path(__file__).parents[1] / "recipes/text"))
from train_polyphones import Line, read_cpp

PARTICLES = "地得"
Reader = Callable[[str], list[str | None]]


def g2pm() -> Reader:
    """The package g2pM, one entry a character."""
    from g2pM import G2pM

    model = G2pM()
    return lambda text: [reading.replace("u:", "v") for reading in model(text, tone=True, char_split=True)]


def folder_size(name: str) -> int:
    """Bytes of an installed package."""
    spec = find_spec(name)
    assert spec is not None and spec.origin is not None
    files = Path(spec.origin).parent.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file() and "__pycache__" not in file.parts)


def measure(reader: Reader, lines: list[Line], size: int) -> dict[str, float]:
    """Accuracy at the marked characters, and without 地 and 得; sentences a CPU second on one core, one to warm up."""
    reader(lines[0][0])
    started = time.process_time()
    right = [reader(text)[position] == reading for text, position, reading in lines]
    taken = time.process_time() - started
    others = [good for good, (text, position, _) in zip(right, lines, strict=True) if text[position] not in PARTICLES]
    return {
        "accuracy_percent": round(100 * sum(right) / len(right), 2),
        "without_particles_percent": round(100 * sum(others) / len(others), 2),
        "megabytes": round(size / 1e6, 2),
        "sentences_per_cpu_second": round(len(lines) / taken),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", type=Path, help="cpp_test.tsv: sentence with ▁ around a polyphone, reading")
    lines = read_cpp(parser.parse_args().lines)
    torch.set_num_threads(1)
    pypinyin = folder_size("pypinyin")
    own = sum(data_file(name).stat().st_size for name in (WEIGHTS, WORDS, "corrections.tsv", "contexts.tsv"))
    systems: dict[str, tuple[Reader, int]] = {
        "pypinyin": (dictionary_readings, pypinyin),
        "ours": (read_pinyin, pypinyin + folder_size("opencc") + own),
    }
    if find_spec("g2pM"):
        systems["g2pM"] = (g2pm(), folder_size("g2pM"))
    write_result(
        "polyphones",
        environment()
        | {
            "lines": len(lines),
            "systems": {name: measure(reader, lines, size) for name, (reader, size) in systems.items()},
        },
    )


if __name__ == "__main__":
    main()
