"""English strokes between numbers that are no fractions: odds of 5/2, step 1/3, 18/20 marks, 3/4 time, 1/250 s."""

import re

from glmtts.text.normalisation.english.measures import FREE
from glmtts.text.normalisation.rules import NUMBER, Rule, alternatives
from glmtts.text.numbers_en import cardinal, number, ordinal

# What odds are spoken of with; 5/2 alone is a fraction.
_BETTING = re.compile(
    r"\b(?:odds|favou?rites?|outsiders?|bookmakers?|bookies|long shot|backed at|priced at|starting price)\b"
)
# What marks are out of, and the words that speak of them.
_STARS = ("5", "10", "20", "100")
_MARKS = (*_STARS, "15", "25", "30", "40", "50", "60", "75", "80", "120", "150")
_WHOLE = 100  # percent
_MARKED = re.compile(
    r"\b(?:rat(?:ed?|es|ings?)|scor(?:ed?|es|ing)|marks?|reviews?|graded?|gave it an?)\b|/ stars?\b", re.IGNORECASE
)
# These have other objects, too, so the clause ends behind the mark, or goes on to what it is for: got 1/10 of the pay.
_EARNED = re.compile(
    r"\b(?:got|gets?|getting|received?|receives|earn(?:ed|s)?|achieved?) (?:an? )?/"
    r"(?=$|[.,;!?)]|\s(?:on|in|for|at|and|but|this)\b)"
)
_OFTEN = {"1": "once", "2": "twice"}
_PERIODS = {"d": "day", "wk": "week"}
_METRICS = frozenset(("kg", "g", "mg", "ml", "mL", "cl", "L", "l", "cm", "mm", "m", "km", "km/h", "kph"))
_METRIC = alternatives(_METRICS)
_IMPERIAL = r"(?:lbs?|oz|fl oz|pints?|cups?|in|inch|inches|ft|feet|yd|mi|miles?|mph)"
_NOTES = r"(?:2|4|8|16)"
_METRE = (
    r"(?:time(?! (?:job|position|employ|work|role|staff|student|faculty|teacher))|met(?:er|re)|beat|rhythm|groove|"
    r"waltz|jig)\b"
)


def _is_mark(match: re.Match[str]) -> bool:
    """Whether a word near by speaks of marks: rated 8/10, 4/5 stars, got 95/100."""
    top, bottom = int(match["top"]), int(match["bottom"])
    before = re.split(r"[,.!?;]", match.string[max(0, match.start() - 20) : match.start()])[-1]
    around = before + "/" + match.string[match.end() :][:6]
    if top > bottom or (match["bottom"] not in _STARS and top + bottom == _WHOLE):
        return False
    return _MARKED.search(around) is not None or (top > 1 and _EARNED.search(around) is not None)


def _odds(match: re.Match[str]) -> str:
    """Odds of 5/2 are five to two."""
    around = match.string[max(0, match.start() - 24) : match.end() + 12]
    top, bottom = match["odds"].split("/")
    return f"{cardinal(top)} to {cardinal(bottom)}" if _BETTING.search(around) else match[0]


