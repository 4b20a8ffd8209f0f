"""Trains the classifier of Mandarin polyphones and writes `src/glmtts/text/data/polyphones.safetensors`.

    pip install g2pM
    python recipes/text/train_polyphones.py cpp_dev.tsv --everyday sentences.json --exclude heldout_zh.txt

Takes g2pM's network as it is (Apache-2.0), and fits, on the development set of CPP, how far to trust it, pypinyin's
phrases, the words and the characters around. CPP is encyclopaedic: without the everyday sentences (the package
`hsk-sentences-audio`, every second one) the network's 桌子 zi3 and 了解 le5 would win. Their pinyin comes from a
dictionary, which writes di4 and de2 for the particles 地 and 得; where a word or grammar tells the reading, that is
the label instead.
"""

import json
import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hashed_training import Classifier, Examples, cross_validate, fit
from pypinyin.constants import PINYIN_DICT
from pypinyin.contrib.tone_convert import to_tone3
from safetensors.torch import save_file

from glmtts.errors import DataError
from glmtts.eval.text.readings import Line, everyday_readings, read_marked
from glmtts.eval.text.tables import read_lines
from glmtts.programs import a_file, parser_of, run_program, write_whole
from glmtts.text.grammar import told_reading
from glmtts.text.hashed import HashedScorer, bucket
from glmtts.text.mandarin import dictionary_readings, word_reading_at
from glmtts.text.polyphone_features import DENSE, dense_features, phrases_around, sparse_features
from glmtts.text.polyphones import WEIGHTS, PolyphoneModel, PolyphoneNetwork
from glmtts.text.words import Sentence

BITS, PENALTY = 16, 0.03
START = [0.5, 0.5, 0.5] + [0.0] * (DENSE - 3)
OUT = Path(__file__).parents[2] / "src/glmtts/text/data" / WEIGHTS


def read_everyday(path: Path, exclude: set[str], candidates: dict[str, list[str]], odd: bool) -> list[Line]:
    """Polyphones of the even or odd sentences of hsk-sentences-audio whose pinyin lines up with the characters."""
    return [
        (text, place, name)
        for number, text, readings in everyday_readings(path)
        if number % 2 == odd and text not in exclude
        for place, name in readings.items()
        if text[place] in candidates
    ]


def read_g2pm() -> tuple[dict[str, torch.Tensor], str, list[str]]:
    """State dict, characters in the order of their ids, and readings, from the installed package g2pM."""
    spec = find_spec("g2pM")
    if spec is None or spec.origin is None:
        raise DataError("The package g2pM is not installed. Install it: pip install g2pM")
    folder = Path(spec.origin).parent
    tables: list[Any] = [
        pickle.loads((folder / f"{name}.pkl").read_bytes()) for name in ("np_ckpt", "char2idx", "class2idx")
    ]
    state = {name: torch.tensor(np.asarray(value)).half() for name, value in tables[0].items()}
    # The first four entries are padding, unknown, begin and end: stand-ins of one character keep ids in step.
    characters = "\0\1\2\3" + "".join(sorted(tables[1], key=tables[1].__getitem__)[4:])
    return state, characters, [name.replace("u:", "v") for name in sorted(tables[2], key=tables[2].__getitem__)]


def candidates_of(lines: list[Line], classes: list[str]) -> dict[str, list[str]]:
    """Readings of each polyphone: those of the development set, and pypinyin's that the network knows."""
    found: dict[str, set[str]] = {}
    for text, position, reading in lines:
        found.setdefault(text[position], set()).add(reading)
    for character, readings in found.items():
        known = (to_tone3(name, neutral_tone_with_five=True) for name in PINYIN_DICT[ord(character)].split(","))
        readings |= set(known) & set(classes)
    return {character: sorted(readings) for character, readings in sorted(found.items())}


def examples_of(lines: list[Line], model: PolyphoneModel, trusted: bool = True) -> Examples:
    """Hashed and dense features of every candidate of every line."""
    buckets, numbers, answers = [], [], []
    for text, position, reading in lines:
        labels = model.candidates[text[position]]
        dictionary, phrases = dictionary_readings(text)[position], phrases_around(text, position)
        probabilities = model.probabilities(text, [position])[0]
        network = max(probabilities, key=lambda label: probabilities[label])
        sentence = Sentence(text)
        features = sparse_features(sentence, position, phrases, dictionary, network)
        buckets.append([[bucket(feature, label) for feature in features] for label in labels])
        word = word_reading_at(sentence, position)
        numbers.append([dense_features(label, phrases, dictionary, probabilities) for label in labels])
        plain = "" if trusted else word or told_reading(sentence, position)
        reading = plain or reading
        # Everyday labels come from a dictionary: one that neither reader supports is more likely a slip.
        believed = reading in labels and (trusted or bool(plain) or reading in (dictionary, network))
        answers.append(labels.index(reading) if believed else -1)
    return Examples.pack(buckets, numbers, answers)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument(
        "dev", type=a_file, help="development lines of CPP: sentence with ▁ around a polyphone, reading"
    )
    parser.add_argument("--everyday", type=a_file, help="sentences.json of the package hsk-sentences-audio")
    parser.add_argument("--exclude", type=a_file, help="sentences to keep out, one a line")
    arguments = parser.parse_args()
    lines = read_marked(arguments.dev)
    state, characters, classes = read_g2pm()
    network = PolyphoneNetwork({name: value.float().numpy() for name, value in state.items()})
    candidates = candidates_of(lines, classes)
    model = PolyphoneModel(network, characters, classes, candidates, HashedScorer([0.0]), START)
    examples = examples_of(lines, model)
    extra = None
    if arguments.everyday:
        exclude = {line for _, line in read_lines(arguments.exclude)} if arguments.exclude else set()
        everyday = read_everyday(arguments.everyday, exclude, candidates, odd=False)
        extra = examples_of(everyday, model, trusted=False)
    print(f"cross-validated accuracy: {cross_validate(examples, BITS, PENALTY, START, extra):.4f}")
    classifier: Classifier = fit(examples.with_(extra), BITS, PENALTY, START)
    tensors = state | {"weights": classifier.table.weight[:-1, 0].detach().half(), "dense": classifier.dense.detach()}
    lists = {"characters": characters, "classes": classes, "candidates": candidates}
    about = {"lists": json.dumps(lists, ensure_ascii=False)}
    write_whole(OUT, lambda path: save_file(tensors, path, metadata=about))
    print(f"{OUT}: {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    run_program(main)
