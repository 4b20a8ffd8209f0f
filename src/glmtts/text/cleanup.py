"""What is never spoken leaves a text first: markdown, addresses of web pages, emoji, controls."""

import re
import unicodedata

_CODE = re.compile(r"```[^`]*```")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_LIST = re.compile(r"^[ \t]*(?:[-+>•·]|\d{1,3}[.)](?=[ \t]))[ \t]+", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*[-=_*]{3,}[ \t]*$", re.MULTILINE)
_MARKS = re.compile(
    r"(?<!\d)\*+|\*+(?!\d)|`+|(?<![A-Za-z0-9])_+|_+(?![A-Za-z0-9])|~~+|^[ \t]*#+(?=[ \t])", re.MULTILINE
)
_ADDRESS = re.compile(r"https?://[!-~]+|www\.[!-~]+", re.IGNORECASE)
_TAG = re.compile(r"""</?[A-Za-z][\w:-]*(?:\s+[\w:-]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s*/?>""")
_KEPT_WIDE = "！，？：；（）～"
_SPOKEN_SYMBOLS = "℃℉°№©®™"
_DROPPED = ("So", "Sk", "Cn", "Co", "Cs", "Cf", "Mn", "Me")
_TO_NFKC = re.compile(r"[ℓ㎏㎝㎜㎞㎡㎥㏄Ⅰ-ⅻ½¼¾⅓⅔⅛]")
PLACEHOLDERS = ("\U000f0000", "\U000ffffd")


def is_placeholder(character: str) -> bool:
    """Whether a private character stands for an inline control; text from outside never keeps one."""
    return PLACEHOLDERS[0] <= character <= PLACEHOLDERS[1]


def without_markup(text: str) -> str:
    """`text` without markdown, tags and addresses of web pages."""
    text = _RULE.sub(" ", _CODE.sub(" ", text))
    text = _LINK.sub(lambda match: match[1], text)
    text = _LIST.sub("", text)
    return _MARKS.sub("", _TAG.sub(" ", _ADDRESS.sub(" ", text))).replace("|", " ")


def plain(text: str) -> str:
    """Full-width letters and digits made narrow; emoji, unspoken symbols and controls taken out."""
    text = _TO_NFKC.sub(_compatible, unicodedata.normalize("NFC", text))
    return "".join(character if character.isalnum() and character < "！" else _plain(character) for character in text)


def _compatible(match: re.Match[str]) -> str:
    written = unicodedata.normalize("NFKC", match[0]).replace("⁄", "/")
    return f" {written}" if "/" in written else written


def _plain(character: str) -> str:
    if "！" <= character <= "～" and character not in _KEPT_WIDE:
        return unicodedata.normalize("NFKC", character)
    category = unicodedata.category(character)
    if category in _DROPPED and character not in _SPOKEN_SYMBOLS and not is_placeholder(character):
        return ""
    return " " if category in ("Cc", "Zl", "Zp", "Zs") else character
