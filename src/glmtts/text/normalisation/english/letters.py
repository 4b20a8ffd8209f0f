"""English plurals of letters and figures: the 3 Rs, Ps and Qs, straight As, 1s and 0s."""

import re

from glmtts.text.normalisation.rules import Rule
from glmtts.text.numbers_en import cardinal, plural

_COUNT = r"(?:\d{1,2}|[Tt]wo|[Tt]hree|[Ff]our|[Ff]ive|[Ss]ix|[Ss]even)"
# As, Is and Us are words, Es, Js, Ms, Os and Vs names, titles or versus: letters only where the words around say so.
_PLAIN = "BCDFGHKLNPQRSTWXYZ"


def _counted(match: re.Match[str]) -> str:
    """3 Rs are three R's, in words at once, since 5 W's would be watts."""
    count = cardinal(match[1]) if match[1].isdigit() else match[1]
    return f"{count} {match[2]}'s"


RULES: list[Rule] = [
    # before the units, to which 3 Ps are picoseconds
    Rule(rf"(?<![\w.,$€£])({_COUNT})\s([A-Z])s\b(?!['.]\w)", _counted),
    Rule(
        r"\b(?P<one>[A-Z])s (?P<and>and|or|&) (?P<other>[A-Z])s\b(?!['.-]\w)",
        lambda m: f"{m['one']}'s and {m['other']}'s" if m["and"] != "or" else f"{m['one']}'s or {m['other']}'s",
    ),
    # in small numbers of words: straight As, all As in maths, dot the Is
    Rule(r"\b([Dd]ot the I|[Ss]traight [A-F]|[Aa]ll [A-F](?=s(?:[.,;!?]|$|\s(?:in|and)\b)))s\b", lambda m: f"{m[1]}'s"),
    Rule(rf"(?<![\w.'&-])([{_PLAIN}])s\b(?!['.-]\w|\.?\s?\d)", lambda m: f"{m[1]}'s"),
    Rule(
        r"\b(?P<one>[01])['’]?s (?P<and>and|or) (?P<other>[01])['’]?s\b",
        lambda m: f"{plural(cardinal(m['one']))} {m['and']} {plural(cardinal(m['other']))}",
    ),
]
