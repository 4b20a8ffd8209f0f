"""English titles and the letters of models within Mandarin: Dr. Li, St. Regis酒店, 蔚来ET7, 宝马ix3."""

from glmtts.text.normalisation.rules import Rule

_TITLES = {"Mr": "Mister", "Mrs": "Missus", "Ms": "Miss", "Dr": "Doctor", "Prof": "Professor"}
# Words even before a figure; a name that no word is written in two capitals is letters.
_WORDS = "NO|GO|HI|UP|OK|OH|MY|WE|SO|TO"
# Before the rules of numbers, to which a stop before a capital says nothing.
FIRST: list[Rule] = [
    Rule(r"(?<![A-Za-z.])(Mrs?|Ms|Dr|Prof)\.\s?(?=[A-Z][a-z])", lambda m: f"{_TITLES[m[1]]} ", needs="."),
    # a saint; behind a name it is a street: Oak St.
    Rule(r"(?<![A-Za-z.])(?<![A-Za-z]\s)St\.\s?(?=[A-Z][a-z])", lambda m: "Saint ", needs="St."),
]
RULES: list[Rule] = [
    Rule(rf"(?<![A-Za-z\d.])(?!(?:{_WORDS})\d)(?=[A-Z]?[AEIOUY])([A-Z])([A-Z])-?(?=\d)", lambda m: f"{m[1]} {m[2]}"),
    Rule(r"(?<![A-Za-z])ix(?=\d{1,2}(?!\d))", lambda m: "i x", needs="ix"),
]
