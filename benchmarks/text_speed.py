"""Speed and size of the text front end, on one core; how often it is right is `glm-tts eval text`.

    python benchmarks/text_speed.py --polyphones cpp_test.tsv --homographs homographs_eval.tsv

Sentences a second of CPU time: written to spoken; the whole way from text to ids, for sentences without polyphones and
homographs, which need no model; polyphones, beside pypinyin and, where it is installed, g2pM; English homographs.
"""

import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from report import environment, write_result

from glmtts.bundle import Bundle
from glmtts.eval.text.readings import choosers, read_homographs, read_marked, readers
from glmtts.programs import a_file, parser_of, run_program
from glmtts.text.data import data_file
from glmtts.text.english import WORD
from glmtts.text.homographs import homograph_model
from glmtts.text.normalise import normalise
from glmtts.text.polyphones import polyphone_model

CASES = Path(__file__).parents[1] / "tests" / "text"
TARGET_SECONDS = 1.0
OWN = {"ours": ("polyphones.safetensors", "words.xz", "corrections.tsv", "contexts.tsv")}
PACKAGES = {"pypinyin": ("pypinyin",), "ours": ("pypinyin", "opencc"), "g2pM": ("g2pM",)}


def rate(work: Callable[[str], object], sentences: Sequence[str]) -> int:
    """Sentences that `work` takes in a second of CPU time, over and over after one round to warm up."""
    for sentence in sentences:
        work(sentence)
    started, count = time.process_time(), 0
    while time.process_time() - started < TARGET_SECONDS:
        for sentence in sentences:
            work(sentence)
        count += len(sentences)
    return round(count / (time.process_time() - started))


def needs_no_model(text: str) -> bool:
    """Whether every reading comes from dictionaries: no polyphone for the network, no homograph for the classifier."""
    words = homograph_model().words
    return not any(character in polyphone_model().candidates for character in text) and not any(
        word.lower() in words for word in WORD.findall(text)
    )


def folder_size(name: str) -> int:
    """Bytes of an installed package."""
    spec = find_spec(name)
    assert spec is not None and spec.origin is not None
    files = Path(spec.origin).parent.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file() and "__pycache__" not in file.parts)


def normalisation() -> dict[str, Any]:
    """Both languages, normalised, and on to ids."""
    frontend, found = Bundle.open().frontend(), {}

    def to_ids(text: str) -> None:
        for piece in frontend.prepare(text):
            frontend.ids(piece.text)

    for language in ("zh", "en"):
        lines = (CASES / f"normalisation_{language}.tsv").read_text(encoding="utf-8").splitlines()
        written = [line.split("\t")[0] for line in lines]
        plain = [text for text in written if needs_no_model(" ".join(piece.text for piece in frontend.prepare(text)))]
        found[language] = {
            "normalised_per_cpu_second": rate(lambda text, name=language: normalise(text, name), written),
            "text_to_ids_without_model": {"sentences": len(plain), "sentences_per_cpu_second": rate(to_ids, plain)},
        }
    return found


def polyphones(path: Path) -> dict[str, Any]:
    """Sentences a second and megabytes of each reader."""
    sentences, found = [text for text, _, _ in read_marked(path)], {}
    for name, reader in readers().items():
        size = sum(map(folder_size, PACKAGES[name])) + sum(data_file(f).stat().st_size for f in OWN.get(name, ()))
        reader(sentences[0])
        started = time.process_time()
        for sentence in sentences:
            reader(sentence)
        per_second = round(len(sentences) / (time.process_time() - started))
        found[name] = {"megabytes": round(size / 1e6, 2), "sentences_per_cpu_second": per_second}
    return found


def homographs(path: Path) -> dict[str, int]:
    """Homographs a second of each way to read them."""
    lines, found = read_homographs(path), {}
    for name, choose in choosers(None).items():
        choose(*lines[0][:3])
        started = time.process_time()
        for line in lines:
            choose(*line[:3])
        found[name] = round(len(lines) / max(1e-6, time.process_time() - started))
    return found


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--polyphones", type=a_file, required=True, help="cpp_test.tsv")
    parser.add_argument("--homographs", type=a_file, required=True, help="homographs_eval.tsv")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    result = environment() | {"normalisation": normalisation()}
    result |= {"polyphones": polyphones(arguments.polyphones), "homographs": homographs(arguments.homographs)}
    write_result("text_speed", result)


if __name__ == "__main__":
    run_program(main)
