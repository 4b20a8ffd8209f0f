"""Training texts of the recipes: language, tab, text, from the index files of corpora, without held-out lines.

    python recipes/rl/texts.py CORPUS OUT.tsv

CORPUS holds en/index.jsonl, zh_daily/index.jsonl, heldout_en.txt and heldout_zh.txt. English has fewer lines that are
short enough, so Mandarin gets as many.
"""

import json
import sys
from pathlib import Path

FOLDERS, LENGTHS = {"en": "en", "zh": "zh_daily"}, {"en": (16, 105), "zh": (5, 24)}


def main() -> None:
    corpus, out = map(Path, sys.argv[1:])
    found: dict[str, list[str]] = {}
    for language, folder in FOLDERS.items():
        held_out = set((corpus / f"heldout_{language}.txt").read_text(encoding="utf-8").splitlines())
        rows = [json.loads(line) for line in (corpus / folder / "index.jsonl").read_text(encoding="utf-8").splitlines()]
        texts = [row["text"].strip() for row in rows if row["lang"] == language]
        low, high = LENGTHS[language]
        found[language] = [text for text in dict.fromkeys(texts) if low <= len(text) <= high and text not in held_out]
    count = min(map(len, found.values()))
    lines = [f"{language}\t{text}\n" for language, texts in found.items() for text in texts[:count]]
    out.write_text("".join(lines), encoding="utf-8")
    print(f"{len(lines)} texts in {out}")


if __name__ == "__main__":
    main()
