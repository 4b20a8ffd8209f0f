"""Training texts of the recipes: language, tab, text, from the index files of corpora, without held-out lines.

    python recipes/rl/texts.py CORPUS OUT.tsv [--more FOLDER …]

CORPUS holds en/index.jsonl, zh_daily/index.jsonl, heldout_en.txt and heldout_zh.txt; `--more` are further folders
with an index.jsonl (lang, text). Only texts of a handy length are taken, as many of one language as of the other, in
random order.
"""

import random
from collections.abc import Iterable
from pathlib import Path

from glmtts.errors import DataError
from glmtts.eval.text.tables import read_lines
from glmtts.programs import a_folder, file_to_write, parser_of, read_index, run_program, write_text

FOLDERS, LENGTHS = ("en", "zh_daily"), {"en": (16, 105), "zh": (5, 24)}


def texts_of(folders: Iterable[Path], language: str, held_out: set[str]) -> list[str]:
    """The texts of one language that may be trained on, each once."""
    low, high = LENGTHS[language]
    rows = [row for folder in folders for row in read_index(folder, ("lang", "text"))]
    texts = dict.fromkeys(row["text"].strip() for row in rows if row["lang"] == language)
    return [
        text for text in texts if low <= len(text) <= high and text not in held_out and not set("\t\n\r") & set(text)
    ]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("corpus", type=a_folder)
    parser.add_argument("out", type=file_to_write, help="a .tsv file")
    parser.add_argument("--more", type=a_folder, nargs="*", default=[])
    chosen = parser.parse_args()
    folders = [*(chosen.corpus / name for name in FOLDERS), *chosen.more]
    found, order = {}, random.Random(0)
    for language in LENGTHS:
        held_out = {line.strip() for _, line in read_lines(chosen.corpus / f"heldout_{language}.txt")}
        found[language] = texts_of(folders, language, held_out)
        order.shuffle(found[language])
    count = min(map(len, found.values()))
    if not count:
        raise DataError("A language has no text of a handy length that is not held out. Give more with --more.")
    lines = [f"{language}\t{text}\n" for language, texts in found.items() for text in texts[:count]]
    write_text(chosen.out, "".join(lines))
    print(f"{len(lines)} texts in {chosen.out}")


if __name__ == "__main__":
    run_program(main)
