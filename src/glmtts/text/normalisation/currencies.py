"""Currencies in both languages, by their signs and by the codes of ISO 4217."""

from dataclasses import dataclass

from glmtts.text.normalisation.rules import alternatives


@dataclass(frozen=True)
class Currency:
    """English one and several, hundredth one and several (empty where none is said), and Mandarin."""

    one: str
    many: str
    cent: str
    cents: str
    mandarin: str


def _dollar(of: str, mandarin: str) -> Currency:
    return Currency(f"{of} dollar".strip(), f"{of} dollars".strip(), "cent", "cents", mandarin)


_YUAN = Currency("yuan", "yuan", "fen", "fen", "元")
_CODES = {
    "USD": _dollar("U S", "美元"), "HKD": _dollar("Hong Kong", "港元"), "TWD": _dollar("Taiwan", "新台币"),
    "AUD": _dollar("Australian", "澳元"), "CAD": _dollar("Canadian", "加元"), "NZD": _dollar("New Zealand", "新西兰元"),
    "SGD": _dollar("Singapore", "新加坡元"), "EUR": Currency("euro", "euros", "cent", "cents", "欧元"),
    "GBP": Currency("pound", "pounds", "penny", "pence", "英镑"), "JPY": Currency("yen", "yen", "", "", "日元"),
    "CNY": _YUAN, "RMB": Currency("yuan", "yuan", "fen", "fen", "人民币"),
    "KRW": Currency("won", "won", "", "", "韩元"),
    "INR": Currency("rupee", "rupees", "paisa", "paise", "卢比"),
    "RUB": Currency("ruble", "rubles", "kopeck", "kopecks", "卢布"),
    "CHF": Currency("Swiss franc", "Swiss francs", "centime", "centimes", "瑞士法郎"),
    "SEK": Currency("Swedish krona", "Swedish kronor", "", "", "瑞典克朗"),
    "NOK": Currency("Norwegian krone", "Norwegian kroner", "", "", "挪威克朗"),
    "DKK": Currency("Danish krone", "Danish kroner", "", "", "丹麦克朗"),
    "PLN": Currency("zloty", "zlotys", "", "", "兹罗提"),
    "TRY": Currency("lira", "liras", "", "", "里拉"), "THB": Currency("baht", "baht", "satang", "satang", "泰铢"),
    "VND": Currency("dong", "dong", "", "", "越南盾"),
    "BRL": Currency("Brazilian real", "Brazilian reais", "centavo", "centavos", "雷亚尔"),
    "MXN": Currency("Mexican peso", "Mexican pesos", "centavo", "centavos", "墨西哥比索"),
    "ZAR": Currency("rand", "rand", "cent", "cents", "兰特"), "ILS": Currency("shekel", "shekels", "", "", "谢克尔"),
    "MYR": Currency("ringgit", "ringgit", "sen", "sen", "林吉特"),
    "IDR": Currency("rupiah", "rupiah", "", "", "印尼盾"),
    "PHP": Currency("Philippine peso", "Philippine pesos", "centavo", "centavos", "菲律宾比索"),
    "AED": Currency("dirham", "dirhams", "", "", "迪拉姆"), "UAH": Currency("hryvnia", "hryvnias", "", "", "格里夫纳"),
    "BTC": Currency("bitcoin", "bitcoins", "", "", "比特币"), "ETH": Currency("ether", "ether", "", "", "以太币"),
    "MOP": Currency("pataca", "patacas", "", "", "澳门元"),
}  # fmt: skip
SIGNS = {
    "$": _dollar("", "美元"), "US$": _CODES["USD"], "HK$": _CODES["HKD"], "NT$": _CODES["TWD"], "A$": _CODES["AUD"],
    "AU$": _CODES["AUD"], "C$": _CODES["CAD"], "CA$": _CODES["CAD"], "NZ$": _CODES["NZD"], "S$": _CODES["SGD"],
    "R$": _CODES["BRL"], "MX$": _CODES["MXN"], "CN¥": _YUAN, "JP¥": _CODES["JPY"], "€": _CODES["EUR"],
    "£": _CODES["GBP"],
    # one sign for two currencies: yen in English text, yuan in Chinese
    "¥": Currency("yen", "yen", "", "", "元"), "￥": _YUAN, "₩": _CODES["KRW"], "₹": _CODES["INR"], "₽": _CODES["RUB"],
    "₺": _CODES["TRY"], "₫": _CODES["VND"], "฿": _CODES["THB"], "₪": _CODES["ILS"], "₱": _CODES["PHP"],
    "₦": Currency("naira", "naira", "", "", "奈拉"), "₴": _CODES["UAH"], "₿": _CODES["BTC"], "Rs.": _CODES["INR"],
    "Rs": _CODES["INR"],
}  # fmt: skip
CURRENCIES = SIGNS | _CODES
SIGN = alternatives(SIGNS)
# INR 2.5 of a blood test, PHP 8.2 of a program and TRY 3 in a headline are no money before small numbers.
CODE = rf"(?!(?:INR|TRY|PHP)\s?\d(?:\.\d{{1,2}})*(?![\d,]))(?:{alternatives(_CODES)})"
# "$20 dollars": the name of the currency after an amount that has its sign.
NAMES_EN = (
    "(?:(?:US|U\\.S\\.|American|Canadian|Australian|Hong Kong|Singapore|New Zealand) )?(?:dollars?|bucks)|"
    "euros?|pounds?(?: sterling)?|"
    "yen|yuan|RMB|won|rupees?|rubles?|pesos?|cents|USD|US dollars?|EUR|GBP|JPY|CNY|KRW|INR|HKD|AUD|CAD|SGD|francs?|lira"
)
NAMES_ZH = (
    "元人民币|块钱|人民币|美元|美金|美刀|港元|港币|澳元|加元|欧元|英镑|日元|日圆|韩元|卢布|卢比|新台币|台币|泰铢|法郎|元|块|圆|"
    "USD|CNY|RMB|EUR|GBP|JPY|HKD"
)
