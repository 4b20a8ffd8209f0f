"""English ordinals, Roman numbers, letters beside digits, and what is left: the rules that come last."""

import re

from glmtts.text.normalisation.english.codes import in_pairs
from glmtts.text.normalisation.languages import opens_sentence
from glmtts.text.normalisation.rules import AMOUNT, NUMBER, Rule, roman
from glmtts.text.numbers_en import cardinal, digits, number, ordinal, year

_NUMBERED = (
    "Chapter|Part|Volume|War|Act|Book|Section|Phase|Type|Level|Figure|Table|Appendix|Vol|Title|Stage|Class|"
    "Mark|Final Fantasy|Rocky|Grade|Article|Apollo|Unit|Round|Bowl|Scene|Canto|Episode|Season|Schedule|Annex|"
    "Psalm|Sonnet|Number(?= [IVX]{2})|CHAPTER|PART|BOOK|ACT|SCENE"
)
_RULERS = (
    "Henry|Louis|Elizabeth|George|Charles|James|Edward|Richard|William|Mary|Pius|Paul|Benedict|Leo|Gregory|"
    "Philip|Frederick|Catherine|Peter|Nicholas|Alexander|Ferdinand|Napoleon|Ramses|Innocent|Urban|Clement|"
    "Francis|Constantine|Margaret|Wilhelm|Christian"
)
# Of these small Roman numbers are no words either: page xii, Scene ii.
_PARTS = (
    "pages?|chapter|part|act|scene|section|volume|book|canto|stanza|figure|table|appendix|paragraph|clause|step|item"
)
_SMALL_NUMBERED = "type|phase|stage|class|grade|level|chapter|volume|part|article|book|act|factor|category|tier"
_NUMERAL = re.compile(r"C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
# After these "I was" has its own subject: I told Peter I was late.
_TELLING = frozenset(
    re.findall(
        "[a-z]+",
        "tell tells told ask asks asked promise promised assure assured inform informed remind reminded text texted "
        "warn warned convince convinced persuade persuaded show showed teach taught to for with the said says think "
        "thinks thought hope wish wished know knew swear swore and but so",
    )
)
# After these IV and VI are letters, a drip and an editor: a number has no article.
_DETERMINERS = frozenset(
    re.findall(
        "[a-z]+",
        "a an the this that his her my your our their its each every any no by via with through from use used using "
        "start started on off it them him",
    )
)
_MEDICAL = (
    "drips?|fluids?|lines?|bags?|therapy|antibiotics?|infusions?|push|poles?|access|catheters?|treatments?|iron|"
    "injections?|drugs?|needles?|pumps?|tubes?|medications?|medicine|saline|stands?|editor"
)


# What has lasted, or measures, in a word with its number.
_LASTING = (
    r"(?:(?:year|month|week|day)-old|year|month|week|day|night|hour|minute|second|mile|foot|inch|page|step|person|story|"
    r"storey|bedroom|yard|meter|metre|pound|ounce|acre)"
)


def _integer(match: re.Match[str]) -> str:
    """Years from 1700 to 2099 are read as such where they stand alone."""
    written = match[0]
    return year(written) if re.fullmatch(r"(?:1[789]|20)\d\d", written) else number(written)


def _before_hyphen(match: re.Match[str]) -> str:
    written = match[1]
    return (year(written) if re.fullmatch(r"(?:1[789]|20)\d\d", written) else number(written)) + " "


def _scaled(match: re.Match[str]) -> str:
    """10k is ten thousand, 4K four K, 7B seven B, 2.5M two point five million."""
    amount, letter = match[1], match[2]
    return f"{number(amount)} {'thousand' if letter == 'k' else 'million' if letter == 'M' else letter}"


def _scaled_range(match: re.Match[str]) -> str:
    """20k-30k is twenty to thirty thousand."""
    last = {"k": "thousand", "K": "thousand", "M": "million"}[match[4]]
    first = f" {'million' if match[2] == 'M' else 'thousand'}" if match[2] and match[2] != match[4] else ""
    return f"{number(match[1])}{first} to {number(match[3])} {last}"


def _letters(match: re.Match[str]) -> str:
    """U.S. is U S; its last stop ends the sentence at the end of the text or before "It rains"."""
    rest = match.string[match.end() : match.end() + 9].strip()
    word = re.match(r"[A-Za-z]+", rest)
    ends = not rest or (word is not None and opens_sentence(word[0]))
    return " ".join(match[1].replace(".", "")) + ("." if ends else "")


def _dashed(match: re.Match[str]) -> str:
    """1-2-3 and 50-50-0 are said number by number."""
    return ", ".join(cardinal(part) for part in match[0].split("-"))


def _last_word(match: re.Match[str]) -> str:
    """The word before a match, in small letters; empty after a mark."""
    word = re.search(r"([A-Za-z']+)\s$", match.string[max(0, match.start() - 20) : match.start()])
    return word[1].lower() if word else ""


def _numbered(match: re.Match[str]) -> str:
    """Chapter IV is four; C and L alone are letters, as in Appendix C."""
    written = match["roman"]
    if written in ("C", "L") or not _NUMERAL.fullmatch(written):
        return match[0]
    return f"{match['what']} {cardinal(roman(written))}"


def _numbered_span(match: re.Match[str]) -> str:
    """Chapters IV-VI are four to six, Parts I and II one and two."""
    numbers = match.group("low", "high")
    if {"C", "L"} & set(numbers) or not all(map(_NUMERAL.fullmatch, numbers)):
        return match[0]
    low, high = (cardinal(roman(written)) for written in numbers)
    joint = match["joint"].strip(" ,").replace("&", "and")
    return f"{match['what']} {low} {joint if joint.isalpha() else 'to'} {high}"


def _small(match: re.Match[str]) -> str:
    """Scene ii is two, pages iv-xii four to twelve."""
    numbers = [written.upper() for written in match.group("low", "high") if written]
    if not all(map(_NUMERAL.fullmatch, numbers)):
        return match[0]
    return f"{match['what']} {' to '.join(cardinal(roman(written)) for written in numbers)}"


def _ruler(match: re.Match[str]) -> str:
    """Peter I was a tsar, but "I told Peter I was late"; Leo X Smith has an initial."""
    follows = match.string[match.end() : match.end() + 4]
    if match["roman"] == "I" and follows == " was" and _last_word(match) in _TELLING:
        return match[0]
    return f"{match['who']} the {ordinal(roman(match['roman']))}"


def _after_name(match: re.Match[str]) -> str:
    """Rocky IV is four; an IV drip, the VI editor and a dose IV are letters."""
    if match[0] in ("IV", "VI") and (_last_word(match) in _DETERMINERS or _is_dose(match)):
        return match[0]
    return cardinal(roman(match[0]))


def _is_dose(match: re.Match[str]) -> bool:
    """Whether an amount or a time of a medicine stands before: 2 g IV, every eight hours IV, 5 mg/kg IV."""
    before = match.string[max(0, match.start() - 24) : match.start()]
    return (
        re.search(
            r"(?:grams?|liters?|units|hours|dose|mg|daily|kilogram|given|saline|dextrose|C L|[a-z]/[a-z]+)\s$", before
        )
        is not None
    )


def _dotted(match: re.Match[str]) -> str:
    """b.i.d. and w.r.t. are letters; the last stop ends the sentence where a capital or nothing follows."""
    rest = match.string[match.end() : match.end() + 4].strip()
    return " ".join(match[1].replace(".", "").upper()) + ("." if not rest or rest[0].isupper() else "")


RULES: list[Rule] = [
    Rule(r"(?<![\w.,])(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b", lambda m: ordinal(m[1]), re.IGNORECASE),
    # no rule of Roman numbers looks within a word
    Rule(r"\bWW(II?|[12])\b", lambda m: "World War " + ("two" if m[1] in ("II", "2") else "one"), needs="WW"),
    # from one age or length to another: 18-24-year-olds, a 2–3-day trip
    Rule(
        rf"(?<![\w.,/-])(\d{{1,3}})\s?[-–]\s?(\d{{1,3}})[-\s](?={_LASTING}s?\b)",
        lambda m: f"{cardinal(m[1])} to {cardinal(m[2])} " if int(m[1]) < int(m[2]) else m[0],
    ),
    # before a plus behind a word, which leaves one of the two: C++17
    Rule(r"\b([CcGg])\+\+", lambda m: f"{m[1]} plus plus ", needs="++"),
    # The number of a heading; one letter may be the initial of a name.
    Rule(
        r"^(?P<roman>[IVX]{2,5}|[ivx]{2,5})\.\s",
        lambda m: f"{cardinal(roman(m['roman'].upper()))}. " if _NUMERAL.fullmatch(m["roman"].upper()) else m[0],
    ),
    # three letters make a topic of the figures: #100DaysOfCode, but #1 and #10a
    Rule(r"(?<!\w)#(?=\d+[A-Za-z]{3})", lambda m: "hashtag ", needs="#"),
    Rule(r"(?<!\w)#\s?(?=\d|[A-Z]{1,3}-\d)", lambda m: "number ", needs="#"),
    Rule(r"(?<!\w)#(?=[A-Za-z_])", lambda m: "hashtag ", needs="#"),
    # several: Chapters IV-VI, Parts I and II, volumes I to IV
    Rule(
        rf"\b(?P<what>(?:{_NUMBERED}|{_SMALL_NUMBERED})s)\s(?P<low>[IVXLC]+)(?P<joint>\s?[-–]\s?|,?\s(?:and|to|or|through|&)\s)"
        r"(?P<high>[IVXLC]+)\b(?!['’](?!s\b))",
        _numbered_span,
    ),
    Rule(rf"\b(?P<what>{_NUMBERED})\s(?P<roman>[IVXLC]+)\b(?!['’](?!s\b))", _numbered),
    # in small letters I stays, which may be the speaker: type II, phase III.
    Rule(
        rf"\b(?P<what>{_SMALL_NUMBERED})\s(?P<roman>[IVX]{{2,}})(?=[.,;:!?)]*(?:\s|$))(?!\.\w)",
        _numbered,
    ),
    # before a Roman number; that before digits is an abbreviation: p. xi
    Rule(r"(?<![\w.])(pp?)\.\s(?=[ivxl]{1,6}\b)", lambda m: "pages " if m[1] == "pp" else "page "),
    Rule(rf"\b(?P<what>(?i:{_PARTS}))\s(?P<low>[ivxl]{{2,6}})(?:[-–](?P<high>[ivxl]{{1,6}}))?\b(?!['’-])", _small),
    # (i), (v) and (x) stay, since they may be letters
    Rule(r"[(](ii|iii|iv|vi|vii|viii|ix)[)]", lambda m: f"({cardinal(roman(m[1].upper()))})"),
    Rule(
        rf"\b(?P<who>{_RULERS})\s"
        r"(?P<roman>[IVX]{2,}|[VX](?!\s[A-Z][a-z])|I(?=[,.;:!?)]|'s\b|$|\s(?:of|was|and|in|is)\b))\b(?!'(?!s))",
        _ruler,
    ),
    Rule(
        r"\b(?=[XVI]{2})(?:X{0,3}(?:IX|IV|V?I{0,3}))(?=\s(?:century|centuries|Olympiad))",
        lambda m: ordinal(roman(m[0])),
    ),
    Rule(
        r"(?<=[A-Za-z]\s)(?:II|III|IV|VI|VII|VIII|IX|XI|XII|XIII|XIV|XV|XVI|XX)(?![\w'.-])"
        rf"(?!\s(?:{_MEDICAL})\b)",
        _after_name,
    ),
    Rule(r"(?<![\w.-])\d{1,3}(?:-\d{1,3}){2,6}(?![\w-]|\.\d)", _dashed),
    # before the hyphens behind a name, which are silent in F-16: UTC-5
    Rule(r"\b(UTC|GMT)\s?[-−](?=\d)", lambda m: f"{m[1]} minus "),
    # three figures behind capitals are a name's, with a hyphen or without: A380, US-101, U-235, CS101
    Rule(
        r"\b([A-Z]{1,4}(?=-)|[A-Z]{1,2}|SHA|AES|RSA|Pu|Cs|Am|Th|Ra|uranium|plutonium)-?([1-9]\d\d)"
        r"(?:(?![\w-]|[.,]\d)|(?P<more>(?=[a-z]{2,}\b)))",
        lambda m: f"{m[1]} {in_pairs(m[2])}" + ("" if m["more"] is None else " "),
    ),
    Rule(r"\b([A-Za-z]+)-(?=\d)", lambda m: f"{m[1]} "),
    Rule(rf"(?<![\w.])({AMOUNT})([kKM]?)\s?[-–]\s?({AMOUNT})([kKM])\b", _scaled_range),
    Rule(rf"(?<![\w.])({AMOUNT})([kKM])\b(?!-)", _scaled),
    Rule(r"(?<![\w.])\.(\d+)", lambda m: "point " + digits(m[1])),
    Rule(r"(?<=[A-Za-z])\d{1,3}(?!\d)", lambda m: f" {cardinal(m[0])} "),
    # a year behind letters, as of a game: PES2020
    Rule(r"(?<=[A-Za-z])(?:19|20)\d\d(?!\d)", lambda m: f" {year(m[0])} "),
    # longer figures behind letters are no number: DK12345
    Rule(r"(?<=[A-Za-z])\d{4,}", lambda m: f" {digits(m[0])} "),
    # the hyphen of 20-year, 1,000-year-old and 10-year-old is silent
    Rule(rf"(?<![\w.])(?<!\d,)({NUMBER})-(?=[A-Za-z])", _before_hyphen),
    Rule(rf"{NUMBER}(?=[A-Za-z])", lambda m: f"{number(m[0])} "),
    Rule(NUMBER, _integer),
    Rule(r"\s?&&?\s?", lambda m: " and "),
    Rule(r"\s\+\s", lambda m: " plus "),
    # one stroke alone is a pause
    Rule(r"\s\|\|\s", lambda m: " or ", needs="||"),
    Rule(r"(?<=\w)\s?\+{1,2}(?!\w)", lambda m: " plus" * m[0].count("+")),
    # a grade: B- or C-
    Rule(r"(?<![\w-])([A-F])[-−](?=[,.;:!?)]|$|\s(?:in|on|for|average|and|or|to)\b)", lambda m: f"{m[1]} minus"),
    Rule(r"(?<!\w)@(?=\w)|(?<=\w)\s?@\s?(?=\w)", lambda m: " at ", needs="@"),
    Rule(r"(?<=[A-Za-z])/(?=[A-Za-z])", lambda m: " "),
    Rule(r"(?<=[A-Za-z.])(?<!and)\s/\s(?=[A-Za-z])", lambda m: ", "),
    Rule(r"(?<![\w.])((?:[a-z]\.){2,})(?!\w)", _dotted),
    Rule(r"\b((?:[A-Z]\.){2,})(?![A-Za-z0-9])", _letters),
    # the last full stop left out: the U.S economy
    Rule(r"\b((?:[A-Z]\.){1,3}[A-Z])\b(?!\.)", lambda m: m[1].replace(".", " ")),
]
