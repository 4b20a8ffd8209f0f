"""English strokes between numbers that are no fractions: odds of 5/2, step 1/3, a shutter of 1/250 s."""

import re

from glmtts.text.normalisation.english.measures import FREE
from glmtts.text.normalisation.rules import Rule
from glmtts.text.numbers_en import cardinal, ordinal

# What odds are spoken of with; 5/2 alone is a fraction.
_BETTING = re.compile(
    r"\b(?:odds|favou?rites?|outsiders?|bookmakers?|bookies|long shot|backed at|priced at|starting price)\b"
)


def _odds(match: re.Match[str]) -> str:
    """Odds of 5/2 are five to two."""
    around = match.string[max(0, match.start() - 24) : match.end() + 12]
    top, bottom = match["odds"].split("/")
    return f"{cardinal(top)} to {cardinal(bottom)}" if _BETTING.search(around) else match[0]


RULES: list[Rule] = [
    Rule(rf"(?P<odds>{FREE}\d{{1,3}}/\d{{1,2}})(?![\w/]|\.\d)", _odds),
    Rule(
        r"\b(?P<what>[Ss]tep|[Pp]art|[Pp]age|[Ss]lide|[Dd]ay|[Qq]uestion|[Ee]pisode|[Tt]ask|[Rr]ound|[Ss]tage|[Ll]esson)"
        r"\s(\d{1,3})/(\d{1,3})(?![\w/]|\.\d)",
        lambda m: f"{m['what']} {cardinal(m[2])} of {cardinal(m[3])}" if int(m[2]) <= int(m[3]) else m[0],
    ),
    # A shutter of 1/250 s.
    Rule(
        r"(?<![\w./-])1/(\d{2,5})\s?(?:s|sec|secs|seconds?)\b",
        lambda m: f"one {ordinal(m[1])} of a second",
    ),
]
