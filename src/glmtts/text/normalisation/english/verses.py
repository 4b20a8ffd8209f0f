"""Books of the Bible, their chapters and verses: Matt. 5:3-12, Psalm 23:1, 1 Cor. 13."""

import re

from glmtts.text.normalisation.rules import Rule, alternatives
from glmtts.text.numbers_en import cardinal, ordinal

# of these there are several: First Kings, Second Timothy
_NUMBERED = "Samuel|Kings|Chronicles|Corinthians|Thessalonians|Timothy|Peter|Maccabees"
_BOOKS = (
    "Genesis|Exodus|Leviticus|Numbers|Deuteronomy|Joshua|Judges|Ruth|Ezra|Nehemiah|Esther|Job|Psalms?|Proverbs|"
    "Ecclesiastes|Isaiah|Jeremiah|Lamentations|Ezekiel|Daniel|Hosea|Joel|Amos|Jonah|Micah|Habakkuk|Zechariah|Malachi|"
    "Matthew|Mark|Luke|John|Acts|Romans|Galatians|Ephesians|Philippians|Colossians|Titus|Hebrews|James|Jude|Revelation|"
    f"Quran|Sirach|{_NUMBERED}"
)
_SHORT = {"Gen": "Genesis", "Ex": "Exodus", "Exod": "Exodus", "Lev": "Leviticus", "Num": "Numbers",
          "Deut": "Deuteronomy", "Josh": "Joshua", "Prov": "Proverbs", "Eccl": "Ecclesiastes", "Isa": "Isaiah",
          "Jer": "Jeremiah", "Ezek": "Ezekiel", "Dan": "Daniel", "Matt": "Matthew", "Rom": "Romans", "Gal": "Galatians",
          "Eph": "Ephesians", "Phil": "Philippians", "Col": "Colossians", "Heb": "Hebrews", "Rev": "Revelation",
          "Ps": "Psalm"}  # fmt: skip
# after a number these are nothing else; without one, Sam and Tim are people
_SHORT_NUMBERED = {"Sam": "Samuel", "Kgs": "Kings", "Chr": "Chronicles", "Chron": "Chronicles", "Cor": "Corinthians",
                   "Thess": "Thessalonians", "Tim": "Timothy", "Pet": "Peter", "Macc": "Maccabees"}  # fmt: skip


def _verse(match: re.Match[str]) -> str:
    """Psalm 23:1 is Psalm twenty three one, 1 Corinthians 13:4-14:2 First Corinthians thirteen four to fourteen two."""
    book = re.sub(r"^[123](?=\s)", lambda part: _which(part[0]), match[1])
    last = f" to {' '.join(map(cardinal, match[4].split(':')))}" if match[4] else ""
    return f"{book} {cardinal(match[2])} {cardinal(match[3])}{last}"


def _which(number: str) -> str:
    return ordinal(number).capitalize()


# Before the other abbreviations: Ex. is an example elsewhere.
ABBREVIATED: list[Rule] = [
    Rule(rf"\b({alternatives(_SHORT)})\.(?=\s\d{{1,3}}:\d)", lambda m: _SHORT[m[1]], needs=":"),
    Rule(rf"(?<![\w.])([123]\s)({alternatives(_SHORT_NUMBERED)})\.?(?=\s\d)", lambda m: m[1] + _SHORT_NUMBERED[m[2]]),
]
RULES: list[Rule] = [
    # else the colon is one of a clock or a ratio: Psalm 23:1
    Rule(
        rf"\b((?:[123]\s)?(?:{_BOOKS}))\s(\d{{1,3}}):(\d{{1,3}})(?:[-–](\d{{1,3}}(?::\d{{1,3}})?))?"
        r"(?![\w:]|\s?[aApP]\.?[mM])",
        _verse,
        needs=":",
    ),
    # a whole chapter: 1 Cor. 13, 2 Samuel 7
    Rule(rf"(?<![\w.,$£€])([123])\s({_NUMBERED})(?=\s\d)", lambda m: f"{_which(m[1])} {m[2]}"),
]