RULES: list[Rule] = [
    # how often: 3x/day, twice/day, 2-3 times/week
    Rule(
        r"(?<![\w.])(\d{1,2})\s?[xX×]\s?/\s?(day|week|month|year|hour|night|d|wk)\b",
        lambda m: f"{_OFTEN.get(m[1], cardinal(m[1]) + ' times')} a {_PERIODS.get(m[2], m[2])}",
        needs="/",
    ),
    Rule(
        r"\b([Oo]nce|[Tt]wice|[Tt]hrice|times)/(day|week|month|year|hour|night)\b",
        lambda m: f"{m[1]} a {m[2]}",
        needs="/",
    ),
    # one amount in the units of two systems: 1kg/2.2lb, 200g/7oz
    Rule(
        rf"{FREE}({NUMBER}\s?(?P<one>{_METRIC}|{_IMPERIAL}))\s?/\s?(?={NUMBER}\s?(?P<other>{_METRIC}|{_IMPERIAL})(?![\w/^]))",
        lambda m: m[0] if (m["one"] in _METRICS) == (m["other"] in _METRICS) else f"{m[1]}, ",
        needs="/",
    ),
    Rule(r"(?<=\d)(\s?(?:min|mins|minutes?|sec|secs))/side\b", lambda m: f"{m[1]} per side", needs="/side"),
    Rule(rf"(?P<odds>{FREE}\d{{1,3}}/\d{{1,2}})(?![\w/]|\.\d)", _odds),
    Rule(
        r"\b(?P<what>[Ss]tep|[Pp]art|[Pp]age|[Ss]lide|[Dd]ay|[Qq]uestion|[Ee]pisode|[Tt]ask|[Rr]ound|[Ss]tage|[Ll]esson)"
        r"\s(\d{1,3})/(\d{1,3})(?![\w/]|\.\d)",
        lambda m: f"{m['what']} {cardinal(m[2])} of {cardinal(m[3])}" if int(m[2]) <= int(m[3]) else m[0],
    ),
    # The time of music; one half and one quarter are shares of any time.
    Rule(
        rf"(?<![\w./-])([2-9]|1[0-5])/({_NOTES})(?=[\s-]{_METRE})|(?<=signature of )(\d{{1,2}})/({_NOTES})(?![\w/])",
        lambda m: f"{cardinal(m[1] or m[3])} {cardinal(m[2] or m[4])}",
    ),
    # A shutter of 1/250 s.
    Rule(
        r"(?<![\w./-])1/(\d{2,5})\s?(?:s|sec|secs|seconds?)\b",
        lambda m: f"one {ordinal(m[1])} of a second",
    ),
]
_ASKED = (
    r"(?:people|adults|Americans|Britons|dentists|doctors|women|men|children|kids|parents|patients|users|students|voters|"
    r"customers|teachers|workers|employees|companies|households|families|teenagers|teens|respondents|readers|cats|dogs)"
)
# Behind money and measures, which have strokes of their own: $4.50/5.
MARKS: list[Rule] = [
    # nine of ten who were asked, half the price, a picture as wide as sixteen nine, and wickets
    Rule(
        rf"(?<![\w./-])(?P<top>\d{{1,2}})/(?P<bottom>\d{{1,3}})(?=\s{_ASKED}\b)",
        lambda m: f"{cardinal(m['top'])} out of {cardinal(m['bottom'])}" if int(m["top"]) < int(m["bottom"]) else m[0],
        needs="/",
    ),
    Rule(r"(?<![\w./-])1/2(?=[\s-](?:price|off|term|marathon|dozen|day|way)\b)", lambda m: "half", needs="1/2"),
    Rule(
        r"(?<![\w./-])(16|4|3|21)/(9|10|3|2)(?=\s(?:aspect|format|widescreen|screen|ratio)\b)",
        lambda m: f"{cardinal(m[1])} {cardinal(m[2])}",
        needs="/",
    ),
    Rule(
        r"(?P<verb>\b(?:are|were|on|to|reached|made|scored|posted|declared|finished)\s)(?P<runs>\d{3})/(?P<wickets>\d)"
        r"(?![\w/%]|\.\d)",
        lambda m: f"{m['verb']}{cardinal(m['runs'])} for {cardinal(m['wickets'])}",
        needs="/",
    ),
    Rule(
        rf"(?<![\w./-])(?<!\d,)(\d{{1,3}}\.\d{{1,2}})/({NUMBER})(?![\w/]|[.,]\d)",
        lambda m: f"{number(m[1])} {'out of' if m[2] in _STARS else 'over'} {number(m[2])}",
    ),
    # before pairs, of which 8/10 are tenths
    Rule(
        rf"(?<![\w./-])(?P<top>\d{{1,3}})/(?P<bottom>{alternatives(_MARKS)})(?![\w/]|\.\d)",
        lambda m: f"{cardinal(m['top'])} out of {cardinal(m['bottom'])}" if _is_mark(m) else m[0],
    ),
]
