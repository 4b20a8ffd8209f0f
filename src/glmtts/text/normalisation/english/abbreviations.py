"""English abbreviations with a full stop, and which of them may end a sentence."""

import re

from glmtts.text.normalisation.english import streets, verses
from glmtts.text.normalisation.english.streets import is_street, stop
from glmtts.text.normalisation.languages import FUNCTION_WORDS
from glmtts.text.normalisation.rules import Rule, alternatives
from glmtts.text.numbers_en import cardinal

_ANYWHERE = {
    "Mr.": "Mister", "Mrs.": "Missus", "Ms.": "Miss", "Messrs.": "Messieurs", "Dr.": "Doctor", "Prof.": "Professor",
    "vs.": "versus", "v.s.": "versus", "e.g.": "for example", "i.e.": "that is", "approx.": "approximately",
    "dept.": "department", "Dept.": "Department", "Gen.": "General", "Capt.": "Captain", "Sgt.": "Sergeant",
    "Lt.": "Lieutenant", "Col.": "Colonel", "Rev.": "Reverend", "Sen.": "Senator", "Rep.": "Representative",
    "Gov.": "Governor", "Hon.": "Honorable", "Pres.": "President", "Cpl.": "Corporal", "Maj.": "Major",
    "Adm.": "Admiral", "Cmdr.": "Commander", "Mt.": "Mount", "Ft.": "Fort", "est.": "estimated", "cf.": "compare",
    "viz.": "namely", "ca.": "circa", "a.k.a.": "also known as", "Asst.": "Assistant", "Univ.": "University",
    "Assn.": "Association", "Bros.": "Brothers", "ext.": "extension", "Ext.": "Extension", "tel.": "telephone",
    "Tel.": "Telephone", "max.": "maximum", "avg.": "average", "temp.": "temperature", "misc.": "miscellaneous",
    "acct.": "account", "Acct.": "Account", "incl.": "including", "excl.": "excluding",
    "Mme.": "Madame", "Mlle.": "Mademoiselle", "Supt.": "Superintendent",
    "Pvt.": "Private", "Int'l": "International", "int'l": "international", "Nat'l": "National", "nat'l": "national",
    "Attn.": "Attention", "ATTN:": "Attention:", "Attn:": "Attention:", "asst.": "assistant", "Insp.": "Inspector",
    "Apt.": "Apartment", "apt.": "apartment", "b/c": "because", "Ph.D.": "P H D", "Rte.": "Route",
}  # fmt: skip
_BEFORE_DIGITS = {
    "p.": "page", "pp.": "pages", "pg.": "page", "Fig.": "Figure", "fig.": "figure", "Figs.": "Figures",
    "figs.": "figures", "Vol.": "Volume", "vol.": "volume", "Vols.": "Volumes", "Ch.": "Chapter", "ch.": "chapter",
    "Sec.": "Section", "sec.": "section", "Art.": "Article", "Eq.": "Equation", "eq.": "equation", "No.": "Number",
    "no.": "number", "Nos.": "Numbers", "nos.": "numbers", "Nr.": "Number", "Pt.": "Part", "Tab.": "Table",
    "cl.": "clause", "Cl.": "Clause", "Res.": "Resolution", "Reg.": "Regulation", "para.": "paragraph",
    "paras.": "paragraphs", "Rm.": "Room", "Op.": "Opus", "op.": "opus", "ver.": "version", "Ver.": "Version",
    "par.": "paragraph", "Sect.": "Section", "sect.": "section", "Ste.": "Suite", "Fl.": "Floor", "wk.": "week",
    "Wk.": "Week", "Bk.": "Book", "Ps.": "Psalm",
}  # fmt: skip
_MAYBE_LAST = {
    "etc.": "et cetera", "Inc.": "Incorporated", "Corp.": "Corporation", "Co.": "Company",
    "Jr.": "Junior", "Sr.": "Senior", "Ave.": "Avenue", "Blvd.": "Boulevard", "Rd.": "Road", "Ln.": "Lane",
    "Hwy.": "Highway", "Pkwy.": "Parkway", "Sq.": "Square", "Esq.": "Esquire", "et al.": "and others",
    "hrs.": "hours", "hr.": "hour", "mins.": "minutes", "secs.": "seconds", "lbs.": "pounds", "yrs.": "years",
    "wks.": "weeks", "mos.": "months", "Bldg.": "Building", "govt.": "government", "Govt.": "Government",
    "mgmt.": "management", "Mgmt.": "Management", "mgr.": "manager", "Mgr.": "Manager", "mtg.": "meeting",
    "Mtg.": "Meeting", "appt.": "appointment", "Appt.": "Appointment", "pkg.": "package", "doz.": "dozen",
    "amt.": "amount", "Amt.": "Amount", "qty.": "quantity", "Qty.": "Quantity", "wt.": "weight", "Wt.": "Weight",
    "Pl.": "Place", "Ct.": "Court", "Ter.": "Terrace", "Cir.": "Circle",
}  # fmt: skip
_SUFFIXES = {"Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "St": "Street", "Ln": "Lane", "Hwy": "Highway"}
# In texts of capitals; other short words are words there, and CA. is a state.
_TITLES = ("Mr.", "Mrs.", "Ms.", "Dr.", "Prof.", "Gen.", "Capt.", "Sgt.", "Lt.", "Col.", "Rev.", "Sen.", "Rep.", "Gov.",
           "Hon.", "Pres.", "Maj.", "Adm.", "Mt.", "Ft.")  # fmt: skip
_CAPITAL_TITLES = {title.upper(): _ANYWHERE[title] for title in _TITLES}
_CAPITAL_STREETS = {"ST.": "Street", "DR.": "Drive"} | {
    f"{written.upper()}.": said for written, said in _SUFFIXES.items() if written != "St"
}
_CAPITAL_NUMBERED = {
    written.upper(): _BEFORE_DIGITS[written]
    for written in ("No.", "Nos.", "Vol.", "Ch.", "Fig.", "Pt.", "pp.", "Sec.", "Art.", "Rm.", "Ste.", "Fl.")
}
_CAPITAL_LAST = {
    written.upper(): said for written, said in _MAYBE_LAST.items() if written in ("Inc.", "Corp.", "Jr.", "Sr.", "etc.")
}
_NO_STOP = {"Mr": "Mister", "Mrs": "Missus", "Ms": "Miss", "Dr": "Doctor", "Prof": "Professor"}
_MONTHS = ("Jan.", "Feb.", "Mar.", "Apr.", "Jun.", "Jul.", "Aug.", "Sep.", "Sept.", "Oct.", "Nov.", "Dec.")
BEFORE_DIGITS = frozenset(_BEFORE_DIGITS) | frozenset(_CAPITAL_NUMBERED) | frozenset(_MONTHS) | {"c."}
MAYBE_LAST = frozenset(_MAYBE_LAST) | frozenset(_CAPITAL_LAST) | {"Ltd."}
MID_SENTENCE = frozenset(_ANYWHERE) | frozenset(_CAPITAL_TITLES) | {"VS."} | {"St.", "v."}


def _anywhere(match: re.Match[str]) -> str:
    written = match[0]
    if written == "b/c" and match.string[: match.start()].rstrip().endswith("="):
        return written  # a formula
    if written == "Dr." and is_street(match) and not re.match(r"\s[A-Z]", match.string[match.end() :][:2]):
        return "Drive" + stop(match)
    return _ANYWHERE[written]


def _maybe_last(match: re.Match[str]) -> str:
    written = match[0]
    rest = match.string[match.end() : match.end() + 4].lstrip()
    if written == "Co." and not (rest[:1] in ",&" or rest[:3] in ("Ltd", "Inc", "")):
        return _MAYBE_LAST[written] + (" " if rest else "")
    return _MAYBE_LAST[written] + ("" if written == "Co." and rest else stop(match))


def _initial(match: re.Match[str]) -> str:
    """The stops of J. R. Miller and J.R.R. Tolkien end nothing."""
    name = match["name"]
    single = len(re.findall("[A-Z]", match["initials"])) == 1
    if name.lower() in FUNCTION_WORDS or (single and not _begins_name(match)):
        return match[0]
    return " ".join(re.findall("[A-Z]", match["initials"])) + f" {name}"


def _begins_name(match: re.Match[str]) -> bool:
    """Whether one initial is part of a name: at the front, or after a name or a title."""
    before = match.string[max(0, match.start() - 24) : match.start()].rstrip()
    word = re.search(r"([A-Za-z]+)\.?$", before)
    return word is None or word[1][0].isupper() or word[1].lower() in ("by", "with", "and", "to", "from", "of", "for")


def _every(match: re.Match[str]) -> str:
    last = f" to {cardinal(match[2])}" if match[2] else ""
    return f"every {cardinal(match[1])}{last} hours"


def _end(match: re.Match[str]) -> str:
    """The stop of ACME INC. SUES ends nothing, so far as capitals tell."""
    return "." if not match.string[match.end() :].strip() else ""


def _edition(match: re.Match[str]) -> str:
    """2nd ed., rev. is the second edition, revised."""
    said = ("revised " if match[1] else "") + "edition" + (", revised" if match[2] else "")
    return said + stop(match)


_WITHOUT = {"Ste": "Suite", "Rm": "Room", "Fl": "Floor", "Qty": "quantity", "Attn": "Attention"}
_A_YEAR = r"(?:1[5-9]|20)\d\d(?!\d)"
_LIVED = {"est": "established", "b": "born", "d": "died"}
# Words of chats that a figure is a sound of; B4 in capitals is a size of paper.
_CHAT = {"gr8": "great", "m8": "mate", "l8r": "later", "L8R": "later", "b4": "before", "w8": "wait", "h8": "hate",
         "2nite": "tonight", "2day": "today", "2moro": "tomorrow", "4ever": "forever", "b4n": "bye for now",
         "str8": "straight", "gr8ful": "grateful"}  # fmt: skip
_SPANS = {"y": "year", "q": "quarter", "m": "month", "w": "week"}
_SIDES = {"N": "North", "S": "South", "E": "East", "W": "West"}
# Before the others, which know small letters: DR. SMITH, 12 ELM DR., NO. 5.
_CAPITALS: list[Rule] = [
    Rule(
        rf"(?<![\w.])({alternatives(_CAPITAL_NUMBERED)})\s?(?=\d)", lambda m: f"{_CAPITAL_NUMBERED[m[1]]} ", needs="."
    ),
    Rule(
        rf"(?<=[A-Z\d] )(?<!\b(?:THE|AND|FOR|SEE) )(?<!\b(?:TO|OF|BY|IN|AT|ON|IS) )({alternatives(_CAPITAL_STREETS)})"
        r"(?=$|[,;]|\s(?:$|[^A-Z\s]|APT|STE|SUITE|UNIT|IS|WAS|AND|TO|AT|IN))(?!\w)",
        lambda m: _CAPITAL_STREETS[m[1]] + stop(m),
        needs=".",
    ),
    Rule(
        rf"(?<![\w.])({alternatives(_CAPITAL_TITLES)})(?=\s[A-Z][A-Z']+\b)", lambda m: _CAPITAL_TITLES[m[1]], needs="."
    ),
    Rule(r"(?<![\w.])ST\.(?=\s[A-Z][A-Z']+\b)", lambda m: "Saint", needs="ST."),
    Rule(rf"(?<=[A-Z] )({alternatives(_CAPITAL_LAST)})(?!\w)", lambda m: _CAPITAL_LAST[m[1]] + _end(m), needs="."),
    Rule(r"\b(?:VS\.|VS\b)(?=\s[A-Z\d])", lambda m: "versus", needs="VS"),
]
RULES: list[Rule] = [
    *_CAPITALS,
    *streets.FIRST,
    Rule(r"\bc/o\b", lambda m: "care of", needs="c/o"),
    # quotes in pairs leave these two alone (normalise_en.py): rock 'n' roll
    Rule(r"(?<=[A-Za-z])\s?'n'\s?(?=[A-Za-z])", lambda m: " and ", needs="'n'"),
    Rule(r"(?<![\w.])(i\.e|e\.g)(?=\s)", lambda m: _ANYWHERE[m[1] + "."]),
    # Before a year: established, born, died; elsewhere "est." is an estimate.
    Rule(rf"(?<![\w.])(est|b|d)\.\s?(?={_A_YEAR})", lambda m: f"{_LIVED[m[1]]} "),
    # Of a dose: q6h is every six hours, q4-6h every four to six.
    Rule(r"\b[qQ](\d{1,2})(?:\s?[-–]\s?(\d{1,2}))?\s?h(?:rs?)?\b", _every),
    # a rate since the same time of the year or quarter before: up 12% y/y
    Rule(r"(?<=%)\s([yqmw])[/-](?:o-)?\1\b", lambda m: f" {_SPANS[m[1]]} over {_SPANS[m[1]]}", needs="%"),
    Rule(r"(?<=\d)[\s-]?y/o\b", lambda m: " year old", needs="y/o"),
    Rule(rf"(?<![\w.#@-])(?:{alternatives(_CHAT)})(?![\w.-])", lambda m: _CHAT[m[0]]),
    # of a case at law; before a number it is a version: Roe v. Wade
    Rule(r"(?<=[a-z])\sv\.(?=\s[A-Z])", lambda m: " versus"),
    Rule(r"(?<![\w.])c\.\s?(?=[1-9]\d{2,3}\b)", lambda m: "circa "),
    Rule(r"\b([Aa])cc\.(?=\s(?:no|number)\b)", lambda m: f"{m[1]}ccount", needs="cc."),
    # a county before its name; a book of the Bible before its chapter
    Rule(
        r"\bCo\.(?=\s(?:Durham|Cork|Kerry|Mayo|Galway|Clare|Donegal|Down|Antrim|Armagh|Tyrone|Fermanagh|Derry|Londonderry|"
        r"Dublin|Meath|Louth|Wicklow|Wexford|Waterford|Tipperary|Limerick|Sligo|Leitrim|Cavan|Monaghan|Kildare|Kilkenny|"
        r"Carlow|Laois|Offaly|Westmeath|Longford|Roscommon)\b)",
        lambda m: "County",
        needs="Co.",
    ),
    *verses.ABBREVIATED,
    Rule(r"(?<=et al\.)\sv\.(?=\s[A-Z])", lambda m: " versus", needs="et al"),
    Rule(r"(?<![\w/])w/e\b", lambda m: "whatever", needs="w/e"),
    # before initials: 55 m.p.h. is no M P H
    Rule(r"(?<=\d)\s?([mr])\.p\.([hm])\.", lambda m: f" {m[1]}p{m[2]}{stop(m)}"),
    # a side before a numbered street, elsewhere a letter: W. 42nd St.
    Rule(r"\b([NSEW])\.?\s(?=\d{1,3}(?:st|nd|rd|th)\s(?:St|Ave))", lambda m: f"{_SIDES[m[1]]} "),
    Rule(r"(?<![\w/])w/(o\b)?\s?(?=\w|$)", lambda m: "without " if m[1] else "with ", needs="w/"),
    Rule(rf"(?<![\w.])(?:{alternatives(_ANYWHERE)})(?!\w)", _anywhere),
    Rule(rf"(?<![\w.])({alternatives(_BEFORE_DIGITS)})\s?(?=\(?\d)", lambda m: f"{_BEFORE_DIGITS[m[1]]} ", needs="."),
    # the rule above is for digits, this one for Roman numbers: Vol. II
    Rule(
        r"(?<![\w.])(Vol|vol|Vols|Ch|Fig|Pt|Art|Sec)\.\s(?=[IVXL]{2,}\b|[VX]\b|I(?=[,;:)]|\.?$))",
        lambda m: f"{_BEFORE_DIGITS[m[1] + '.']} ",
    ),
    Rule(r"\bNo\.\s(?=[IVXL]{2,}\b)", lambda m: "Number ", needs="No."),
    Rule(rf"\b(?:{alternatives(_MAYBE_LAST)})(?!\w)", _maybe_last, needs="."),
    *streets.RULES,
    Rule(
        r"(?<=[a-z]\s)(Ave|Blvd|Rd|St|Ln|Hwy)\b(?![.'-]|\s[A-Z])", lambda m: _SUFFIXES[m[1]] if is_street(m) else m[0]
    ),
    Rule(rf"\b({alternatives(_NO_STOP)})(?=\s[A-Z])", lambda m: _NO_STOP[m[1]]),
    Rule(r"\bvs\b", lambda m: "versus"),
    # without a stop before their number: Ste 300, Rm 204, Qty 2
    Rule(r"\b(Ste|Rm|Fl|Qty|Attn)\b:?\s(?=\d)", lambda m: f"{_WITHOUT[m[1]]} "),
    Rule(r"(?<=\d(?:st|nd|rd|th) )(?:(rev)\. )?ed\.(?:(,) rev\.)?", _edition, needs="ed."),
    Rule(r"(?<![\w.])(?P<initials>[A-Z]\.(?:\s?[A-Z]\.){0,3})\s(?P<name>[A-Z][a-z]+)", _initial),
]
