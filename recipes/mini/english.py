"""Speak hours of English with hibari-tts (Apache-2.0; real-time factor 0.012 on one core), to train `mini` on.

    python recipes/mini/english.py --wordnet /usr/share/wordnet --sentences sentences.json \
        --exclude heldout_en.txt --out corpus/en_more --hours 3

Texts: the example sentences of WordNet and the English side of the HSK sentences, one to three a line, and, with
`--wikipedia`, the sentences of a Wikipedia homograph file, whole or up to a comma, so that lines are as long as prose
is; lines that share a sentence with the held-out texts are left out. With `--short`, clauses of at most four words and
single words instead. Resumable; writes FLAC and an `index.jsonl`.
"""

import csv
import random
import re
from pathlib import Path

from corpora import add_recording
from sentences import read_sentences
from short_lines import clauses_of, short_lines
from tqdm import tqdm

from glmtts.errors import DataError
from glmtts.eval.text.tables import read_text
from glmtts.programs import a_file, a_folder, folder_to_fill, number_from, parser_of, read_rows, run_program, whole_from

PLAIN = re.compile(r"[A-Za-z ,.;:!?'-]+")
EXAMPLE = re.compile(r'"([^"]{15,160})"')


def sentences_of(wordnet: Path, hsk: Path) -> list[str]:
    """Examples of WordNet's data files as sentences, then the translations of the HSK sentences."""
    found: list[str] = []
    for part in ("noun", "verb", "adj", "adv"):
        for line in read_text(wordnet / f"data.{part}").splitlines():
            gloss = line.partition("| ")[2]
            found += [example.strip() for example in EXAMPLE.findall(gloss)]
    records = read_sentences(hsk)
    found += [record["translation"]["en"] for record in records if record.get("translation", {}).get("en")]
    spoken = [text for text in found if len(text.split()) >= 3 and PLAIN.fullmatch(text)]
    return [text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".") for text in dict.fromkeys(spoken)]


def prose_of(wikipedia: Path, seed: int) -> list[str]:
    """Sentences of 5 to 28 words of a tab-separated file with the column `sentence`; a third end at a comma."""
    rng = random.Random(seed)
    with wikipedia.open(encoding="utf-8-sig", newline="") as file:
        sentences = [row["sentence"] for row in csv.DictReader(file, delimiter="\t")]
    lines = []
    for text in dict.fromkeys(sentences):
        clauses = text.split(", ")
        cut = rng.randint(1, len(clauses) - 1) if len(clauses) > 1 and rng.random() < 1 / 3 else len(clauses)
        line = ", ".join(clauses[:cut]) + ("," if cut < len(clauses) else "")
        if 5 <= len(line.split()) <= 28 and PLAIN.fullmatch(line):
            lines.append(line)
    return lines


def lines_of(sentences: list[str], prose: list[str], held_out: str, seed: int) -> list[str]:
    """One to three of the sentences a line, and the lines of prose, shuffled."""
    rng = random.Random(seed)
    kept, prose = (
        [text for text in texts if text.rstrip(".!?,").lower() not in held_out.lower()] for texts in (sentences, prose)
    )
    rng.shuffle(kept)
    lines = prose
    while kept:
        count = rng.choice((1, 1, 2, 3))
        lines.append(" ".join(kept[:count]))
        kept = kept[count:]
    rng.shuffle(lines)
    return lines


def short_lines_of(sentences: list[str], held_out: str, seed: int) -> list[str]:
    """Clauses of at most four words, and words of the sentences alone."""
    words = (word for text in sentences for word in re.findall(r"[A-Za-z]{2,}", text))
    return short_lines(clauses_of(sentences, 4, "."), (f"{word.capitalize()}." for word in words), held_out, seed)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument(
        "--wordnet", type=a_folder, required=True, help="holds data.noun, data.verb, data.adj, data.adv"
    )
    parser.add_argument("--sentences", type=a_file, required=True, help="sentences.json of hsk-sentences-audio")
    parser.add_argument("--exclude", type=a_file, required=True, help="texts that are measured with, a line each")
    parser.add_argument("--out", type=folder_to_fill, required=True, help="the corpus")
    parser.add_argument("--wikipedia", type=a_file, help="tab-separated, with a column `sentence`")
    parser.add_argument("--hours", type=number_from(above=True), default=3.0, help="how much speech to make in all")
    parser.add_argument("--voices", nargs="+", default=["heart"], help="hibari's voices, in turn")
    parser.add_argument("--short", action="store_true", help="lines of one to four words")
    parser.add_argument("--seed", type=whole_from(0), default=11)
    arguments = parser.parse_args()
    from hibari import Hibari  # --help needs it not

    arguments.out.mkdir(parents=True, exist_ok=True)
    index = arguments.out / "index.jsonl"
    done = read_rows(index)
    seconds = sum(record["seconds"] for record in done)
    voices = [Hibari(voice=voice) for voice in arguments.voices]
    held_out = read_text(arguments.exclude)
    prose = prose_of(arguments.wikipedia, arguments.seed) if arguments.wikipedia else []
    sentences = sentences_of(arguments.wordnet, arguments.sentences)
    if arguments.short:
        lines = short_lines_of(sentences, held_out, arguments.seed)
    else:
        lines = lines_of(sentences, prose, held_out, arguments.seed)
    if not lines:
        raise DataError("No line is left to be spoken. Give more --sentences, or fewer texts to --exclude.")
    bar = tqdm(total=round(arguments.hours * 3600), initial=round(seconds), unit="s", desc="english")
    for number in range(len(done), len(lines)):
        if seconds >= arguments.hours * 3600:
            break
        rng = random.Random(f"{arguments.seed}/{number}")
        voice = voices[number % len(voices)]
        speed = round(rng.uniform(0.9, 1.12), 2)
        samples = voice(lines[number], speed=speed, seed=number)
        name = f"{arguments.out.name}_{arguments.seed}_{number:05d}"
        record = {
            "id": name,
            "file": f"{name}.flac",  # Opus takes four times the speaking
            "lang": "en",
            "text": lines[number],
            "speaker": f"hibari_{voice.voice}",
            "speed": speed,
        }
        spoken = add_recording(index, record, samples)
        seconds += spoken
        bar.update(round(spoken))


if __name__ == "__main__":
    run_program(main)
