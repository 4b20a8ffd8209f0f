"""Signs and Greek letters that are read, in both languages; what no rule of numbers has taken is read by this table."""

import re

from glmtts.text.normalisation.tildes import tildes_in_words

# Sign: English, Mandarin.
SYMBOLS = {
    "√": ("square root of", "根号"), "∛": ("cube root of", "三次根号"), "∜": ("fourth root of", "四次根号"),
    "∞": ("infinity", "无穷大"), "∑": ("sum", "求和"), "∏": ("product", "连乘"), "∫": ("integral", "积分"),
    "∂": ("partial", "偏"), "∇": ("nabla", "纳布拉"), "∆": ("delta", "德尔塔"), "∈": ("in", "属于"),
    "∉": ("not in", "不属于"), "∋": ("contains", "包含"), "⊂": ("subset of", "包含于"), "⊃": ("superset of", "包含"),
    "⊆": ("subset of", "包含于"), "⊇": ("superset of", "包含"), "∪": ("union", "并"), "∩": ("intersection", "交"),
    "∅": ("empty set", "空集"), "∀": ("for all", "任意"), "∃": ("there exists", "存在"), "∧": ("and", "且"),
    "∨": ("or", "或"), "¬": ("not", "非"), "⊕": ("exclusive or", "异或"), "∴": ("therefore", "所以"),
    "∵": ("because", "因为"), "∝": ("proportional to", "正比于"), "∠": ("angle", "角"),
    "⊥": ("perpendicular to", "垂直于"),
    "∥": ("parallel to", "平行于"), "△": ("triangle", "三角形"), "≡": ("is identical to", "恒等于"),
    "≌": ("is congruent to", "全等于"), "∽": ("is similar to", "相似于"), "⊙": ("circle", "圆"),
    "≈": ("is about", "约等于"), "≠": ("is not equal to", "不等于"), "≤": ("is less than or equal to", "小于等于"),
    "≥": ("is greater than or equal to", "大于等于"), "≪": ("is much less than", "远小于"),
    "≫": ("is much greater than", "远大于"), "±": ("plus or minus", "正负"), "∓": ("minus or plus", "负正"),
    "×": ("times", "乘"), "÷": ("divided by", "除以"), "=": ("equals", "等于"),
    "→": ("to", "到"), "⇒": ("implies", "推出"), "←": ("from", "来自"), "↔": ("to and from", "往返"),
    "⇔": ("if and only if", "等价于"), "↑": ("up", "上升"), "↓": ("down", "下降"), "↗": ("up", "上升"),
    "↘": ("down", "下降"), "§": ("section", "第"), "¶": ("paragraph", "段"), "†": ("dagger", "剑号"),
    "‰": ("per mille", "千分号"), "‱": ("per ten thousand", "万分号"), "%": ("percent", "百分号"),
    "°": ("degrees", "度"), "©": ("copyright", "版权所有"), "✓": ("check", "对"), "✔": ("check", "对"),
    "☑": ("check", "对"), "✅": ("check", "对"), "✗": ("cross", "错"), "✘": ("cross", "错"), "❌": ("cross", "错"),
    "♂": ("male", "男"), "♀": ("female", "女"), "☎": ("telephone", "电话"), "♯": ("sharp", "升"), "♭": ("flat", "降"),
    "@": ("at", ""), "$": ("dollar", "美元"), "€": ("euro", "欧元"), "£": ("pound", "英镑"), "¥": ("yen", "元"),
    "￥": ("yuan", "元"),
    "₩": ("won", "韩元"), "₹": ("rupee", "卢比"), "₽": ("ruble", "卢布"), "₺": ("lira", "里拉"),
    "₫": ("dong", "越南盾"),
    "฿": ("baht", "泰铢"), "₪": ("shekel", "谢克尔"), "₴": ("hryvnia", "格里夫纳"), "₱": ("peso", "比索"),
    "₦": ("naira", "奈拉"), "₿": ("bitcoin", "比特币"), "¢": ("cent", "美分"), "ℓ": ("L", "升"), "ℏ": ("h bar", "h拔"),
}  # fmt: skip
GREEK = {
    "α": ("alpha", "阿尔法"), "β": ("beta", "贝塔"), "γ": ("gamma", "伽马"), "δ": ("delta", "德尔塔"),
    "ε": ("epsilon", "艾普西隆"), "ϵ": ("epsilon", "艾普西隆"), "ζ": ("zeta", "泽塔"), "η": ("eta", "伊塔"),
    "θ": ("theta", "西塔"), "ι": ("iota", "约塔"), "κ": ("kappa", "卡帕"), "λ": ("lambda", "兰姆达"),
    "μ": ("mu", "缪"), "ν": ("nu", "纽"), "ξ": ("xi", "克西"), "ο": ("omicron", "奥米克戎"), "π": ("pi", "派"),
    "ρ": ("rho", "柔"), "σ": ("sigma", "西格马"), "ς": ("sigma", "西格马"), "τ": ("tau", "套"),
    "υ": ("upsilon", "宇普西隆"), "φ": ("phi", "斐"), "ϕ": ("phi", "斐"), "χ": ("chi", "希"), "ψ": ("psi", "普西"),
    "ω": ("omega", "欧米伽"),
}  # fmt: skip
# A longer run of Greek letters is a word of that language, not the name of a quantity.
LONGEST_QUANTITY = 3
_GREEK_RUN = re.compile(r"[α-ωϵϕΑ-Ω]+")
_SIGNS = re.compile(f"[{re.escape(''.join(SYMBOLS))}]")
_SECTION = re.compile(r"§+\s?([零一二三四五六七八九十百千点]+)")
_STARS = re.compile(r"[★☆⭐]{2,}|★")


def symbols_in_words(text: str, chinese: bool) -> str:
    """`text` with the signs of the table and single Greek letters in words."""
    if text.isascii() and "~" not in text and not _SIGNS.search(text):
        return text
    language = 1 if chinese else 0
    text = _SECTION.sub(lambda match: f"第{match[1]}节", text) if chinese else text.replace("§§", " sections ")
    text = _STARS.sub(lambda match: _stars(match[0], chinese), text)
    text = _GREEK_RUN.sub(lambda match: _quantity(match[0], language), text)
    text = tildes_in_words(text, chinese)
    return _SIGNS.sub(lambda match: _spaced(SYMBOLS[match[0]][language], chinese), text)


def _quantity(letters: str, language: int) -> str:
    if len(letters) > LONGEST_QUANTITY:
        return letters
    names = [GREEK[letter.lower()][language] for letter in letters if letter.lower() in GREEK]
    return "".join(names) if language else f" {' '.join(names)} "


def _stars(written: str, chinese: bool) -> str:
    """★★★☆☆ is three stars."""
    count = sum(sign != "☆" for sign in written)
    if chinese:
        return "星" if len(written) == 1 else f"{'零一二三四五六七八九十'[min(count, 10)]}星"
    names = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    return " star " if len(written) == 1 else f" {names[min(count, 10)]} star{'' if count == 1 else 's'} "


def _spaced(word: str, chinese: bool) -> str:
    return word if chinese else f" {word} "
