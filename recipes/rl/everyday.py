"""Training texts with everyday lines: HSK sentences with their English translations, dialogues, and other texts.

    python recipes/rl/everyday.py TEXTS.tsv OUT.tsv --corpus CORPUS --hsk sentences.json --dialogues FOLDER

TEXTS.tsv are those of texts.py, or any lines of language, tab, text. sentences.json is that of the package
`hsk-sentences-audio`, FOLDER holds dialogues as the ChatterBot corpus has them (English, `*.yml`). Held-out lines of
CORPUS and those of the lists that `glm-tts eval` ships are left out. Lines are in random order, each once.
"""

import random
import re
from collections.abc import Iterator
from pathlib import Path

from glmtts.config import read_json
from glmtts.errors import DataError
from glmtts.eval.lists import shipped_list
from glmtts.eval.text.tables import read_text
from glmtts.programs import a_file, a_folder, file_to_write, parser_of, run_program, write_text
from glmtts.rl.prompts import read_lines

HSK, OTHERS = 2200, 1600  # English lines of each; the dialogues are 1,400
WORDS, LONGEST = range(3, 21), 105
LARGEST = 64 << 20  # bytes of sentences.json
PLAIN = re.compile(r"[A-Za-z0-9 ,.;:!?'\"-]+")
QUESTION = re.compile(r"(?:what|who|why|how|where|when|which|can|do|does|is|are|have|did|could|will)\b", re.IGNORECASE)


def bare(text: str) -> str:
    """A text without what may differ between two writings of it."""
    return re.sub(r"[\W_]", "", text.lower())


def spoken_lines(folder: Path) -> Iterator[str]:
    """Lines of dialogue, each with a capital and an end."""
    for path in sorted(folder.glob("*.yml")):
        for line in read_text(path).splitlines():
            found = re.match(r"\s*-\s?-?\s*(.+)$", line)
            if found and not found[1].isupper():
                text = re.sub(r"\bi\b", "I", found[1].strip(" '\"").replace("’", "'"))
                end = "" if text[-1:] in ".?!" else "?" if QUESTION.match(text) else "."
                yield text[:1].upper() + text[1:] + end


def english_of(path: Path) -> list[str]:
    """The English side of the sentences of hsk-sentences-audio.

    Raises:
        ConfigError, DataError: it is another file.
    """
    try:
        return [one["translation"]["en"] for one in read_json(path, LARGEST) if one.get("translation", {}).get("en")]
    except (AttributeError, KeyError, TypeError):
        raise DataError(f"{path} is no sentences.json of hsk-sentences-audio. Give that file.") from None


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("texts", type=a_file)
    parser.add_argument("out", type=file_to_write, help="a .tsv file")
    parser.add_argument("--corpus", type=a_folder, required=True)
    parser.add_argument("--hsk", type=a_file, required=True)
    parser.add_argument("--dialogues", type=a_folder, required=True)
    given = parser.parse_args()
    held_out = {bare(item.text) for name in ("mini-en", "mini-zh") for item in shipped_list(name).items}
    for path in given.corpus.glob("heldout_*.txt"):
        held_out |= set(map(bare, read_text(path).splitlines()))

    def usable(text: str) -> bool:
        plain = PLAIN.fullmatch(text) and len(text.split()) in WORDS and len(text) <= LONGEST
        return bool(plain) and bare(text) not in held_out

    order = random.Random(0)
    others = [(line.language, line.text) for line in read_lines(given.texts)]
    hsk = english_of(given.hsk)
    sources = (
        (hsk, HSK),
        (spoken_lines(given.dialogues), None),
        ([text for lang, text in others if lang == "en"], OTHERS),
    )
    lines = [f"zh\t{text}\n" for lang, text in others if lang == "zh" and bare(text) not in held_out]
    for source, most in sources:
        kept = [text for text in source if usable(text)]
        order.shuffle(kept)
        lines += [f"en\t{text}\n" for text in kept[:most]]
    lines = list(dict.fromkeys(lines))
    order.shuffle(lines)
    write_text(given.out, "".join(lines))
    print(f"{len(lines)} texts in {given.out}")


if __name__ == "__main__":
    run_program(main)
