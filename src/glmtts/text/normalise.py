"""Written text to spoken words: wetext for what it does well, rules of our own around it."""

import re
import unicodedata
from functools import lru_cache
from typing import Any

from glmtts.text.mandarin import CHINESE

_MARKDOWN = re.compile(r"```.*?```|[*_#`~|]+|^\s*[-+>]\s+|!?\[([^\]]*)\]\([^)]*\)", re.MULTILINE | re.DOTALL)
_ADDRESS = re.compile(r"https?://\S+|www\.\S+")
_NEEDS_RULES = re.compile(r"[\d%℃°$¥￥€£+=&@]|[A-Za-z]\.[A-Za-z]?\.?")
_BREAKS = str.maketrans({"—": "，", "…": "。", "“": "", "”": "", "「": "", "」": "", "《": "", "》": "", "〈": "",
                         "〉": "", "【": "", "】": "", "（": "，", "）": "，", "『": "", "』": ""})  # fmt: skip
_BREAKS_LATIN = str.maketrans({"—": ",", "–": "-", "…": ".", "“": "", "”": "", "’": "'", "‘": "'", '"': "",
                               "(": ",", ")": ",", "[": ",", "]": ",", "{": "", "}": ""})  # fmt: skip
_TITLES = {"Mr.": "Mister", "Mrs.": "Missus", "Ms.": "Miss", "Dr.": "Doctor", "St.": "Saint", "Prof.": "Professor",
           "No.": "Number", "vs.": "versus", "etc.": "et cetera", "e.g.": "for example", "i.e.": "that is"}  # fmt: skip
_TITLE = re.compile("|".join(rf"\b{re.escape(title)}" for title in _TITLES))
_DIGITS_EN = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def normalise(text: str, language: str | None = None) -> str:
    """Speakable text: no markup, emoji or control characters, numbers and symbols in words.

    `language` ("zh" or "en") decides how digits are read where no letter around them tells; linear in the text.
    """
    text = _ADDRESS.sub(" ", _MARKDOWN.sub(lambda match: match[1] or " ", text))
    text = "".join(map(_plain, unicodedata.normalize("NFC", text)))
    chinese = _is_chinese(text) if language is None else language == "zh"
    spoken = _chinese(text) if chinese else _english(text)
    return re.sub(r"\s+", " ", spoken).strip()


def _is_chinese(text: str) -> bool:
    return CHINESE.search(text) is not None or any(mark in text for mark in "￥¥℃")


def _plain(character: str) -> str:
    """Full-width letters and digits made narrow; emoji, symbols that are never spoken, and controls made blanks."""
    if "！" <= character <= "～" and character not in "！，？：；（）～":
        return unicodedata.normalize("NFKC", character)
    category = unicodedata.category(character)
    if category in ("So", "Sk", "Cn", "Co", "Cs", "Cf", "Mn", "Me") and character not in "℃℉°":
        return ""
    return " " if category in ("Cc", "Zl", "Zp") else character


def _chinese(text: str) -> str:
    text = re.sub(r"(?<![\d.])(\d{1,3})/(\d{1,3})(?![\d/])", _fraction, text)
    text = re.sub(r"(?<![\dA-Za-z.])[-−](\d+(?:\.\d+)?)\s*(?:℃|°C)", r"零下\1摄氏度", text)
    text = re.sub(r"(\d)\s*(?:℃|°C)", r"\1摄氏度", text)
    text = re.sub(r"[￥¥]\s*([\d,]+)(?:\.(\d)(\d)?)?", _yuan, text)
    if _NEEDS_RULES.search(text):
        text = _in_words(_keep_marks(text), "zh").translate(_MARKS_BACK)
    return text.translate(_BREAKS)


def _fraction(match: re.Match[str]) -> str:
    return f"{match[2]}分之{match[1]}"


def _yuan(match: re.Match[str]) -> str:
    tenths, cents = match[2] or "0", match[3] or "0"
    parts = [f"{match[1].replace(',', '')}元"]
    if tenths != "0":
        parts.append(f"{tenths}角")
    if cents != "0":
        parts.append(f"{'' if tenths != '0' else '零'}{cents}分")
    return "".join(parts)


_MARKS = str.maketrans({"！": "\ue000", "？": "\ue001", "!": "\ue002", "?": "\ue003"})
_MARKS_BACK = {0xE000: "！", 0xE001: "？", 0xE002: "!", 0xE003: "?"}


def _keep_marks(text: str) -> str:
    """Hide exclamation and question marks, which wetext would turn into full stops."""
    return text.translate(_MARKS)


def _english(text: str) -> str:
    text = text.translate(_BREAKS_LATIN)
    text = _TITLE.sub(lambda match: _TITLES[match[0]], text)
    text = re.sub(r"\b([ap])\.m\.", lambda match: f"{match[1].upper()} M", text)
    text = re.sub(r"(?<!\d)\d{3}-\d{4}(?!\d)|(?<!\d)\d{3}-\d{3}-\d{4}(?!\d)", _telephone, text)
    if _NEEDS_RULES.search(text):
        text = _in_words(text, "en")
    return text


def _telephone(match: re.Match[str]) -> str:
    groups = match[0].split("-")
    return ", ".join(" ".join(_DIGITS_EN[int(digit)] for digit in group) for group in groups)


def _in_words(text: str, language: str) -> str:
    """wetext, or the text without the symbols it stumbles over."""
    try:
        return _wetext(language).normalize(text)
    except (AssertionError, ValueError, IndexError, KeyError):
        return re.sub(r"[^\w\s，。！？,.!?']", " ", text)


@lru_cache(maxsize=2)
def _wetext(language: str) -> Any:
    """wetext is slow to construct, so it is only when a text needs it."""
    from wetext import Normalizer

    return Normalizer(lang=language, operator="tn")
