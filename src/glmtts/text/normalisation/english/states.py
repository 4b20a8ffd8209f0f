"""States of America by their letters, behind a place or a party: Portland, OR 97201, Gary, IN, (R-ME)."""

import re

from glmtts.text.normalisation.english.codes import code
from glmtts.text.normalisation.languages import FUNCTION_WORDS
from glmtts.text.normalisation.rules import Rule

_STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
    "CT": "Connecticut", "DE": "Delaware", "FL": "Florida", "GA": "Georgia", "HI": "Hawaii", "ID": "Idaho",
    "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine",
    "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota", "MS": "Mississippi",
    "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire", "NJ": "New Jersey",
    "NM": "New Mexico", "NY": "New York", "NC": "North Carolina", "ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma",
    "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota",
    "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia", "WA": "Washington",
    "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming",
}  # fmt: skip
# The letters that are words; the others are read by their letters well enough.
_WORDS = "AL|DE|HI|ID|IN|LA|ME|MO|OH|OK|OR|PA|MA"
_ANSWERS = FUNCTION_WORDS | {
    "well",
    "okay",
    "oh",
    "hey",
    "hi",
    "hello",
    "yeah",
    "right",
    "now",
    "fine",
    "please",
    "sure",
}


def _behind_place(match: re.Match[str]) -> str:
    """Gary, IN is a place; Well, OK is none."""
    # behind a name these are degrees, a job or a paper
    if match["place"].lower() in _ANSWERS or (match["state"] in ("ID", "MA", "PA") and not match["zip"]):
        return match[0]
    zip_code = f" {code(match['zip'])}" if match["zip"] else ""
    return f"{match['place']}, {_STATES[match['state']]}{zip_code}"


RULES: list[Rule] = [
    Rule(
        rf"\b(?P<place>[A-Z][a-z]+),\s(?P<state>{_WORDS})\b"
        r"(?:\s(?P<zip>\d{5})\b(?!-)|(?=[.;:!?)]|,(?!\d)|$|\s(?:in|is|was|on|to|for|from|and|where)\b(?!\s(?:the|a|an)\s)))",
        _behind_place,
        needs=",",
    ),
    Rule(rf"(?<=\()([RDI])-({'|'.join(_STATES)})(?=\))", lambda m: f"{m[1]}, {_STATES[m[2]]}", needs="("),
]
