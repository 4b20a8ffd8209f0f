"""Characters that stand for others: full-width, styled, circled, superscript forms and radicals (Unicode, UAX 15).

As NFKC, but meaning is kept: a superscript is a power (10⁸ becomes 10^8, which NFKC makes 108), a circled number is set
apart from its neighbours, and punctuation that the language model knows stays wide.
"""

import re
import unicodedata
from functools import lru_cache

from glmtts.text.placeholders import is_placeholder

_KEPT = "！，？：；（）～…¨ºªµ™″"
_SPELLED = {
    "℃": "°C", "℉": "°F", "№": "No. ", "‥": "…", "⋯": "…", "︙": "…", "´": "'", "ʼ": "'", "ʻ": "'", 
    "−": "-", "﹣": "-", "‐": "-", "‑": "-", "‒": "–", "―": "—", "⸺": "——", "º": "°", "ª": "a", "µ": "μ",
    "⁄": "/", "∕": "/", "∗": "*", "∣": "|", "﹥": ">", "﹤": "<", "＝": "=", "ı": "i", "⩽": "≤", "⩾": "≥", "≦": "≤",
    "≧": "≥", "≒": "≈", "≅": "≈", "˂": "<", "˃": ">", "⟶": "→", "➔": "→", "➜": "→", "➡": "→", "⇨": "→", "✕": "×",
    "✖": "×", "⨯": "×", "➕": "+", "➖": "-", "➗": "÷", "·": "·", "・": "·", "‧": "·", "∙": "·", "‵": "′",
    "℡": "TEL ", "₤": "£", "›": "", "‹": "",
}  # fmt: skip
_SMALL_CAPITALS = dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "ABCDEFGHIJKLMNOPRSTUVWYZ", strict=True))
# Radicals as characters of their own, which NFKC leaves alone (Unicode's EquivalentUnifiedIdeograph).
_RADICALS = dict(
    zip(
        "⺀⺁⺄⺈⺊⺌⺎⺒⺕⺗⺝⺠⺡⺢⺣⺤⺥⺧⺨⺫⺬⺭⺮⺯⺰⺳⺶⺸⺹⺼⺽⻀⻁⻂⻃⻄⻅⻆⻇⻉⻊⻋⻍⻎⻐⻑⻒⻓⻔⻗⻘⻙⻚⻛⻜⻝⻟⻠⻢⻣⻤⻥⻦⻧⻨⻩⻪⻫⻬⻭⻮⻯⻰⻲",
        "冫厂乙刀卜小兀巳彐心月民水水火爪爪牛犬网示示竹糸纟网羊羊老肉臼艸虎衣西西见角角贝足车辶辶金長镸长门雨青韦页风飞食饣饣马骨鬼鱼鸟卤麦黄黾齊齐齒齿龍龙龟",
        strict=True,
    )
)
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱˣʸᵃᵇᶜᵐᵏᵗʰˢʳᵈ", "0123456789+-=()nixyabcmkthsrd", strict=True))
_CHINESE = re.compile(r"[一-鿿、，。；：]")
_RAISED = "".join(_SUPERSCRIPTS)
_POWER = re.compile(f"(?P<base>[^\\s,，。:：;；(（{_RAISED}])?(?P<power>[{_RAISED}]+)")
# A word before a raised figure, a stop behind a word or quote, and the signs of a formula.
_WORD = re.compile(r"(?<![A-Za-z])([A-Z]?[a-z]{3,})$")
_STOPPED = re.compile(r"[A-Za-z)\"”’][.,!?\"”’]$")
_FORMULA = re.compile(r"[=+×*/^√π<>]")
_RAISABLE = frozenset(
    ("inch", "inches", "foot", "feet", "mile", "miles", "yard", "yards", "meter", "meters", "metre", "metres", "radius",
     "speed", "velocity", "mass", "time", "distance", "side", "length", "sinh", "cosh", "tanh", "log", "sin", "cos",
     "tan", "sec", "csc", "cot", "mol", "min", "hour", "year", "day", "week", "month", "atm", "bar", "rad", "gal")
)  # fmt: skip
_CIRCLED = re.compile(r"\s?([①-⑳㉑-㉟㊱-㊿⓪⓫-⓴❶-❿➀-➓⓵-⓾])\s?")
# A raised figure before a root is its degree: ³√8 is no power of what stands before it.
_ROOT = re.compile(r"(?<![0-9A-Za-z)）\]])([²³⁴])\s?√")
_ROOTS = {"²": "√", "³": "∛", "⁴": "∜"}
_FRACTION = re.compile(r"(\d?)([½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒↉])")
# log₂8 is no log28.
_SUBSCRIPT = re.compile(r"([₀-₉]+)(?=[0-9])")
_ROMAN = re.compile(r"[Ⅰ-Ⅻⅰ-ⅻ]")
_LATIN_LETTER = re.compile(r"(?:CIRCLED|SQUARED|PARENTHESIZED) LATIN (?:CAPITAL|SMALL) LETTER ([A-Z])$")


