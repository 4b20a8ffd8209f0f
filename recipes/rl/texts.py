"""Training texts of the recipes: language, tab, text, from the index files of corpora, without held-out lines.

    python recipes/rl/texts.py CORPUS OUT.tsv [--more FOLDER …]

CORPUS holds en/index.jsonl, zh_daily/index.jsonl, heldout_en.txt and heldout_zh.txt; `--more` are further folders
with an index.jsonl (lang, text). Only texts of a handy length are taken, as many of one language as of the other, in
random order.
"""

import argparse
import json
import random
from collections.abc import Iterable
from pathlib import Path

FOLDERS, LENGTHS = ("en", "zh_daily"), {"en": (16, 105), "zh": (5, 24)}


def texts_of(folders: Iterable[Path], language: str, held_out: set[str]) -> list[str]:
    """The texts of one language that may be trained on, each once."""
    low, high = LENGTHS[language]
    indices = [(folder / "index.jsonl").read_text(encoding="utf-8") for folder in folders]
    rows = [json.loads(line) for index in indices for line in index.splitlines()]
    texts = dict.fromkeys(row["text"].strip() for row in rows if row["lang"] == language)
    return [text for text in texts if low <= len(text) <= high and text not in held_out and "\t" not in text]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--more", type=Path, nargs="*", default=[])
    chosen = parser.parse_args()
    folders = [*(chosen.corpus / name for name in FOLDERS), *chosen.more]
    found, order = {}, random.Random(0)
    for language in LENGTHS:
        held_out = set((chosen.corpus / f"heldout_{language}.txt").read_text(encoding="utf-8").splitlines())
        found[language] = texts_of(folders, language, held_out)
        order.shuffle(found[language])
    count = min(map(len, found.values()))
    lines = [f"{language}\t{text}\n" for language, texts in found.items() for text in texts[:count]]
    chosen.out.write_text("".join(lines), encoding="utf-8")
    print(f"{len(lines)} texts in {chosen.out}")


if __name__ == "__main__":
    main()
