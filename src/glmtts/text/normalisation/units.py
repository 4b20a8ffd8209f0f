"""Units in both languages, built from prefixes and base units, and compounds of them: mmol/L, m/s², kg·m^-3."""

import re
from dataclasses import dataclass

# Prefix: English, Mandarin.
_PREFIXES = {"k": ("kilo", "千"), "K": ("kilo", "千"), "M": ("mega", "兆"), "G": ("giga", "吉"), "T": ("tera", "太"),
             "P": ("peta", "拍"), "h": ("hecto", "百"), "d": ("deci", "分"), "c": ("centi", "厘"), "m": ("milli", "毫"),
             "μ": ("micro", "微"), "u": ("micro", "微"), "n": ("nano", "纳"), "p": ("pico", "皮")}  # fmt: skip
# Base unit: English one, several, Mandarin, and the prefixes it is used with.
_BASES = {
    "m": ("meter", "meters", "米", "kcmμundp"), "g": ("gram", "grams", "克", "kmμunh"),
    "L": ("liter", "liters", "升", "mcdμuhn"), "l": ("liter", "liters", "升", "mcdμuh"),
    "s": ("second", "seconds", "秒", "mμunp"), "W": ("watt", "watts", "瓦", "kMGTm"),
    "V": ("volt", "volts", "伏", "kmMμ"), "A": ("amp", "amps", "安", "mμk"), "Hz": ("hertz", "hertz", "赫兹", "kKMGT"),
    "J": ("joule", "joules", "焦", "kMGm"), "Pa": ("pascal", "pascals", "帕", "kMhG"),
    "N": ("newton", "newtons", "牛", "kmM"), "mol": ("mole", "moles", "摩尔", "mμunk"),
    "cal": ("calorie", "calories", "卡", "kK"), "eV": ("electron volt", "electron volts", "电子伏", "kMGTm"),
    "Ω": ("ohm", "ohms", "欧", "kMm"), "Wh": ("watt hour", "watt hours", "瓦时", "kMGTm"),
    "Ah": ("amp hour", "amp hours", "安时", "m"), "Sv": ("sievert", "sieverts", "西弗", "mμu"),
    "Bq": ("becquerel", "becquerels", "贝克勒尔", "kMG"), "bar": ("bar", "bars", "巴", "m"),
    "B": ("byte", "bytes", "B", "kKMGTP"), "bit": ("bit", "bits", "比特", "kKMG"),
    "b": ("bit", "bits", "比特", "kKMGT"), "bps": ("bit per second", "bits per second", "比特每秒", "kKMGT"),
    "F": ("farad", "farads", "法", "μunp"),
    "H": ("henry", "henries", "亨", "mμu"), "T": ("tesla", "teslas", "特斯拉", "mμ"), "ton": ("ton", "tons", "吨", ""),
}  # fmt: skip
_OTHERS = {
    "km/h": ("kilometer per hour", "kilometers per hour", "公里每小时"),
    "kph": ("kilometer per hour", "kilometers per hour", "公里每小时"),
    "kmh": ("kilometer per hour", "kilometers per hour", "公里每小时"),
    "mph": ("mile per hour", "miles per hour", "英里每小时"),
    "km": ("kilometer", "kilometers", "公里"), "dm": ("decimeter", "decimeters", "分米"),
    "mi": ("mile", "miles", "英里"), "Å": ("angstrom", "angstroms", "埃"),
    "ft": ("foot", "feet", "英尺"), "in": ("inch", "inches", "英寸"), "yd": ("yard", "yards", "码"),
    "yds": ("yard", "yards", "码"),
    "nmi": ("nautical mile", "nautical miles", "海里"), "lb": ("pound", "pounds", "磅"),
    "lbs": ("pound", "pounds", "磅"),
    "oz": ("ounce", "ounces", "盎司"), "gal": ("gallon", "gallons", "加仑"), "qt": ("quart", "quarts", "夸脱"),
    "pt": ("pint", "pints", "品脱"), "tbsp": ("tablespoon", "tablespoons", "汤匙"),
    "tsp": ("teaspoon", "teaspoons", "茶匙"),
    "t": ("ton", "tons", "吨"), "cc": ("cubic centimeter", "cubic centimeters", "毫升"),
    "ha": ("hectare", "hectares", "公顷"),
    "ac": ("acre", "acres", "英亩"), "min": ("minute", "minutes", "分钟"), "mins": ("minute", "minutes", "分钟"),
    "sec": ("second", "seconds", "秒"), "secs": ("second", "seconds", "秒"), "hr": ("hour", "hours", "小时"),
    "hrs": ("hour", "hours", "小时"), "h": ("hour", "hours", "小时"), "yr": ("year", "years", "年"),
    "yrs": ("year", "years", "年"),
    "mo": ("month", "months", "月"), "wk": ("week", "weeks", "周"), "wks": ("week", "weeks", "周"),
    "rpm": ("revolution per minute", "revolutions per minute", "转每分"),
    "bpm": ("beat per minute", "beats per minute", "次每分"),
    "fps": ("frame per second", "frames per second", "帧每秒"), "dB": ("decibel", "decibels", "分贝"),
    "dBm": ("D B M", "D B M", "分贝毫瓦"), "px": ("pixel", "pixels", "像素"),
    "MP": ("megapixel", "megapixels", "百万像素"),
    "dpi": ("D P I", "D P I", "dpi"), "ppi": ("P P I", "P P I", "ppi"),
    "ppm": ("part per million", "parts per million", "ppm"),
    "ppb": ("part per billion", "parts per billion", "ppb"),
    "mmHg": ("millimeter of mercury", "millimeters of mercury", "毫米汞柱"),
    "psi": ("P S I", "P S I", "磅每平方英寸"), "atm": ("atmosphere", "atmospheres", "大气压"),
    "hp": ("horsepower", "horsepower", "马力"),
    "rad": ("radian", "radians", "弧度"), "lx": ("lux", "lux", "勒克斯"), "lm": ("lumen", "lumens", "流明"),
    "cd": ("candela", "candelas", "坎德拉"), "IU": ("I U", "I U", "国际单位"),
    "mIU": ("milli I U", "milli I U", "毫国际单位"), "mcg": ("microgram", "micrograms", "微克"),
    "U": ("unit", "units", "单位"), "mEq": ("milliequivalent", "milliequivalents", "毫当量"),
    "kn": ("knot", "knots", "节"),
    "deg": ("degree", "degrees", "度"), "ly": ("light year", "light years", "光年"), "pH": ("P H", "P H", "pH"),
    "bps": ("bit per second", "bits per second", "比特每秒"),
    "mpg": ("mile per gallon", "miles per gallon", "英里每加仑"),
    "mAh": ("milliamp hour", "milliamp hours", "毫安时"), "°C": ("degree Celsius", "degrees Celsius", "摄氏度"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit", "华氏度"), "°": ("degree", "degrees", "度"),
    "%": ("percent", "percent", "百分比"),
}  # fmt: skip
# What stands after a slash without a number: per person, 每人.
_SHARES = {
    "day": ("day", "天"),
    "d": ("day", "天"),
    "week": ("week", "周"),
    "month": ("month", "月"),
    "year": ("year", "年"),
    "hour": ("hour", "小时"),
    "minute": ("minute", "分钟"),
    "second": ("second", "秒"),
    "night": ("night", "晚"),
    "person": ("person", "人"),
    "user": ("user", "用户"),
    "head": ("head", "人"),
    "piece": ("piece", "件"),
    "pc": ("piece", "件"),
    "unit": ("unit", "单位"),
    "page": ("page", "页"),
    "share": ("share", "股"),
    "set": ("set", "套"),
    "seat": ("seat", "座"),
    "ticket": ("ticket", "张"),
    "order": ("order", "单"),
    "item": ("item", "件"),
    "pack": ("pack", "包"),
    "box": ("box", "盒"),
    "bottle": ("bottle", "瓶"),
    "cup": ("cup", "杯"),
    "mile": ("mile", "英里"),
    "w": ("week", "周"),
    "y": ("year", "年"),
    "ea": ("each", "个"),
    "each": ("each", "个"),
    "kid": ("kid", "人"),
    "room": ("room", "间"),
    "square": ("square", "平方"),
    "word": ("word", "字"),
    "token": ("token", "token"),
    "request": ("request", "次"),
    "call": ("call", "次"),
    "game": ("game", "场"),
    "child": ("child", "人"),
    "employee": ("employee", "人"),
    "household": ("household", "户"),
    "acre": ("acre", "英亩"),
    "gallon": ("gallon", "加仑"),
    "pound": ("pound", "磅"),
    "ounce": ("ounce", "盎司"),
    "liter": ("liter", "升"),
}
_LETTERS = frozenset("ATFNJHU")
_ANY_CASE_NOT = frozenset(
    ("in", "IN", "AC", "PT", "MI", "CAL", "BAR", "MOL", "SEC", "HA", "MO", "T", "Mo", "Min", "Gal", "Pt", "US", "CD",
     "PS", "NS", "AS")
)  # fmt: skip
# Other capitals after a blank are an abbreviation before its noun: 5 ML engineers, 3 HP laptops.
_CAPITALS = frozenset(
    ("KM", "KMH", "CM", "MM", "FT", "YD", "YDS", "KG", "MG", "ML", "LB", "LBS", "OZ", "TSP", "TBSP", "KWH", "KW", "KV",
     "MAH", "HZ", "KHZ", "MHZ", "GHZ", "KBPS", "MBPS", "GBPS", "KPH", "MPH", "MPG", "RPM", "BPM", "FPS", "PPM", "PSI",
     "DPI", "KCAL", "KPA", "MPA", "MMHG", "MIN", "MINS", "HRS", "YRS", "WKS")
)  # fmt: skip


@dataclass(frozen=True)
class Unit:
    """A unit in words: English one and several, and Mandarin."""

    one: str
    many: str
    mandarin: str


def _table() -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for symbol, (one, many, mandarin, prefixes) in _BASES.items():
        if symbol not in ("B", "b"):  # 5B is five billion
            units[symbol] = Unit(one, many, mandarin)
        for prefix in prefixes:
            english, chinese = _PREFIXES[prefix]
            said = prefix.upper() + "B" if symbol == "B" else chinese + mandarin.removesuffix("兹")
            units[prefix + symbol] = Unit(english + one, english + many, said)
    units |= {symbol: Unit(*words) for symbol, words in _OTHERS.items()}
    return units


UNITS = _table()
_ANY_CASE = {symbol.lower(): unit for symbol, unit in reversed(UNITS.items()) if len(symbol) > 1}
_ANY_CASE |= {"mb": UNITS["MB"], "mw": UNITS["MW"], "mm": UNITS["mm"], "mbps": UNITS["Mbps"], "ml": UNITS["mL"],
              "mhz": UNITS["MHz"], "kw": UNITS["kW"], "gb": UNITS["GB"], "pa": UNITS["Pa"], "mg": UNITS["mg"],
              "ms": UNITS["ms"], "ma": UNITS["mA"]}  # fmt: skip
ATOM = r"(?:°[CF]?|Å|[A-Za-zμΩ]{1,8})"
_POWER = r"(?:\^[-−]?[1-4]|\^\{-?[1-4]\}|[23](?![\d.,]))?"
# A unit as it may be written; `unit_of` says whether it is one.
WRITTEN = rf"{ATOM}{_POWER}(?:\s?[·⋅*]\s?{ATOM}{_POWER})*"
# Below a slash: 100km, 1.73m² of a filtration rate, kg·d of a dose.
WRITTEN += rf"(?:\s?/\s?(?:10{{1,3}}\s?|\d\.\d{{1,2}}\s?)?{ATOM}{_POWER}(?:[·⋅]{ATOM})?){{0,2}}"
_FACTOR = re.compile(rf"(\d{{1,4}}(?:\.\d{{1,2}})?)?\s?({ATOM})({_POWER})")
_LENGTHS = frozenset(("m", "cm", "mm", "km", "dm", "μm", "nm", "ft", "in", "mi", "yd"))


def unit_of(written: str, glued: bool, letters: bool = False) -> Unit | None:
    """The unit that is written, or None. `glued` says that no blank stands between it and its number.

    What is a word elsewhere (3 in) is a unit only where it is glued, and a letter that names seats and grades (12A)
    only in a compound, or where `letters` says so.
    """
    over, *under = (part.strip() for part in written.split("/"))
    parts = re.split("[·⋅*]", over)
    compound = bool(under) or len(parts) > 1
    factors = [_factor(part.strip(), glued or compound, letters or compound) for part in parts]
    # mg/kg·d is per kilogram and per day
    shares = [_share(part) for written_share in under for part in re.split("[·⋅]", written_share)]
    if None in factors or None in shares:
        return None
    above = [factor for factor in factors if factor is not None]
    one = " ".join([*(unit.one for unit in above[:-1]), above[-1].one])
    many = " ".join([*(unit.one for unit in above[:-1]), above[-1].many])
    tail = [share for share in shares if share is not None]
    english = "".join(f" per {share.one}" for share in tail)
    mandarin = "".join(unit.mandarin for unit in above) + "".join(f"每{share.mandarin}" for share in tail)
    return Unit(one + english, many + english, mandarin)


def _factor(written: str, glued: bool, letters: bool) -> Unit | None:
    match = _FACTOR.fullmatch(written)
    if not match or match[1]:
        return None
    if match[2] in _LETTERS and not letters:
        return None
    unit = _known(match[2], glued)
    return unit and _raised(unit, match[2], match[3])


def _known(symbol: str, glued: bool) -> Unit | None:
    if not glued and symbol in ("in", "mo", "pt", "ac", "ton"):
        return None
    if symbol in UNITS:
        return UNITS[symbol]
    if len(symbol) == 1 or symbol in _ANY_CASE_NOT or (symbol.isupper() and not glued and symbol not in _CAPITALS):
        return None
    return _ANY_CASE.get(symbol.lower())


def _share(written: str) -> Unit | None:
    """What follows a slash: a unit, a thing, or a number of units (L/100km)."""
    match = _FACTOR.fullmatch(written)
    if not match:
        return None
    if match[2].lower() in _SHARES and not match[3] and not match[1]:
        english, mandarin = _SHARES[match[2].lower()]
        return Unit(english, english, mandarin)
    unit = _known(match[2], True)
    if unit is None:
        return None
    unit = _raised(unit, match[2], match[3])
    if match[1]:
        from glmtts.text import numbers_en, numbers_zh

        return Unit(
            f"{numbers_en.number(match[1])} {unit.many}", unit.many, numbers_zh.number(match[1]) + unit.mandarin
        )
    return unit


def _raised(unit: Unit, symbol: str, power: str) -> Unit:
    """Square meters, cubic meters, seconds squared; a negative power divides."""
    exponent = int(power.strip("^{}").replace("−", "-") or "1")
    if exponent < 0:
        below = _raised(unit, symbol, str(-exponent) if exponent < -1 else "")
        return Unit(f"per {below.one}", f"per {below.one}", f"每{below.mandarin}")
    if exponent == 1:
        return unit
    if symbol in _LENGTHS and exponent <= 3:
        english, chinese = ("square", "平方") if exponent == 2 else ("cubic", "立方")
        return Unit(f"{english} {unit.one}", f"{english} {unit.many}", chinese + unit.mandarin)
    english = {2: "squared", 3: "cubed"}.get(exponent, "to the fourth")
    return Unit(f"{unit.one} {english}", f"{unit.many} {english}", f"{'二三四'[exponent - 2]}次方{unit.mandarin}")
