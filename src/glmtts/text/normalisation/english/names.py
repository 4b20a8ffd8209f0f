"""English names and phrases with figures that are no amounts: 3M, M&Ms, R2-D2, H.264, a 5k run, 50-50, class of '05."""

import re

from glmtts.text.normalisation.english.codes import in_pairs
from glmtts.text.normalisation.rules import Rule, roman
from glmtts.text.numbers_en import cardinal, digits, plural, year

_WHOLE = 100  # percent
_SHARED = (
    r"(?:splits?|chances?|odds|shot|ratio|mix|blend|bet|partnership|ownership|custody|basis|balance|share|vote|rule|"
    r"proposition|deal|toss|joint|favorite|favourite|likelihood|probability)"
)
# Distances of races in kilometres: he ran a 10k, but 5k followers.
_RACED = r"(?:3|5|8|10|12|15|20|25|30|50|100)"
_RACES = r"(?:run|races?|walk|jog|runners?|time|personal best|PB|course|(?:trail|fun|charity) run|parkrun)"
_RUNNING = (
    r"(?:ran|runs?|running|raced?|racing|jog(?:ged|s)?|walk(?:ed|s)?|finish(?:ed)?|complet(?:e|ed)|did|"
    r"train(?:ed|ing)? for|sign(?:ed)? up for|enter(?:ed)?)"
)
_ONE = (
    r"(?:an?|the|my|his|her|our|their|your|this|that|every|another)"
    r"(?: (?:first|second|third|last|local|charity|whole|full|next))?"
)
# What a company does, and where people work; elsewhere 3M is three million.
_COMPANY_DOES = (
    r"(?:announc|report|said|says|makes?|made|produc|manufactur|invent|sells|sold|agreed|plans|will|has|is|was|recall|"
    r"acquir|launch|develop|employ|expects|settled|posted)"
)
_COMPANY_HAS = (
    r"(?:Company|Co\b|Corp|stock\b|shares\b|tapes?\b|products?\b|masks?\b|respirators?\b|adhesives?\b|Post-it|Scotch|"
    r"plant\b|headquarters|employees)"
)
_AT_COMPANY = (
    r"(?:\b(?:work(?:s|ed|ing)?|job|career|engineer|manager|scientist|chemist|executive|employed|hired|intern(?:ed|ship)?)"
    r" (?:at|for|by|with)|\b(?:joined|sued|CEO of|products of|made by|shares of|stock of)) $"
)
_AFTER_COMPANY = re.compile(rf"'s\b|\s(?:{_COMPANY_DOES}|{_COMPANY_HAS})")
_IN_COMPANY = re.compile(_AT_COMPANY)
# Parts of a text and versions have numbers of four parts, too.
_NUMBERED = re.compile(
    r"\b(?:sections?|sec\.?|chapter|figure|table|clause|paragraph|item|article|version|release|build|firmware|update|"
    r"rule) $",
    re.IGNORECASE,
)
_MACHINE = re.compile(
    r"\b(?:IPs?|IPv4|DNS|ping(?:ed|s)?|address(?:es)?|servers?|hosts?|routers?|gateway|subnet|mask|netmask|localhost|network)\b",
    re.IGNORECASE,
)
_AGED = re.compile(r"\b(?:[Uu]nder|[Oo]ver)-$|\b[Tt]he (?:under|over) $")
_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_PRIVATE, _PUBLIC = "10", 100  # networks at home, and first parts that no version has reached


def _shares(match: re.Match[str]) -> str:
    """A 60-40 split shares the whole; 50-50 rises to nothing anyway."""
    first, second = match[1], match[2]
    shares = first == second == "50" or (match["noun"] is not None and int(first) + int(second) == _WHOLE)
    return f"{cardinal(first)} {cardinal(second)}" if shares else match[0]


def _company(match: re.Match[str]) -> str:
    """3M announced, works at 3M; grew by 3M stays a number."""
    before = match.string[max(0, match.start() - 24) : match.start()]
    company = _AFTER_COMPANY.match(match.string[match.end() :][:16]) or _IN_COMPANY.search(before)
    return "three M" if company else match[0]


