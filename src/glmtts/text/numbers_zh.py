"""Digits to Mandarin words."""

DIGITS = "零一二三四五六七八九"
_PLACES = ("", "十", "百", "千")
LONGEST = 16  # digits, up to 千万亿
_SIGNS = {"-": "负", "−": "负", "+": "正", "±": "正负"}


def digits(number: str, one: str = "一") -> str:
    """Each digit by itself; `one` is 幺 in telephone numbers. Other characters stay."""
    return "".join(one if digit == "1" else DIGITS[int(digit)] if digit in "0123456789" else digit for digit in number)


def cardinal(number: str) -> str:
    """An integer such as 1,234 or 007; more than 16 digits, or a leading zero, are read digit by digit.

    二 is 两 before 千, 万 and 亿 where it leads them, as in 两千零二十.
    """
    plain = number.replace(",", "")
    if len(plain) > LONGEST or (len(plain) > 1 and plain[0] == "0"):
        return digits(plain)
    if not plain.strip("0"):
        return "零"
    return _spoken(int(plain)).removeprefix("一" if 10 <= _leading_group(plain) < 20 else "")


def _leading_group(plain: str) -> int:
    """The group of four digits that is spoken first: 十五万, but 一百一十五万."""
    return int(plain.lstrip("0")[: (len(plain.lstrip("0")) - 1) % 4 + 1])


def _spoken(value: int) -> str:
    """Any positive integer, in groups of 万 and 亿."""
    for size, unit in ((10**8, "亿"), (10**4, "万")):
        if value >= size:
            head, rest = divmod(value, size)
            spoken = ("两" if head == 2 else _spoken(head)) + unit
            if rest:
                # 一万零五百, but 一万五千: 零 stands for an empty first place
                spoken += ("零" if rest < size // 10 else "") + _spoken(rest)
            return spoken
    return _group(value)


def _group(number: int) -> str:
    """1 to 9999."""
    spoken, zero = "", False
    for place in range(3, -1, -1):
        digit = number // 10**place % 10
        if digit == 0:
            zero = bool(spoken)
            continue
        word = "两" if digit == 2 and place == 3 else DIGITS[digit]
        spoken += ("零" if zero else "") + word + _PLACES[place]
        zero = False
    return spoken


def number(written: str) -> str:
    """An integer or a decimal, with a sign: -1,234.50 is 负一千两百三十四点五零."""
    sign = _SIGNS.get(written[0], "")
    whole, point, fraction = written.lstrip("-−+±").partition(".")
    return sign + cardinal(whole or "0") + ("点" + digits(fraction) if point and fraction else "")
