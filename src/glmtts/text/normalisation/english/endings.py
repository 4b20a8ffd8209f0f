"""English figures that end a longer number, or go to a short one: a card ending in 4421, text HELP to 741741."""

from glmtts.text.normalisation.english.codes import code, in_pairs
from glmtts.text.normalisation.rules import Rule

_ACCOUNT = r"(?:card|account|acct\.?|number|phone|plate|visa|mastercard|SSN|IBAN)"

RULES: list[Rule] = [
    Rule(
        rf"(\b(?i:{_ACCOUNT})\s(?:that\s)?(?:ending|ends|ended)\s(?:in|with)\s(?:number\s)?)(\d{{3,6}})(?!\w|[,.]\d)",
        lambda m: m[1] + code(m[2]),
        needs=" end",
    ),
    Rule(
        r"(\b(?:last|first|final)\s(?:\w+\s)?(?:digits|numbers)(?:\sof\s(?:\w+\s){1,4}?)?(?:\s?(?:are|is|were|:))?\s)"
        r"(\d{2,6})(?!\w|[,.]\d)",
        lambda m: m[1] + code(m[2]),
    ),
    # the short number of a service
    Rule(
        r"(\b[Tt]ext(?:ing)?\s(?:the word\s)?[\"“']?[A-Z]{2,}[\"”']?\sto\s)(\d{4,6})(?!\w|[,.]\d)",
        lambda m: m[1] + code(m[2]),
        needs=" to ",
    ),
    # cars, whose letters are apart: BMW 330i
    Rule(
        r"\b((?:BMW|Mercedes|Lexus|Peugeot|Volvo|Fiat|McLaren)\s)([1-9]\d\d)(?=[a-z]{0,2}\b)(?!\s[a-z]+s\b)(?![,.]\d)",
        lambda m: m[1] + in_pairs(m[2]) + " ",
    ),
]
