"""One-word lines of both languages, and the units in which errors are counted."""

import re

from pypinyin import Style, lazy_pinyin

from glmtts.text.mandarin import CHINESE
from glmtts.text.normalise import normalise

WORDS = {
    "en": (
        "Yes.", "Hello.", "Thanks.", "Sorry?", "Right.", "Maybe.", "Okay.", "Stop!", "Water.", "Monday.", "Please.",
        "Goodbye.", "Always.", "Never.", "Welcome.", "Tomorrow.", "Seven.", "London.", "Really?", "Careful!",
        "Nothing.",
        "Again.", "Morning.", "Perfect.", "Exactly.", "Wonderful.", "Left.", "Friday.", "Open.", "Enough.",
    ),
    "zh": (
        "是的。", "你好。", "谢谢。", "对不起。", "好吧。", "也许。", "当然。", "停下！", "水。", "星期一。", "请进。",
        "再见。", "总是。", "从来。", "欢迎。", "明天。", "七。", "北京。", "真的？", "小心！", "没有。",
        "再来。", "早上好。", "完美。", "没错。", "太好了。", "左边。", "星期五。", "打开。", "够了。",
    ),
}  # fmt: skip


def units(text: str, lang: str) -> list[str]:
    """English words, or toned syllables of Chinese characters; numbers spoken, without punctuation."""
    if lang == "en":
        return re.findall(r"[a-z']+", normalise(text, "en").lower())
    characters = "".join(CHINESE.findall(normalise(text, "zh")))
    return lazy_pinyin(characters, style=Style.TONE3, neutral_tone_with_five=True)
