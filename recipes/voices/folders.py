"""Folders of recordings to train voices on, with lines held out, from a corpus with `index.jsonl`.

    python recipes/voices/folders.py CORPUS/ljspeech --speaker ljspeech --minutes 5 20 40 --work WORK

For each length WORK/ljspeech_20/recordings holds an `index.jsonl` that `glm-tts voice train` reads; shorter folders are
parts of longer ones. WORK/ljspeech_20/test.jsonl lists the held-out lines, the same for all lengths of a speaker.
"""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glmtts.errors import DataError
from glmtts.programs import (
    a_folder,
    folder_to_fill,
    number_from,
    parser_of,
    read_index,
    recording,
    run_program,
    write_text,
)

HELD_OUT = 40


def lines_of(corpus: Path, speaker: str) -> list[dict[str, Any]]:
    """The lines of a speaker in a random order, always the same; those with digits leave open how they are read."""
    own = [record for record in read_index(corpus) if record["speaker"] == speaker]
    clear = [record for record in own if not any(sign.isdigit() for sign in record["text"])]
    random.Random(0).shuffle(clear)
    if len(clear) <= HELD_OUT:
        raise DataError(
            f"{corpus} has {len(clear)} lines of {speaker}; {HELD_OUT} are held out. Choose another speaker."
        )
    return clear


def written(corpus: Path, records: Sequence[dict[str, Any]]) -> str:
    """Records as lines of an index."""
    lines = [
        {"file": str(recording(corpus, one).resolve()), "text": one["text"], "lang": one["lang"]} for one in records
    ]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def first_minutes(records: Sequence[dict[str, Any]], minutes: float) -> list[dict[str, Any]]:
    """The first records that last so many minutes together."""
    taken: list[dict[str, Any]] = []
    while sum(one["seconds"] for one in taken) < 60 * minutes and len(taken) < len(records):
        taken.append(records[len(taken)])
    return taken


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("corpus", type=a_folder)
    parser.add_argument("--speaker", required=True)
    parser.add_argument("--minutes", type=number_from(above=True), nargs="+", default=[20])
    parser.add_argument("--work", type=folder_to_fill, required=True)
    chosen = parser.parse_args(arguments)
    records = lines_of(chosen.corpus, chosen.speaker)
    for minutes in chosen.minutes:
        folder = chosen.work / f"{chosen.speaker}_{minutes:g}"
        taken = first_minutes(records[HELD_OUT:], minutes)
        write_text(folder / "recordings" / "index.jsonl", written(chosen.corpus, taken))
        write_text(folder / "test.jsonl", written(chosen.corpus, records[:HELD_OUT]))
        print(f"{folder}: {len(taken)} lines of {sum(one['seconds'] for one in taken) / 60:.1f} minutes")


if __name__ == "__main__":
    run_program(main)
