"""What `<say-as>` of SSML makes of its content: letters, digits, numbers, ordinals and dates, in either language."""

import re
import unicodedata
from collections.abc import Callable

from glmtts.text import normalise_zh, numbers_en, numbers_zh
from glmtts.text.normalisation.addresses import SIGNS
from glmtts.text.normalisation.english.dates import spoken_date
from glmtts.text.normalisation.symbols import GREEK, SYMBOLS

_NUMBER = re.compile(r"[-−+]?\d[\d,]*(?:\.\d+)?")
_MINUS = re.compile(r"^[-−](?=\d)")
_DIALLED = re.compile(r"(?:^\+|[*#])*[0-9]+|[*#]+")
_ORDERS = {3: "ymd", 2: "md"}
# Names of single signs, English and Mandarin; no name is a homograph (close, minute), since it is read as a word.
_SPELLED: dict[str, tuple[str, str]] = {
    "@": ("at", "艾特"), "\\": ("backslash", "反斜杠"), "|": ("vertical bar", "竖线"), "^": ("caret", "脱字符"),
    "'": ("apostrophe", "撇号"), "’": ("apostrophe", "撇号"), '"': ("quote", "引号"), "“": ("quote", "引号"),
    "”": ("quote", "引号"), "`": ("backtick", "反引号"), "(": ("left parenthesis", "左括号"),
    ")": ("right parenthesis", "右括号"), "[": ("left bracket", "左方括号"), "]": ("right bracket", "右方括号"),
    "{": ("left brace", "左花括号"), "}": ("right brace", "右花括号"), "<": ("less than", "小于号"),
    ">": ("greater than", "大于号"), "–": ("dash", "杠"), "—": ("dash", "杠"), "−": ("minus", "减"),
    "。": ("full stop", "句号"), "、": ("comma", "顿号"), "·": ("dot", "点"), "•": ("bullet", "点"),
}  # fmt: skip
_NAMES = {**GREEK, **SYMBOLS, **SIGNS, **_SPELLED}


def say_as(content: str, kind: str, order: str, language: str) -> str:
    """Spoken form of `content` read as `kind` ("characters", "digits", "telephone", "cardinal", "ordinal", "date").

    `order` is that of a date's parts, such as "dmy". What does not fit its kind, and other kinds, stay as written.
    """
    reader = _READERS.get(kind)
    if kind == "date":
        return _date(content, order, language)
    return reader(content.strip(), language) if reader else content


def _characters(content: str, language: str) -> str:
    return " ".join(_named(character, language) for character in content if not character.isspace())


def _named(character: str, language: str) -> str:
    """A digit in words, a sign by its name, whatever its width; letters stay."""
    narrow = unicodedata.normalize("NFKC", character)
    character = narrow if len(narrow) == 1 else character
    if names := _NAMES.get(character.lower()):
        return names[language == "zh"]
    return _digits(character, language)


def _digits(content: str, language: str) -> str:
    """Each digit by itself, with the minus before them and the points between them."""
    chinese = language == "zh"
    content = _MINUS.sub("负" if chinese else "minus ", content)
    content = re.sub(r"(?<=\d)\.(?=\d)", "点" if chinese else " point ", content)
    if chinese:
        return numbers_zh.digits(content)
    return re.sub(r"[0-9]+", lambda run: f" {numbers_en.digits(run[0])} ", content).strip()


def _telephone(content: str, language: str) -> str:
    """Groups of digits with the signs before them: +44, *100#."""
    chinese = language == "zh"
    return ("，" if chinese else ", ").join(_dialled(group, language) for group in _DIALLED.findall(content))


def _dialled(group: str, language: str) -> str:
    if language == "zh":
        return "".join(numbers_zh.digits(_named(sign, language) if sign in "+*#" else sign, one="幺") for sign in group)
    return " ".join(_named(sign, language) for sign in group)


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