def _machine(match: re.Match[str]) -> str:
    """192.168.1.1 by its digits; 1.2.3.4 is an address beside a word of networks and a version elsewhere."""
    before = match.string[max(0, match.start() - 24) : match.start()]
    first = match[0].split(".")[0]
    is_address = int(first) >= _PUBLIC or first == _PRIVATE or _MACHINE.search(before)
    if _NUMBERED.search(before) or not is_address:
        return match[0]
    return " dot ".join(map(digits, match[0].split(".")))


# Before dates, to which 7-11 and '05 are parts of some.
def _trousers(match: re.Match[str]) -> str:
    """Levi's 501s are five oh ones."""
    said = in_pairs(match[2])
    return match[1] + (plural(said) if match[3] else said)


def _aged(match: re.Match[str]) -> str:
    """Under-12s are children; "in under 12s" is a time."""
    before = match.string[max(0, match.start() - 12) : match.start()]
    return plural(cardinal(match[1])) if _AGED.search(before) else match[0]


RULES: list[Rule] = [
    # of baseball: 24 HRs
    Rule(r"(?<=\d )HRs\b", lambda m: "home runs", needs="HRs"),
    # the year of a work: © MMXXIV
    Rule(r"(© |[Cc]opyright )(M[MCDXLVI]{1,12})\b", lambda m: m[1] + year(roman(m[2])), needs="M"),
    # an s behind a number is of seconds, but not of children or trousers: the under-12s, Levi's 501s
    Rule(r"(\d{1,2})s\b", _aged),
    Rule(r"(Levi's |[Pp]air of (?=501s))(5\d\d)(s?)\b", _trousers),
    # standards of the ITU, whose stop is none: H.264, X.509
    Rule(r"(?<![\w.])([GHX])\.(\d{3})(?!\w|[.,]\d)", lambda m: f"{m[1]} {digits(m[2]).replace('zero', 'oh')}"),
    Rule(rf"(?<![\w.-]){_BYTE}(?:\.{_BYTE}){{3}}(?![\w-]|\.\d)", _machine),
    Rule(
        r"(?<![\w.,$-])(\d\d)\s?[-–]\s?(\d\d)(?![\w%-]|[.,]\d)(?P<noun>(?=[ -]" + _SHARED + r"\b))?",
        _shares,
    ),
    # a shop
    Rule(
        r"(?<![\w.-])7-11(?=(?:'s|s)?\s(?:stores?|shop|franchise|clerk|parking|cashier|hot dog|coffee|Slurpee)\b)|"
        r"(?<=\b(?:nearest|closest) )7-11\b|(?<=\blocal )7-11\b|(?<=\b(?:went|walk) to )7-11\b|"
        r"(?<=\bstopped at )7-11\b",
        lambda m: "seven eleven",
        needs="7-11",
    ),
    Rule(r"(?<![\w&])([A-Z])&([A-Z])s\b", lambda m: f"{m[1]} and {m[2]}'s", needs="&"),
    # R2-D2 is one name; from A1 to A3 the letters are alike
    Rule(r"(?<![\w.-])([A-Z]\d{1,2})-(?=([A-Z])\d{1,2}(?![\w.-]))", lambda m: m[0] if m[2] == m[1][0] else f"{m[1]} "),
    Rule(rf"(?<![\w.,$€£-])({_RACED})[kK](?=[ -]{_RACES}\b)", lambda m: f"{cardinal(m[1])} K"),
    Rule(
        rf"(?P<run>\b{_RUNNING} {_ONE} )({_RACED})[kK]"
        r"(?=$|[.,;:!?)]|\s(?:in|on|at|for|with|this|last|today|and|every|under)\b)",
        lambda m: f"{m['run']}{cardinal(m[2])} K",
    ),
    Rule(r"(?<![\w.,$€£-])3M\b(?!-)", _company),
    # a year of this century cut short, and no quote: class of '05, '05-'09
    Rule(
        r"(?<![\w'])'0([1-9])(?![\w']|[.,:/]\d)(?:\s?-\s?(?='0[1-9]\b))?",
        lambda m: f"oh {cardinal(m[1])}" + (" to " if "-" in m[0] else ""),
    ),
]
