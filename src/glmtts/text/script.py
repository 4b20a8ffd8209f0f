"""Traditional characters through a simplified copy of the same length, in which words and readings are looked up."""

import re
from functools import lru_cache

from opencc import OpenCC

# Variants that OpenCC leaves: pronouns, and forms that only have a word in the other character.
_VARIANTS = str.maketrans({"妳": "你", "牠": "它", "祂": "他", "髪": "发", "揹": "背"})
# What a traditional character says of its reading where the simplified one has several.
TELLING = {
    "髒": "zang1", "臟": "zang4", "繫": "ji4", "係": "xi4", "儘": "jin3", "盡": "jin4", "乾": "gan1", "幹": "gan4",
    "髮": "fa4", "發": "fa1", "鬥": "dou4", "捨": "she3", "嚥": "yan4", "隻": "zhi1", "祇": "zhi3",
    "癥": "zheng1", "籲": "yu4", "捲": "juan3", "麯": "qu1", "噹": "dang1", "佔": "zhan4", "揹": "bei1", "摺": "zhe2",
    "採": "cai3", "併": "bing4",
}  # fmt: skip
_SURROGATE = re.compile("[\ud800-\udfff]")  # what UTF-8 cannot hold; OpenCC would raise
# In Taiwan 著 is also the particle 着. It stays 著 (zhu4) in these words, and at the end of a clause of simplified
# text (鲁迅著).
_ZHU = re.compile(r"(?<=[名显卓原编论拙专巨译合遗所土昭旧新撰])著|著(?=[名作者述称录于有]|书立)")


@lru_cache(maxsize=1)
def _converter() -> OpenCC:
    return OpenCC("t2s")


def simplified(text: str) -> str:
    """`text` in simplified characters, one for one, so that positions stay."""
    converted: str = _converter().convert(_SURROGATE.sub("?", text))
    # phrases may change their length: then each character is converted by itself
    if len(converted) != len(text):
        converted = "".join(_one(character) for character in text)
    if "著" in converted:
        converted = _particle_zhe(converted, traditional=converted != text)
    return converted.translate(_VARIANTS)


def _one(character: str) -> str:
    converted: str = _converter().convert(_SURROGATE.sub("?", character))
    return converted if len(converted) == 1 else character


def _particle_zhe(text: str, traditional: bool) -> str:
    """着 for the 著 that is none of the noun's words."""
    kept = {match.start() for match in _ZHU.finditer(text)}

    def is_particle(position: int) -> bool:
        if text[position] != "著" or position in kept:
            return False
        return traditional or text[position + 1 : position + 2].isalnum()

    return "".join("着" if is_particle(i) else character for i, character in enumerate(text))
