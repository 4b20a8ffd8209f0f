"""Written text to spoken words: what is never spoken goes, then each language's table of rules."""

import re

from glmtts.text import normalise_en, normalise_zh
from glmtts.text.cleanup import plain, without_markup
from glmtts.text.mandarin import CHINESE

_NEEDS_RULES = re.compile(r"[\d%‰℃°$¥￥€£₩+=&@#/²³№×÷±<>≥≤≈≠−]|[A-Za-z]\.|[IVX]")
_SILENT = '“”‘"「」《》〈〉【】『』{}~～^\\<>@#/'
_BREAKS = str.maketrans(dict.fromkeys(_SILENT, "") | dict.fromkeys("—（）()[]", "，") | {"…": "。", "’": "'", "_": " "})
_BREAKS_LATIN = str.maketrans({"—": ", ", "–": "-", "…": ".", "“": "", "”": "", "’": "'", "‘": "'", '"': "",
                               "(": ", ", ")": ", ", "[": ", ", "]": ", ", "{": "", "}": "", "<": "", ">": "", "^": "",
                               "\\": "", "~": "", "_": " ", "#": "", "，": ", ", "。": ". ", "：": ": ", "；": "; ",
                               "？": "? ", "！": "! ", "、": ", "})  # fmt: skip
_STOPS = re.compile(r"\s*[,，、](?=\s*[,，、。.!?！？;；:：])|(?<=[。！？!?，、,；;：:])\s*[,，、]|。(?=。)|\.(?=\.)")


def normalise(text: str, language: str | None = None) -> str:
    """Speakable text: no markup, emoji or control characters, numbers and symbols in words.

    `language` ("zh" or "en") decides how digits are read where no letter around them tells; linear in the text.
    """
    text = re.sub(r"\s+", " ", plain(without_markup(text)))
    chinese = is_chinese(text) if language is None else language == "zh"
    spoken = _chinese(text) if chinese else _english(text)
    spoken = _STOPS.sub("", re.sub(r"\s+", " ", spoken))
    return spoken.strip().lstrip(",，、").strip()


def is_chinese(text: str) -> bool:
    """Whether numbers in `text` are read in Mandarin: it holds a Chinese character or a sign that Chinese uses."""
    return CHINESE.search(text) is not None or any(mark in text for mark in "￥¥℃")


def _chinese(text: str) -> str:
    if _NEEDS_RULES.search(text):
        text = normalise_zh.in_words(text)
    return text.translate(_BREAKS)


def _english(text: str) -> str:
    text = text.replace("’", "'").replace("--", ", ")
    if _NEEDS_RULES.search(text):
        text = normalise_en.in_words(text)
    return re.sub(r"\s+([,.!?;:])", r"\1", text.translate(_BREAKS_LATIN))
