"""Trains the classifier of English homographs; writes `homographs.safetensors` and `homographs.tsv` of the package.

    python recipes/text/train_homographs.py homographs_train.tsv homographs_wordids.tsv

Both files are the Wikipedia Homograph Data (Apache-2.0). Readings are those of the CMU dictionary where it has the
one that the data set writes in IPA. An encyclopaedia hardly ever says "I object" or "lead pipes", so that
homographs_everyday.tsv, sentences written for this, is trained on as well.
"""

import csv
import re
from pathlib import Path

from hashed_training import Examples, cross_validate, fit
from safetensors.torch import save_file

from glmtts.errors import DataError
from glmtts.eval.text.readings import Occurrence, read_homographs
from glmtts.programs import a_file, parser_of, run_program, write_text, write_whole
from glmtts.text.english import alternatives
from glmtts.text.hashed import bucket
from glmtts.text.homographs import WEIGHTS, WORDS, features_of, kind_of
from glmtts.text.ipa import arpabet_of_ipa

BITS, PENALTY = 17, 1e-3
EVERYDAY = Path(__file__).with_name("homographs_everyday.tsv")
EVERYDAY_TIMES = 4  # how often an everyday sentence counts: 300 beside 14,487 would not be heard otherwise
OUT = Path(__file__).parents[2] / "src/glmtts/text/data"


def read_everyday(path: Path = EVERYDAY) -> list[Occurrence]:
    """Sentences with ▁ around a homograph, after its label."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        label, marked = line.split("\t")
        start, text = marked.index("▁"), marked.replace("▁", "")
        found.append((text, start, marked.index("▁", start + 1) - 1, label))
    return found


def read_labels(path: Path) -> dict[str, dict[str, str]]:
    """Word → label → IPA."""
    words: dict[str, dict[str, str]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            words.setdefault(row["homograph"], {})[row["wordid"]] = re.sub(r"\d", "", row["pronunciation"]).strip('"')
    return words


def phones_of(word: str, ipa: str) -> list[str]:
    """The CMU dictionary's reading that is this one but for reduced vowels and secondary stress, or the IPA itself."""
    wanted = arpabet_of_ipa(ipa)
    if not wanted:
        raise DataError(f"The reading {ipa} of {word} holds a sign that is not known. Correct homographs_wordids.tsv.")
    return next((known for known in alternatives().get(word, []) if _rough(known) == _rough(wanted)), wanted)


def _rough(phones: list[str]) -> list[str]:
    plain = [phone.replace("2", "0") for phone in phones]
    return ["AH0" if phone in ("IH0", "EH0", "UH0") else phone.replace("IY0", "AH0") for phone in plain]


def examples_of(occurrences: list[Occurrence], words: dict[str, dict[str, str]]) -> Examples:
    """Hashed features of every reading of every occurrence; there are no dense ones."""
    buckets, answers = [], []
    for text, start, end, answer in occurrences:
        labels = list(words[text[start:end].lower()])
        features = features_of(text, start, end)
        buckets.append(
            [[bucket(f, name) for name in (label, kind_of(label, labels)) for f in features] for label in labels]
        )
        answers.append(labels.index(answer))
    return Examples.pack(buckets, [[[0.0]] * len(labels) for labels in buckets], answers)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("train", type=a_file, help="homographs_train.tsv")
    parser.add_argument("words", type=a_file, help="homographs_wordids.tsv")
    parser.add_argument("--cross-validate", action="store_true", help="also report held-out accuracy")
    arguments = parser.parse_args()
    words = read_labels(arguments.words)
    lines = [
        f"{word}\t{label}\t{' '.join(phones_of(word, ipa))}" for word in words for label, ipa in words[word].items()
    ]
    examples = examples_of(read_homographs(arguments.train), words)
    everyday = examples_of(read_everyday() * EVERYDAY_TIMES, words)
    if arguments.cross_validate:
        print(f"cross-validated accuracy: {cross_validate(examples, BITS, PENALTY, [0.0], everyday):.4f}")
    classifier = fit(examples.with_(everyday), BITS, PENALTY, [0.0])
    weights = {"weights": classifier.table.weight[:-1, 0].detach().half()}
    write_text(OUT / WORDS, "\n".join(lines) + "\n")  # beside its weights: one without the other would misread
    write_whole(OUT / WEIGHTS, lambda path: save_file(weights, path))
    print(f"{OUT / WEIGHTS}: {(OUT / WEIGHTS).stat().st_size:,} bytes")


if __name__ == "__main__":
    run_program(main)