def compatible(text: str) -> str:
    """`text` in the characters that its look-alikes stand for, composed (NFC); linear, and plain ASCII is unchanged."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    text = _ROOT.sub(lambda match: _ROOTS[match[1]], text)
    text = _ROMAN.sub(_roman, _SUBSCRIPT.sub(r"\1 ", text))
    text = _POWER.sub(_raised, _FRACTION.sub(_fraction, _CIRCLED.sub(_circled, text)))
    return "".join(character if character < "\x7f" else _form(character) for character in text)


def _raised(match: re.Match[str]) -> str:
    """The ordinal of French and the mark of a footnote aside, what is written above the line is a power."""
    base, power = match["base"] or "", "".join(_SUPERSCRIPTS[sign] for sign in match["power"])
    if power.isdigit() and _is_note(match):
        return base  # Later work² agreed.³
    if power.isalpha() and len(power) > 1:
        return base + power  # 1ˢᵗ
    return f"{base}^{power}" if base else power


def _is_note(match: re.Match[str]) -> bool:
    """Whether raised figures are the mark of a footnote: behind a word that is no quantity or unit, or a stop."""
    before, after = match.string[max(0, match.start() - 24) : match.end("base")], match.string[match.end() :]
    if _FORMULA.search(before) or _FORMULA.match(after[:3]):
        return False
    return _STOPPED.search(before) is not None or (
        (word := _WORD.search(before)) is not None and word[1] not in _RAISABLE
    )


def _circled(match: re.Match[str]) -> str:
    """① before a word is the number of an item; inside a sentence (如图①所示) it is only a number."""
    value = int(unicodedata.numeric(match[1]))
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    named = (before and before in "图表式题第注见条点款") or (after and after in "所中的和与、)）,，.。")
    return match[0].replace(match[1], str(value)) if named else f" {value}, "


def _roman(match: re.Match[str]) -> str:
    """Beside Chinese a Roman numeral is a number (Ⅱ期); beside English it may be that of a king."""
    around = match.string[max(0, match.start() - 1) : match.end() + 1]
    return str(int(unicodedata.numeric(match[0]))) if _CHINESE.search(around) else match[0]


def _fraction(match: re.Match[str]) -> str:
    written = unicodedata.normalize("NFKC", match[2]).replace("⁄", "/")
    return f"{match[1]} {written} "


@lru_cache(maxsize=4096)
def _form(character: str) -> str:
    if character in _SPELLED:
        return _SPELLED[character]
    if character in _KEPT:
        return character
    if character in _RADICALS or character in _SMALL_CAPITALS:
        return _RADICALS.get(character) or _SMALL_CAPITALS[character]
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if is_placeholder(character):
        return character
    form = unicodedata.normalize("NFKC", character)
    if form != character:
        return form if not form.startswith(" ") or form == " " else character
    letter = _LATIN_LETTER.search(unicodedata.name(character, ""))
    return letter[1] if letter else character
