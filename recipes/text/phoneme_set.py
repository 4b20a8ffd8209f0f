"""Builds `src/glmtts/eval/data/per.tsv`: short sentences full of polyphones and rare characters, with their pinyin.

    pip install g2pM
    python recipes/text/phoneme_set.py --cpp cpp_test.tsv --everyday sentences.json --spoken corpus/ more_corpus/

Sentences: the test lines of CPP (Apache-2.0), and every second of `hsk-sentences-audio` (CC BY-SA 4.0), the ones that
the classifier of polyphones was not trained on; none that stands in a transcript below the folders of `--spoken`, from
which speech models learn. pypinyin and g2pM read each independently. Only sentences stay where they agree on every
character, tone included, and agree with the label of the source, too: CPP has one of a character, the other of all.
Of these the sentences are taken that add most polyphones, by their readings, and rare characters for their length; then
they were read through, and what `phoneme_set_wrong.tsv` lists, where both are wrong or a reading is open, gave way.
"""

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from glmtts.eval.text.readings import everyday_readings, read_marked
from glmtts.programs import a_file, a_folder, parser_of, read_index, run_program, whole_from, write_text
from glmtts.text.mandarin import CHINESE, dictionary_readings
from glmtts.text.phonemes import split_syllable
from glmtts.text.vocabulary import polyphones, rare_characters

WRONG = Path(__file__).with_name("phoneme_set_wrong.tsv")
Fates = Counter[tuple[str, str]]
OUT = Path(__file__).parents[2] / "src/glmtts/eval/data/per.tsv"
SHORTEST, LONGEST = 6, 20
WHOLE = re.compile(rf"{CHINESE.pattern}(?:{CHINESE.pattern}|[，、；：])+[。！？]")
IN_EVERY_SENTENCE = {("的", "de5"), ("了", "le5")}


class Candidate(NamedTuple):
    """A sentence, its source, and the readings that the source gives, by position."""

    source: str
    sentence: str
    labels: dict[int, str]


class Answered(NamedTuple):
    """A sentence with the pinyin of its characters."""

    source: str
    sentence: str
    pinyin: list[str]


def candidates(cpp: Path, everyday: Path) -> Iterator[Candidate]:
    """The sentences of both sources."""
    for sentence, position, reading in read_marked(cpp):
        yield Candidate("CPP", sentence, {position: reading})
    for number, sentence, labels in everyday_readings(everyday):
        if number % 2:
            yield Candidate("HSK", sentence, labels)


def characters(text: str) -> str:
    """The Chinese characters of a text, joined."""
    return "".join(CHINESE.findall(text))


def transcripts(folders: Iterable[Path]) -> str:
    """The characters of every transcript in the index*.jsonl files below `folders`, one a line."""
    files = sorted(file for folder in folders for file in folder.rglob("index*.jsonl"))
    rows = [row for file in files for row in read_index(file.parent, ("text",), file.name)]
    return "\n".join(characters(row["text"]) for row in rows)


def agreed_reading(candidate: Candidate, network: Any) -> tuple[list[str], str]:
    """Pinyin of the characters, and why the sentence is dropped; one of them is empty."""
    sentence = candidate.sentence
    places = [match.start() for match in CHINESE.finditer(sentence)]
    first = dictionary_readings(sentence)
    second = [reading.replace("u:", "v") for reading in network(sentence, tone=True, char_split=True)]
    pinyin = [reading for place in places if (reading := first[place])]
    if len(pinyin) != len(places) or not all(map(split_syllable, pinyin)):
        return [], "no known reading"
    if pinyin != [second[place] for place in places]:
        return [], "pypinyin and g2pM differ"
    if any(first[place] != label for place, label in candidate.labels.items()):
        return [], "the source's label differs"
    return pinyin, ""


def answered(found: Iterable[Candidate], spoken: str, wrong: set[str]) -> tuple[list[Answered], Fates]:
    """The sentences whose reading is agreed, and counts of (source, fate)."""
    from g2pM import G2pM  # --help needs it not

    network, fates, seen = G2pM(), Fates(), set[str]()
    kept = []
    for candidate in found:
        text = characters(candidate.sentence)
        pinyin, fate = [], ""
        if not SHORTEST <= len(text) <= LONGEST:
            fate = f"not {SHORTEST} to {LONGEST} characters"
        elif not WHOLE.fullmatch(candidate.sentence):
            fate = "not a sentence of characters alone"
        elif text in seen:
            fate = "repeated"
        elif text in spoken:
            fate = "in a transcript"
        elif candidate.sentence in wrong:
            fate = "read through: wrong or open"
        else:
            pinyin, fate = agreed_reading(candidate, network)
        seen.add(text)
        fates[candidate.source, fate or "agreed"] += 1
        if pinyin:
            kept.append(Answered(candidate.source, candidate.sentence, pinyin))
    return kept, fates


def hard(answer: Answered) -> list[tuple[str, str]]:
    """The polyphones and rare characters of a sentence with their readings, but the commonest two."""
    pairs = zip(characters(answer.sentence), answer.pinyin, strict=True)
    known = polyphones().keys() | rare_characters()
    return [pair for pair in pairs if pair[0] in known and pair not in IN_EVERY_SENTENCE]


def densest(answers: list[Answered], count: int) -> list[Answered]:
    """Greedily the sentences that add most: a reading counts 1/(1+n) where n chosen sentences have it, a character."""
    left, chosen, covered = list(answers), list[Answered](), Counter[tuple[str, str]]()
    while left and len(chosen) < count:
        best = max(left, key=lambda a: sum(1 / (1 + covered[pair]) for pair in dict.fromkeys(hard(a))) / len(a.pinyin))
        covered.update(dict.fromkeys(hard(best)).keys())
        chosen.append(best)
        left.remove(best)
    return chosen


def report(chosen: list[Answered], fates: Fates) -> None:
    """Show what became of the candidates, and what the set holds."""
    for (source, fate), number in sorted(fates.items()):
        print(f"{source}: {number} {fate}")
    print(f"{len(chosen)} sentences: {dict(Counter(answer.source for answer in chosen))}")
    found = [pair for answer in chosen for pair in hard(answer)]
    print(f"{sum(len(answer.pinyin) for answer in chosen)} characters, {len(found)} of them hard")
    names = {character for character, _ in found}
    several, rare = len(names & polyphones().keys()), len(names & rare_characters())
    print(f"{several} polyphones and {rare} rare characters in {len(set(found))} readings")


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--cpp", type=a_file, required=True, help="cpp_test.tsv: sentence with ▁ around a polyphone")
    parser.add_argument("--everyday", type=a_file, required=True, help="sentences.json of hsk-sentences-audio (npm)")
    parser.add_argument("--spoken", type=a_folder, nargs="*", default=[], help="folders of training speech")
    parser.add_argument("--count", type=whole_from(), default=320)
    arguments = parser.parse_args()
    wrong = {line.split("\t")[0] for line in WRONG.read_text(encoding="utf-8").splitlines()}
    found = candidates(arguments.cpp, arguments.everyday)
    kept, fates = answered(found, transcripts(arguments.spoken), wrong)
    chosen = densest(kept, arguments.count)
    report(chosen, fates)
    # In mixed order, so that the first lines of the file are a fair sample.
    random.Random(0).shuffle(chosen)
    lines = [f"{answer.sentence}\t{' '.join(answer.pinyin)}\n" for answer in chosen]
    write_text(OUT, "".join(lines))


if __name__ == "__main__":
    run_program(main)
