"""Generates the lists of polyphones, rare and safe characters that ship in `src/glmtts/text/data`.

    pip install jieba pypinyin-dict
    python recipes/text/vocabularies.py

Sources, all open: the 8105 characters of the General Standard (通用规范汉字表) with their dictionary readings
(pypinyin-dict, MIT), phrases with readings (pypinyin, MIT), word frequencies (jieba, MIT), and the polyphones that the
classifier was trained on (CPP, Apache-2.0).

* polyphone: the classifier knows it, or a second reading makes up at least 0.5 % of its weight in phrases;
* rare: no polyphone, and not among the 3,500 most frequent characters;
* safe: the rest, one reading and frequent.
"""

from collections import Counter
from pathlib import Path

from pypinyin.constants import PHRASES_DICT
from pypinyin.contrib.tone_convert import to_tone3

from glmtts.programs import parser_of, run_program, write_text
from glmtts.text.polyphone_features import phrase_reading
from glmtts.text.polyphones import polyphone_model

OUT = Path(__file__).parents[2] / "src/glmtts/text/data"
FREQUENT, SHARE, WIDTH = 3500, 0.005, 60


def word_frequencies() -> Counter[str]:
    """jieba's dictionary: word, count."""
    import jieba  # --help needs it not

    lines = (Path(jieba.__file__).parent / "dict.txt").read_text(encoding="utf-8").splitlines()
    return Counter({line.split(" ")[0]: int(line.split(" ")[1]) for line in lines})


def character_frequencies(words: Counter[str]) -> Counter[str]:
    """Occurrences of each character in the words, weighed by their counts."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            counts[character] += count
    return counts


def readings_in_phrases(words: Counter[str]) -> dict[str, Counter[str]]:
    """How often each reading of a character occurs in phrases of known reading."""
    found: dict[str, Counter[str]] = {}
    for phrase in PHRASES_DICT:
        for character, reading in zip(phrase, phrase_reading(phrase), strict=False):
            found.setdefault(character, Counter())[reading] += words[phrase] + 1
    return found


def standards() -> tuple[dict[int, str], dict[int, str]]:
    """Characters of the General Standard with their readings, by two dictionaries."""
    from pypinyin_dict.pinyin_data.kmandarin_8105 import pinyin_dict as standard
    from pypinyin_dict.pinyin_data.ktghz2013 import pinyin_dict as standard_readings

    return standard, standard_readings


def dictionary_readings(character: str) -> list[str]:
    """Readings that the standard's dictionary gives, the usual one first."""
    standard, standard_readings = standards()
    listed = [standard.get(ord(character), ""), standard_readings.get(ord(character), "")]
    names = ",".join(filter(None, listed)).split(",")
    return list(dict.fromkeys(to_tone3(name, neutral_tone_with_five=True) for name in names if name))


def is_polyphone(character: str, spoken: Counter[str]) -> bool:
    """Whether a second reading of the dictionary is really heard."""
    readings = dictionary_readings(character)
    total = sum(spoken.values())
    return len(readings) > 1 and sum(spoken[name] >= SHARE * total > 0 for name in readings) > 1


def main() -> None:
    parser_of(__doc__).parse_args()
    words = word_frequencies()
    order = [character for character, _ in character_frequencies(words).most_common()]
    phrases, candidates = readings_in_phrases(words), polyphone_model().candidates
    characters = [chr(code) for code in standards()[0]]
    heard = {name: phrases.get(name, Counter()) for name in characters}
    polyphones = {name for name in characters if is_polyphone(name, heard[name])} | {
        name for name, readings in candidates.items() if len(readings) > 1
    }
    place = {character: number for number, character in enumerate(filter(set(characters).__contains__, order))}
    safe = [name for name in place if place[name] < FREQUENT and name not in polyphones]
    rare = sorted(set(characters) - polyphones - set(safe))
    lines = [
        f"{name}\t{' '.join(dict.fromkeys([*candidates.get(name, []), *dictionary_readings(name)]))}"
        for name in sorted(polyphones)
    ]
    write_text(OUT / "polyphones.tsv", "\n".join(lines) + "\n")
    for name, list_ in (("safe", sorted(safe)), ("rare", rare)):
        rows = ["".join(list_[start : start + WIDTH]) for start in range(0, len(list_), WIDTH)]
        write_text(OUT / f"{name}.txt", "\n".join(rows) + "\n")
    print(f"{len(polyphones)} polyphones, {len(rare)} rare and {len(safe)} safe characters")


if __name__ == "__main__":
    run_program(main)
