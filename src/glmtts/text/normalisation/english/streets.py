"""English addresses and saints: 1205 N. Main St., 1600 Pennsylvania Ave. NW, Route 9 W., St Paul's."""

import re

from glmtts.text.normalisation.languages import FUNCTION_WORDS
from glmtts.text.normalisation.rules import Rule
from glmtts.text.numbers_en import cardinal

# Saints of places; before another capital "St." is a street where a name or number stands before it.
_SAINTS = (
    "Louis|Paul|Petersburg|John|Mary|Peter|Patrick|Andrews?|Michael|Nicholas|James|Joseph|Francis|Augustine|George|Thomas|"
    "Lawrence|Helens?|Helena|Lucia|Kitts|Vincent|Martin|Moritz|Tropez|Ives|Albans|Catherine|Stephen|Mark|Luke|Matthew|"
    "Bernard|Clair|Cloud|Charles|Elizabeth|Agnes|Anne?|Barbara|Benedict|Valentine|Croix|Bartholomew|Pancras|Ignatius|Teresa|"
    "Kilda|Malo|Neots|Leonards|Austell|Giles|Leger|Edmunds?|David|Mirren|Gallen|Barts|Clare|Columba|Brendan|Oswald|Hilda|"
    "Helier|Jude|Regis|Olaf|Simon|Nick|Christopher|Germain|Pierre|Mellion|Margaret|Cecilia|Dominic|Gregory|Leo|Philip"
)
_STREET = re.compile(r"(?:\b[A-Z][a-z]+|\d(?:st|nd|rd|th))\s$")
_SUFFIX = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Place|Pl|Way|Circle|Terrace|Highway|Hwy|"
    r"Parkway|Pkwy|Square|Sq|Broadway|Crescent)"
)
_NAMED = r"(?:(?:[A-Z][a-z]+|\d{1,3}(?:st|nd|rd|th)|(?:Jr|Sr|Mt|Ft|St)\.)\s){1,4}"
_SIDES = {"N": "North", "S": "South", "E": "East", "W": "West", "NE": "Northeast", "NW": "Northwest",
          "SE": "Southeast", "SW": "Southwest"}  # fmt: skip
_SIDE = "NE|NW|SE|SW|N|S|E|W"
# What stands behind the junior or the avenue of a longer name, so that its stop ends nothing: King Jr. Blvd.
GOES_ON = re.compile(
    rf"\s(?:(?:{_SIDE}|(?:North|South)(?:east|west))\b|(?:Avenue|Ave|Boulevard|Blvd|Street|St|Drive|Dr|Road|Rd|Way|Show|Day|Park|High|Middle|Elementary|"
    r"School|Library|Memorial|Center|Centre|Bridge|Foundation|Museum|Stadium|Airport|Highway|Trophy|Award|Suite|Ste|Apt)\b)"
)


def stop(match: re.Match[str]) -> str:
    """The full stop of the sentence, where the one of the abbreviation is that too."""
    rest = match.string[match.end() : match.end() + 16]
    first = rest.lstrip()[:1]
    return "." if not first or (first.isupper() and not GOES_ON.match(rest)) else ""


def is_street(match: re.Match[str]) -> bool:
    """Whether the name or number of a street stands before a match."""
    before = match.string[max(0, match.start() - 24) : match.start()]
    found = _STREET.search(before)
    return found is not None and found[0].strip().lower() not in FUNCTION_WORDS


def _saint(match: re.Match[str]) -> str:
    """Oak St. is a street, St. Paul a saint; so is "in St. Ives"."""
    follows = match.string[match.end() : match.end() + 16]
    if (re.match(rf"\s(?:{_SAINTS})\b", follows) and not re.match(r"\s\w+\s\w+", follows)) or not is_street(match):
        return "Saint" if re.match(r"\s[A-Z]", follows) else "Street"
    goes_on = re.match(rf"\s(?:{_SIDE}|(?:North|South)(?:east|west))\b", follows)
    return "Street" + ("." if follows.strip()[:1].isupper() and not goes_on else "")


def _plain_saint(match: re.Match[str]) -> str:
    """St Paul's and near St Xavier; Oak St Bakery has a street."""
    return match[0] if match["any"] and is_street(match) else "Saint"


def _house(match: re.Match[str]) -> str:
    """1205 Main Street is twelve oh five, 1600 Pennsylvania Ave. sixteen hundred."""
    head, rest = match[1][:2], match[1][2:]
    if match[1].endswith("000"):
        return cardinal(match[1])
    tail = "hundred" if rest == "00" else f"oh {cardinal(rest[1])}" if rest[0] == "0" else cardinal(rest)
    return f"{cardinal(head)} {tail}"


def _behind(match: re.Match[str]) -> str:
    """Route 9 W. is closed, I-95 N, Oak Ave. NE."""
    rest = match.string[match.end() :].lstrip()
    ends = match[0].endswith(".") and (not rest or rest[0].isupper())
    return match["road"] + _SIDES[match["side"]] + ("bound" if match["bound"] else "") + ("." if ends else "")


# Before the abbreviations, of which these hold some.
FIRST: list[Rule] = [
    # a side between the number of a house and its street
    Rule(
        rf"(?<=\d\s)({_SIDE})\b\.?\s(?={_NAMED}{_SUFFIX}\b)",
        lambda m: f"{_SIDES[m[1]]} ",
    ),
    Rule(
        rf"(?<![\w.,$£€/#-])([1-9]\d{{3}})(?=\s(?:(?:{_SIDE})\b\.?\s|(?:North|South|East|West)\s)?{_NAMED}{_SUFFIX}\b)",
        _house,
    ),
    # where one turns, an initial is none of a person
    Rule(
        r"(?<=\b(?P<to>[Tt]urn) )(?P<turn>(?:left |right )?(?:on|onto|at) )(?P<side>[NSEW])\.\s(?=[A-Z][a-z])|"
        r"(?<=\bcorner of )(?P<corner>[NSEW])\.\s(?=[A-Z][a-z])",
        lambda m: f"{m['turn'] or ''}{_SIDES[m['side'] or m['corner']]} ",
        needs=".",
    ),
    Rule(
        r"(?P<road>\b(?:Rte\.?|Rt\.|Route|Hwy\.?|Highway|Interstate|I|US|Exit)[ -]\d{1,3}[A-Z]?\s)"
        r"(?P<side>[NSEW])(?P<bound>B?)\b\.?(?!\w)",
        _behind,
    ),
    Rule(
        r"(?P<road>\b(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd)\b\.?,?\s)(?P<side>NE|NW|SE|SW)\b(?P<bound>)(?!\.\w)",
        lambda m: m["road"] + _SIDES[m["side"]],
    ),
]
RULES: list[Rule] = [
    Rule(r"\bSt\.(?!\w)", _saint),
    Rule(rf"\bSt(?=\s(?:(?:{_SAINTS})\b|(?P<any>[A-Z][a-z]{{2,}})))", _plain_saint),
]
