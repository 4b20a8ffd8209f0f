"""English as it is typed: .gitignore, passport(s), thx, TL;DR, I <3 pizza, a 5* hotel."""

import re

from glmtts.text.normalisation.languages import FUNCTION_WORDS
from glmtts.text.normalisation.rules import Rule, alternatives
from glmtts.text.numbers_en import cardinal

_CHAT = {
    "thx": "thanks", "thnx": "thanks", "pls": "please", "plz": "please", "ppl": "people", "omw": "on my way",
    "idc": "I don't care", "xoxo": "X O X O", "nvm": "never mind",
}  # fmt: skip
_CHAT |= {word.capitalize(): said.capitalize() for word, said in _CHAT.items()}
# Functions of programs and formulas, whose brackets hold a name.
_FUNCTIONS = frozenset(
    ("print", "len", "str", "int", "sum", "max", "min", "sorted", "set", "list", "map", "sin", "cos", "tan", "log",
     "exp", "float", "abs", "open", "type")
)  # fmt: skip
_STARRED = (
    r"(?:hotels?|resorts?|luxury|accommodation|ratings?|reviews?|service|restaurants?|rated|general|property|food)"
)


def _dot(match: re.Match[str]) -> str:
    """The .env file has a name; so .this is a stop that came too late."""
    return f". {match['name']}" if match["name"].lower() in FUNCTION_WORDS else f"dot {match['name']}"


def _ending(match: re.Match[str]) -> str:
    """Passport(s) and child(ren) are read with their endings."""
    return match[0] if match["word"] in _FUNCTIONS else match["word"] + match["ending"]


RULES: list[Rule] = [
    Rule(r"(?<![^\s(])~/(?=[.\w])", lambda m: "tilde slash ", needs="~/"),
    Rule(r"(?<![^\s(\"'“‘])\.(?P<name>[a-z]\w+)(?![\w'.]*\()", _dot, needs="."),
    Rule(r"\b(?P<word>[A-Za-z]{3,})\((?P<ending>s|es|S|ES|ren)\)(?!\w)", _ending, needs="("),
    Rule(r"(?<![\w/])(?:\(s\)he|s/he)\b(?!/)", lambda m: "he or she"),
    Rule(r"\bTL;\s?DR\b(:?)", lambda m: f"T L D R{m[1] or ','}", needs="TL;"),
    Rule(rf"(?<![\w.#@/-])(?:{alternatives(_CHAT)})(?![\w/-]|\.\w)", lambda m: _CHAT[m[0]]),
    # a heart between a person and what is loved; elsewhere it compares
    Rule(r"<3(?=\s[A-Za-z])(?:(?<=\bI <3)|(?<=\b[Ww]e <3))", lambda m: "love", needs="<3"),
    Rule(rf"(?<![\w.])([1-7])\*(?=[ -]{_STARRED}\b)", lambda m: f"{cardinal(m[1])} star", needs="*"),
    Rule(r"(?<=\b[Rr]ated )([1-5])\*(?!\w)", lambda m: f"{cardinal(m[1])} star{'' if m[1] == '1' else 's'}", needs="*"),
]
