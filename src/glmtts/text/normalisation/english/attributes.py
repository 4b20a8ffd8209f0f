"""Whether an English amount stands before its noun, where its unit is one: the 100m dash, a 90° turn, the $5 bill."""

import re

from glmtts.text.normalisation.languages import FUNCTION_WORDS

NO_NOUN = FUNCTION_WORDS | {"apart", "away", "long", "wide", "high", "tall", "deep", "old", "off", "extra", "ago",
                            "later", "left", "worth", "today", "now", "and", "or"}  # fmt: skip
# Nouns that are measured or priced and rarely verbs: "after 100m turn left" has no determiner before it.
_NOUNS = frozenset(
    re.findall(
        "[a-z]+",
        "dash race races sprint run hurdles relay freestyle butterfly backstroke breaststroke final finals walk hike "
        "ride swim jump drop climb dive trek march stretch section loop trail road track course journey trip commute "
        "mark limit zone radius range distance height depth width length gap hole wall fence tower pole pool jack "
        "plug cable hose pipe tube lens screen display monitor gun rifle bullet round cannon shell film camera screw "
        "screws bolt bolts drill bit wire rod bar line board sheet plate tile tiles bag bottle can jar box pack tank "
        "weight weights dumbbell kettlebell dose tablet tablets pill pills capsule injection turn turns angle angles "
        "rotation bend flip spin view arc slope battery bulb charger adapter motor engine drive disk card stick file "
        "timeout delay interval countdown pause break window clip ad fish baby steak burger cake turkey vessel ship "
        "boat yacht tree statue snake man woman girl boy putt penalty heat oven "
        "bill bills note notes coin coins coffee ticket tickets fee fine prize deposit meal lunch dinner bonus budget "
        "loan check cheque donation reward tip tax deal investment fund rebate discount voucher subscription lawsuit "
        "settlement house home mansion car flat apartment villa property painting transfer signing striker bailout"
        " package mortgage project scheme stadium bid takeover contract grant question jackpot",
    )
)
# These need no determiner: she won 100m freestyle gold, use 5mm screws.
_NAMED = frozenset(
    re.findall(
        "[a-z]+",
        "freestyle butterfly backstroke breaststroke medley dash hurdles hurdler relay champion champions sprinter "
        "jack jacks screws bolts cables lenses cans bottles tablets capsules",
    )
)
# 24 hr service has none either.
_LASTING = frozenset(("service", "access", "surveillance", "support", "care", "delivery", "shift", "shifts"))
# What measures in which way, itself before a noun: a 5 ft tall girl.
_DIMENSIONS = frozenset(("tall", "long", "wide", "high", "deep", "thick", "old"))
_ARTICLE = re.compile(r"(?:^|\W)an? $", re.IGNORECASE)
# A determiner and up to two words between it and the amount: the men's 100m final.
_DETERMINED = re.compile(
    r"(?:^|[^\w'])(?:(?P<article>an?)|the|this|his|her|its|my|your|our|their|another|each)\s"
    r"(?P<between>(?:(?:[A-Za-z]+(?:['-][A-Za-z]+)*|\d+-[a-z]+,?)\s){0,2})$",
    re.IGNORECASE,
)
_AFTER = re.compile(r"[ -]([a-z]+)(?: ([a-z]+))?")
_WINDOW = 32  # characters in which the determiner and the noun are looked for


def attributive(match: re.Match[str]) -> bool:
    """Whether an amount stands before its noun: a $5 bill, a 10 km race, the 5-km run."""
    after = _AFTER.match(match.string[match.end() : match.end() + _WINDOW])
    if after is None:
        return False
    if after[1] in _NAMED or (after[1] in _LASTING and re.search(r"(?:hr|hour)$", match[0])):
        return True
    before = match.string[max(0, match.start() - _WINDOW) : match.start()]
    if _ARTICLE.search(before):
        measured = after[1] in _DIMENSIONS and after[2] is not None and after[2] not in NO_NOUN
        return measured or after[1] not in NO_NOUN
    determined = _DETERMINED.search(before) if after[1] in _NOUNS else None
    if determined is None or any(word.lower() in FUNCTION_WORDS for word in determined["between"].split()):
        return False
    # in the next 500 m turn left
    return determined["article"] is not None or after[2] not in ("left", "right")
