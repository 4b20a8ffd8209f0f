"""Digits to English words, American style: no "and", years in pairs."""

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ("", " thousand", " million", " billion", " trillion", " quadrillion")
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
LONGEST = 18  # digits: three for each of `_SCALES`
_SIGNS = {"-": "minus ", "−": "minus ", "+": "plus ", "±": "plus or minus "}


def digits(number: str) -> str:
    """Each digit by itself."""
    return " ".join(_ONES[int(digit)] for digit in number if digit in "0123456789")


def cardinal(number: str) -> str:
    """An integer such as 1,234; more than 18 digits, or a leading zero, are read digit by digit."""
    plain = number.replace(",", "")
    if len(plain) > LONGEST or (len(plain) > 1 and plain[0] == "0"):
        return digits(plain)
    value = int(plain)
    if value == 0:
        return "zero"
    parts = []
    for scale in _SCALES:
        value, group = divmod(value, 1000)
        if group:
            parts.append(_below_thousand(group) + scale)
    return " ".join(reversed(parts))


def _below_thousand(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    words = [f"{_ONES[hundreds]} hundred"] if hundreds else []
    if rest >= 20:
        words.append(_TENS[rest // 10])
        rest %= 10
    if rest:
        words.append(_ONES[rest])
    return " ".join(words)


def ordinal(number: str) -> str:
    """21 is twenty first."""
    head, space, last = cardinal(number).rpartition(" ")
    if last in _ORDINALS:
        last = _ORDINALS[last]
    else:
        last = f"{last[:-1]}ie" if last.endswith("y") else last
        last += "th"
    return head + space + last


def number(written: str) -> str:
    """An integer or a decimal, with a sign: -1,234.50 is minus one thousand two hundred thirty four point five zero."""
    sign = _SIGNS.get(written[0], "")
    whole, point, fraction = written.lstrip("-−+±").partition(".")
    spoken = cardinal(whole) if whole else ""
    return sign + (f"{spoken} point {digits(fraction)}".strip() if point and fraction else spoken)


def year(number: str) -> str:
    """1984 is nineteen eighty four, 1905 nineteen oh five, 2005 two thousand five, 2024 twenty twenty four."""
    century, rest = number[:2], number[2:]
    if number[1:3] == "00":
        return cardinal(number)
    if rest == "00":
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} " + (f"oh {cardinal(rest[1])}" if rest[0] == "0" else cardinal(rest))


def plural(words: str) -> str:
    """Plural of the last word: nineteen nineties, two thousands, three fifths."""
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return words + ("es" if words.endswith("x") else "s")


def fraction(numerator: str, denominator: str) -> str:
    """1/2 is one half, 3/4 three quarters, 2/5 two fifths."""
    if int(denominator) > 100:
        return f"{cardinal(numerator)} over {cardinal(denominator)}"
    part = {"2": "half", "4": "quarter"}.get(denominator) or ordinal(denominator)
    if int(numerator) != 1:
        part = "halves" if part == "half" else plural(part)
    return f"{cardinal(numerator)} {part}"
