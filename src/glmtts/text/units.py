"""Units and currencies in words."""

UNITS_ZH = {
    "km/h": "公里每小时", "m/s": "米每秒", "公里/小时": "公里每小时", "米/秒": "米每秒", "元/斤": "元每斤",
    "元/月": "元每月", "次/分": "次每分", "kWh": "千瓦时", "km²": "平方公里", "km2": "平方公里", "m²": "平方米",
    "m2": "平方米", "㎡": "平方米", "m³": "立方米", "m3": "立方米", "cm²": "平方厘米", "cm³": "立方厘米", "km": "公里",
    "KM": "公里", "cm": "厘米", "mm": "毫米", "nm": "纳米", "μm": "微米", "dm": "分米", "m": "米", "kg": "千克",
    "KG": "千克", "Kg": "千克", "mg": "毫克", "μg": "微克", "g": "克", "mL": "毫升", "ml": "毫升", "L": "升", "l": "升",
    "GB": "GB", "MB": "MB", "TB": "TB", "KB": "KB", "GHz": "吉赫", "MHz": "兆赫", "kHz": "千赫", "Hz": "赫兹",
    "kW": "千瓦", "MW": "兆瓦", "W": "瓦", "kV": "千伏", "V": "伏", "mAh": "毫安时", "kPa": "千帕", "Pa": "帕",
    "dB": "分贝", "ms": "毫秒", "min": "分钟", "rpm": "转每分", "ppm": "ppm", "kcal": "千卡", "cal": "卡", "kJ": "千焦",
    "ha": "公顷", "Mbps": "兆比特每秒",
}  # fmt: skip
CURRENCIES_ZH = {
    "": "元", "$": "美元", "US$": "美元", "HK$": "港元", "NT$": "新台币", "€": "欧元", "£": "英镑",
    "¥": "元", "￥": "元", "₩": "韩元", "USD": "美元", "RMB": "人民币", "CNY": "人民币", "EUR": "欧元",
    "GBP": "英镑", "JPY": "日元", "HKD": "港元",
}  # fmt: skip

# English units: one, several.
UNITS_EN = {
    "km/h": ("kilometer per hour", "kilometers per hour"), "kph": ("kilometer per hour", "kilometers per hour"),
    "mph": ("mile per hour", "miles per hour"), "m/s": ("meter per second", "meters per second"),
    "km": ("kilometer", "kilometers"), "cm": ("centimeter", "centimeters"), "mm": ("millimeter", "millimeters"),
    "nm": ("nanometer", "nanometers"), "m": ("meter", "meters"), "mi": ("mile", "miles"), "ft": ("foot", "feet"),
    "yd": ("yard", "yards"), "kg": ("kilogram", "kilograms"),
    "mg": ("milligram", "milligrams"),
    "g": ("gram", "grams"), "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"),
    "mL": ("milliliter", "milliliters"), "ml": ("milliliter", "milliliters"), "L": ("liter", "liters"),
    "km²": ("square kilometer", "square kilometers"), "m²": ("square meter", "square meters"),
    "m³": ("cubic meter", "cubic meters"), "sq ft": ("square foot", "square feet"), "GB": ("gigabyte", "gigabytes"),
    "MB": ("megabyte", "megabytes"), "TB": ("terabyte", "terabytes"), "KB": ("kilobyte", "kilobytes"),
    "GHz": ("gigahertz", "gigahertz"), "MHz": ("megahertz", "megahertz"), "kHz": ("kilohertz", "kilohertz"),
    "Hz": ("hertz", "hertz"), "kW": ("kilowatt", "kilowatts"), "MW": ("megawatt", "megawatts"), "W": ("watt", "watts"),
    "kWh": ("kilowatt hour", "kilowatt hours"), "V": ("volt", "volts"), "dB": ("decibel", "decibels"),
    "ms": ("millisecond", "milliseconds"), "sec": ("second", "seconds"), "min": ("minute", "minutes"),
    "hr": ("hour", "hours"), "hrs": ("hour", "hours"), "kcal": ("kilocalorie", "kilocalories"),
    "ha": ("hectare", "hectares"), "Mbps": ("megabit per second", "megabits per second"),
    "mAh": ("milliamp hour", "milliamp hours"), "rpm": ("revolution per minute", "revolutions per minute"),
}  # fmt: skip
# Currencies: main unit, its plural, hundredth, its plural.
CURRENCIES_EN = {
    "$": ("dollar", "dollars", "cent", "cents"), "US$": ("U S dollar", "U S dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"), "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"), "￥": ("yuan", "yuan", "fen", "fen"), "₩": ("won", "won", "jeon", "jeon"),
    "USD": ("U S dollar", "U S dollars", "cent", "cents"), "EUR": ("euro", "euros", "cent", "cents"),
    "GBP": ("pound", "pounds", "penny", "pence"), "RMB": ("yuan", "yuan", "fen", "fen"),
}  # fmt: skip
