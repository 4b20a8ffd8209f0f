"""What `<say-as>` of SSML makes of its content: letters, digits, numbers, ordinals and dates, in either language."""

import re
from collections.abc import Callable

from glmtts.text import normalise_zh, numbers_en, numbers_zh
from glmtts.text.normalisation.english.dates import spoken_date

_NUMBER = re.compile(r"[-−+]?\d[\d,]*(?:\.\d+)?")
_ORDERS = {3: "ymd", 2: "md"}


def say_as(content: str, kind: str, order: str, language: str) -> str:
    """Spoken form of `content` read as `kind` ("characters", "digits", "telephone", "cardinal", "ordinal", "date").

    `order` is that of a date's parts, such as "dmy". What does not fit its kind, and other kinds, stay as written.
    """
    reader = _READERS.get(kind)
    if kind == "date":
        return _date(content, order, language)
    return reader(content.strip(), language) if reader else content


def _characters(content: str, language: str) -> str:
    return " ".join(_digits(character, language) for character in content if not character.isspace())


def _digits(content: str, language: str) -> str:
    if language == "zh":
        return numbers_zh.digits(content)
    return re.sub(r"[0-9]+", lambda run: f" {numbers_en.digits(run[0])} ", content).strip()


def _telephone(content: str, language: str) -> str:
    groups = re.findall(r"[0-9]+", content)
    if language == "zh":
        return "，".join(numbers_zh.digits(group, one="幺") for group in groups)
    return ", ".join(numbers_en.digits(group) for group in groups)


def _cardinal(content: str, language: str) -> str:
    if not _NUMBER.fullmatch(content):
        return content
    return numbers_zh.number(content) if language == "zh" else numbers_en.number(content)


def _ordinal(content: str, language: str) -> str:
    written = re.match(r"第?([\d,]*\d)(?:st|nd|rd|th)?$", content)
    if not written:
        return content
    return f"第{numbers_zh.cardinal(written[1])}" if language == "zh" else numbers_en.ordinal(written[1])


def _date(content: str, order: str, language: str) -> str:
    parts = re.findall(r"\d+", content)
    order = order if sorted(order) == sorted(_ORDERS.get(len(parts), "-")) else _ORDERS.get(len(parts), "")
    if not order:
        return content
    # too short for a year, so the order is the usual one of the language: 7/4/2021, 15/3/2024
    if len(parts) == 3 and len(parts[0]) < 3 and order == "ymd":
        order = "mdy" if language == "en" else "dmy"
    named = dict(zip(order, parts, strict=True))
    year, month, day = named.get("y"), int(named["m"]), int(named["d"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return content
    if language == "zh":
        return normalise_zh.in_words((f"{year}年" if year else "") + f"{month}月{day}日")
    return spoken_date(month, day, year)


_READERS: dict[str, Callable[[str, str], str]] = {
    "characters": _characters, "spell-out": _characters, "verbatim": _characters, "digits": _digits,
    "telephone": _telephone, "cardinal": _cardinal, "number": _cardinal, "ordinal": _ordinal,
}  # fmt: skip
