"""Numbers that name something in Mandarin and are read by their digits: telephones, 110, 85后, 985, codes, rooms."""

import re

from glmtts.text.normalisation.addresses import CHINESE_FILE
from glmtts.text.normalisation.chemistry import FORMULA, HYDRATE, ION, SALT, ion, letters
from glmtts.text.normalisation.mandarin.amounts import amount
from glmtts.text.normalisation.rules import COLOUR, NUMBER, Rule
from glmtts.text.numbers_zh import cardinal, digits, number


def _spelled(written: str) -> str:
    """Capitals one by one, so that CO2 is no word, and the figures of a formula or colour."""
    return "".join(digits(part) if part.isdigit() else f" {part}" for part in letters(written)).strip()


def _ion(match: re.Match[str]) -> str:
    """Fe2+ is Fe二加, SO42- S O四二减."""
    written, charge, positive = ion(match)
    name = _spelled(written) if len(written) > 2 or not positive else written
    return f"{name}{cardinal(charge) if charge else ''}{'加' if positive else '减'}"


def _parts(match: re.Match[str]) -> str:
    """The first part of a version after its name is a number (iOS17.2.1); addresses of machines go by their digits."""
    first, *rest = match[0].split(".")
    named = len(first) < 3 and len(rest) < 3 and re.search(r"[A-Za-z]\s?$", match.string[: match.start()][-2:])
    return "点".join([cardinal(first) if named else digits(first), *map(digits, rest)])


def telephone(written: str) -> str:
    """The digits of each group, 幺 for one, a pause between groups."""
    groups = [digits(group, one="幺") for group in re.findall(r"\d+", written)]
    return ("加" if written[0] == "+" else "") + "，".join(groups)


def _groups(match: re.Match[str]) -> str:
    """90-60-90 number by number, codes of longer groups by their digits."""
    parts = match[0].split("-")
    if all(len(part) == 1 for part in parts):
        return "".join(map(digits, parts))  # 4-3-3阵型
    coded = any(len(part) > 3 or (len(part) > 1 and part[0] == "0") for part in parts)
    return "，".join(digits(part) if coded else cardinal(part) for part in parts)


def _standard(match: re.Match[str]) -> str:
    """GB 50016-2014 and ISO 9001:2015: the number by its digits, then the year."""
    name, part, issued = match[1].replace("/", ""), match[2].replace("-", "杠").replace(".", "点"), match[4]
    if not issued:
        return f"{name}{digits(part)}" if match[3] is None else match[0]
    return f"{name}{digits(part)}{'杠' if match[3] not in ':：' else '，'}{digits(issued)}"


def _named(match: re.Match[str]) -> str:
    return (
        digits(match[0], one="幺")
        if match[0] in ("110", "119", "120", "122", "114", "911", "315")
        else digits(match[0])
    )


_CALL = (
    r"(?:拨打?|打|电话|热线|呼叫|客服|报警|火警|匪警|求助|急救|手机号?码?|号码|QQ群?号?|微信号?|致电|来电|传真|座机|"
    r"短信|发送?到|转|Tel|TEL|tel|Fax|手机|联系)"
)
_CODED = (
    r"(?:验证码|密码|编号|学号|工号|邮编|邮政编码|尾号|车牌号?|订单号?|单号|代码|端口号?|波音|空客|账号|帐号|房号|(?:房间|包厢|教室|宿舍|寝室|病房)号(?=[是为:：]{0,2}\s?[A-Z]?-?\d{3})|身份证号?码?|卡号|"
    r"序列号|口令|型号|门牌号?|航班号?|车次|座位号|取件码|提取码|邀请码|股票代码|批号|票号|课程号|(?<![手座])机号|(?<![A-Za-z])(?:ISBN|ID|PIN码?)|暗号|频道)"
)
# What follows an amount and never a number that is called.
_NO_CALL = r"(?!\d|[.:：]\d|[万亿千百个次元张分块把份天小米公斤岁件折年月日人本集球场局度号楼路])"
_OR = r"(?:\s?[、，,/或和及与]\s?|或者)"
# Several of these in a row are emergency numbers, with 119 or 122 among them: 110 and 120 may be amounts.
_EMERGENCY = "(?:110|119|120|122)"
_SERVICES = "1[12][0-9]|10000|1001[0-9]|10086|10099|12[0-9]{3}|95[0-9]{3}|96[0-9]{3,4}|400|800"
# Numbers that are names by themselves, unless something counted follows.
_NAMES = "666|6666|233|2333|886|985|211|996|007|618|818|315|520|1314|911|404|361|360|115|163|126|58|1024"
_COUNTED = (
    r"(?!\d|[.,:：/%°-]\d?|"
    r"\s?[万亿千百个只条张本件位名次天周岁家双套辆台部支棵颗片块根把份杯碗瓶盒袋箱头匹口种点分秒时倍元角毛步句场门节组群批项亩吨米斤公厘毫平英海人年月日号页行字票度吋寸期A-Za-z])"
)
_SEP = r"[- \u2011]?"
# Before dates, which would take the digits of these.
FIRST: list[Rule] = [
    Rule(COLOUR, lambda m: f"井号{_spelled(m[0][1:])}", needs="#"),
    # A topic between two marks is a phrase of its own: #新年快乐# 2024.
    Rule(r"#(?=[^\s#\d])([^#\n]{1,40})#(\s*\w)?", lambda m: f"{m[1]}，{m[2]}" if m[2] else m[1], needs="#"),
    Rule(CHINESE_FILE, lambda m: "点"),
    Rule(HYDRATE, lambda m: "，"),
    Rule(ION, _ion),
    Rule(FORMULA, lambda m: _spelled(m[0])),
    Rule(SALT, lambda m: _spelled(m[0])),
    Rule(r"(?<![A-Za-z\d])CO(?=中毒|浓度|排放|气体|报警|含量|超标)", lambda m: "C O"),
    # Isotopes by their digits: 铀-235, 碳-14.
    Rule(
        r"(?<=[铀钚铯锶碘镭钍镅钴碳氢氦钾锂氡])-?((?:2[23]\d|1[0-9]{2})(?![\d.%克毫度升元])|(?<=-)\d{1,2}(?![\d.]))",
        lambda m: digits(m[1]) if len(m[1]) > 2 else cardinal(m[1]),
    ),
    # Two trains or flights under one name: K528/525次, CZ3101/3102.
    Rule(
        r"(?<![A-Za-z\d])([A-Z]{1,2})(\d{3,4})/(\d{1,4})(?![\d/.A-Za-z])",
        lambda m: f"{m[1]}{digits(m[2])}，{digits(m[3])}",
    ),
    Rule(r"(?<=[A-Za-z])-(\d{1,3})-(?=\d{1,4}[A-Z])", lambda m: f"{cardinal(m[1])} "),
    # the code of a share, whose full stop is said: 00700.HK
    Rule(r"(?<!\d)(\d{5,6})\.(HK|SH|SZ|SS|BJ)(?![A-Za-z])", lambda m: f"{digits(m[1])}点{m[2]}"),
    Rule(r"(?<![A-Za-z\d])([A-Z])(\d{1,3})\s?[-–—~～]\s?(?=\1\d{1,3}(?!\d))", lambda m: f"{m[1]}{m[2]}到"),
    # else the hyphen is silent, and two pages follow each other: 见P23-25
    Rule(r"(?<![A-Za-z\d])([Pp])(\d{1,4})\s?[-–—~～]\s?(?=\d)", lambda m: f"{m[1]}{cardinal(m[2])}到"),
    # else the last full stop of a name stays one: XBB.1.5
    Rule(r"(?<=[A-Za-z])(?:\.\d{1,3}){2,}(?![\d.])", lambda m: "点".join(map(digits, m[0].split(".")))),
    # before dates too: 学号20210315 is none
    Rule(
        rf"({_CODED}[是为:：]{{0,2}}\s?)([A-Z]{{0,3}}-?)"
        r"(\d{2,}(?:-\d+| \d{3,6}(?![\d:：.%年月日点元个次分人件条名只张块米公])){0,5})"
        r"(?!\d|-\d|\.\d|[:：]\d|[万个元])",
        lambda m: f"{m[1]}{m[2].rstrip('-')}{'，'.join(map(digits, re.split('[- ]', m[3])))}",
    ),
    Rule(
        r"(?<![A-Za-z\d])((?:GB|ISO|IEC|IEEE|EN|DIN|JIS|ANSI|ASTM|QB|YY|HJ|JGJ|DB\d\d|DL|SH|NY|WS)(?:/(?:T|Z|IEC))?\s?)"
        r"(\d{3,6}(?:[.-]\d{1,2})?)(?:([-—–:：])((?:19|20)\d\d))?(?!\d|[.-]\d|[A-Za-z万元个])",
        _standard,
    ),
    # else 802.11ac has acres
    Rule(r"(?<![\w.])802\.(\d{1,2})(?=[a-z]{0,2}(?![A-Za-z0-9.]))", lambda m: f"八零二点{digits(m[1])}"),
    Rule(
        r"(?<![\dA-Za-z-])(\d{1,3})-in-(\d{1,3})(?![\dA-Za-z])",
        lambda m: f"{cardinal(m[1])} in {cardinal(m[2])}",
        needs="-in-",
    ),
    # an s behind a number is of seconds, but not in iPhone 5s
    Rule(
        r"(?<![A-Za-z])(iPhone|iPad|Redmi|红米|小米|Nexus) ?(\d{1,2})s(?![A-Za-z])",
        lambda m: f"{m[1]} {cardinal(m[2])}S",
    ),
    Rule(r"(?<![\d.])985/211(?!\d)", lambda m: "九八五，二幺幺"),
    # the error of a server, by its digits
    Rule(r"(?<![\d.])404(?=页|错误|报错|界面)", lambda m: digits(m[0])),
    # between figures an x is 乘: 0x1F
    Rule(r"(?<![\dA-Za-z])0[xX]([0-9A-Fa-f]{1,16})(?![0-9A-Za-z])", lambda m: f"零x{digits(m[1])}"),
    # before hyphens behind letters, which are silent: 8k-12k
    Rule(
        rf"(?<![\dA-Za-z.])({NUMBER})([kKw])\s?(?:[-~～–—]|至|到)\s?(?={NUMBER}([kKwW])(?![A-Za-z]))",
        lambda m: f"{amount(m[1])}万到" if m[2] == "w" else f"{number(m[1])}{m[2]}到",
    ),
    # The stop of Vol.3 and Fig.3 is none of a number.
    Rule(r"(?<![A-Za-z])(Vol|Fig|Ch|Chap|Ep|EP|Sec|Tab|Eq|[Ll]v|LV)\.\s?(?=\d)", lambda m: f"{m[1]} "),
    # what gold and silver are hallmarked with is read by its digits
    Rule(r"(?<![\d.])(?:925(?=纯?银)|9{3,4}(?=[足纯千][金银足]))", lambda m: digits(m[0])),
    # a tower, by its digits
    Rule(r"(?<=[台臺]北)101(?!\d|[万亿个人])", lambda m: digits(m[0])),
    # graphics cards, by their digits
    Rule(r"(?<![A-Za-z])((?:RTX|GTX|RX) )(\d{3,4})(?!\d)", lambda m: m[1] + digits(m[2])),
]
RULES: list[Rule] = [
    # Aircraft, as they are where 波音 stands before them: a range does not fall, and nobody flies one.
    Rule(
        r"(?<![\d.A-Za-z-])(7[0-8]7)-(\d{1,3})(?=[A-Z]{0,2}(?:客机|货机|飞机|机型|型|系列)|(?<=-[1-9])(?![\d-]|[.,:]\d))",
        lambda m: f"{digits(m[1])}，{digits(m[2])}",
    ),
    # mobiles of the mainland: eleven digits from 13 to 19 on, perhaps with 86 of the country
    Rule(rf"(?<![\d.A-Za-z])(?:\+?86{_SEP})?1[3-9]\d{_SEP}\d{{4}}{_SEP}\d{{4}}(?!\d)", lambda m: telephone(m[0])),
    # a telephone has seven digits and more, +130 is an amount
    Rule(
        r"(?:(?<!\w)|(?<=[话机码系真拨打])|(?<=[致来]电)|(?<=热线))"
        r"(?=\+(?:[ ()-]{0,2}\d){7})\+\d{1,3}(?:[- ]?\(?\d{1,5}\)?){2,6}(?!\d)",
        lambda m: telephone(m[0]),
    ),
    # an area code in brackets, which would be pauses: (021)5888 1234
    Rule(r"(?<![\d.-])(?:\(0\d{2,3}\)|（0\d{2,3}）)\s?\d{3,4}[- ]?\d{4}(?!\d)", lambda m: telephone(m[0])),
    Rule(r"(?<![\d.-])(?:0\d{1,3}|[48]00)[- ]\d{3,4}[- ]?\d{3,4}(?![\d-])", lambda m: telephone(m[0])),
    Rule(r"(?<![\d.-])(?:0(?:10|2\d|[3-9]\d{2})\d{7,8}|[48]00\d{7})(?![\d-])", lambda m: telephone(m[0])),
    Rule(
        rf"({_CALL}[是为到了给：:个过]{{0,2}}\s?)(?!\d{{1,2}}-\d{{1,2}}(?![\d-]))(\d[\d-]{{1,14}}\d)(?!\d|[.:：]\d|[万亿千百个次元张分块把份天小米公斤岁件折年月日人本集球场局])"
        rf"((?:{_OR}(?:{_EMERGENCY}|1[0-9]{{4}}|9[56]\d{{3,4}}){_NO_CALL})*)",
        lambda m: m[1] + telephone(m[2]) + digits(m[3], one="幺"),
    ),
    Rule(
        rf"(?<![\d.,])(?<!\d[、，/]){_EMERGENCY}(?:{_OR}{_EMERGENCY})+(?!{_OR}?\d)(?!之间|左右|上下){_NO_CALL}",
        lambda m: digits(m[0], one="幺") if re.search("119|122", m[0]) else m[0],
    ),
    Rule(
        rf"(?<![\d.])(?:{_SERVICES})(?=号?(?:客服|热线|网站|平台|短信|电话|急救|报警|火警|指挥|服务|APP|官网|专线|[台](?!阶|币|湾)))",
        lambda m: digits(m[0], one="幺"),
    ),
    Rule(
        rf"(?<![\d.,￥¥$])(?:12306|12315|123[0-9]{{2}}|1008[0-9]|1001[0-9]|95[0-9]{{3}}){_COUNTED}",
        lambda m: digits(m[0], one="幺") if _is_service(m) else m[0],
    ),
    Rule(
        r"(?<![\d.])(?:110|119|120|122|114)(?=报警|报火警|急救|救护|出警|查号|来了|民警|警)",
        lambda m: digits(m[0], one="幺"),
    ),
    Rule(
        rf"(?<![\d.,第共有约仅达了])(?<![-+×xX*=])(?:{_NAMES}){_COUNTED}", lambda m: _named(m) if _is_name(m) else m[0]
    ),
    # More than two numbers in a row are no span: 90-60-90, and codes in groups.
    Rule(r"(?<![\dA-Za-z.-])\d{1,5}(?:-\d{1,5}){2,}(?![\dA-Za-z-]|\.\d)", _groups),
    Rule(r"(?<![\d.])双(\d\d)(?!\d)", lambda m: f"双{cardinal(m[1])}"),
    Rule(
        r"(?<!\d)(\d{3,4})(?=(?:号?房间?|室(?![内外])|教室|国道|省道|路(?:公交|车|站)?|次(?:列车|航班|快车)|航班|宿舍|寝室|包厢|会议室|办公室|医院|部队|厂(?![家商长])))",
        lambda m: digits(m[1]),
    ),
    Rule(
        r"(?:(?<=[楼栋幢座])|(?<=单元|房间|套房|包厢|病房|教室))(\d{3,4})(?![\d.]|[万千百元块])", lambda m: digits(m[1])
    ),
    # a licence plate: province, letter, and five signs, or six on cars of new energy
    Rule(
        r"([京沪津渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z])[·•\s-]?(?=[A-Z0-9]{5,6}(?![A-Z0-9]))([A-Z0-9]*\d[A-Z0-9]*)",
        lambda m: m[1] + digits(m[2]),
    ),
    # sides of a game, no volts: 5v5
    Rule(
        r"(?<![\dA-Za-z.])([1-9]|1[01])\s?[vV]\s?([1-9]|1[01])(?![\dA-Za-z.]|[安瓦电毫])",
        lambda m: f"{cardinal(m[1])}V{cardinal(m[2])}",
    ),
    # a mask, by its digits
    Rule(r"(?<![A-Za-z])N95(?!\d)", lambda m: "N九五"),
    Rule(r"(?<![A-Za-z0-9])\.NET(?![A-Za-z])", lambda m: "点NET"),
    Rule(r"(?<=[GDCZTKYSL])(\d{1,4})(?=次)", lambda m: digits(m[1])),
    Rule(r"(?<!\d)(?:\d+\.){2,}\d+(?!\d)", _parts),
    Rule(
        r"(?<![A-Za-z])[vV]\.?\s?(\d+(?:\.\d+)*)(?![\dA-Za-z])",
        lambda m: "V" + "点".join(cardinal(part) if len(part) < 3 else digits(part) for part in m[1].split(".")),
    ),
    # the hyphen of a name with figures on both sides is no 到: A1-2
    Rule(r"(?<=[A-Za-z]\d)-(?=\d)|(?<=[A-Za-z]\d\d)-(?=\d)", lambda m: " "),
    Rule(r"(?<=[A-Za-z])[-\s]?(\d+\.\d+)(?!\d|\.\d)", lambda m: (" " if " " in m[0] else "") + number(m[1])),
    # a tone or a language (C#, F#, J#), before the sign is one of a number
    Rule(r"(?<![A-Za-z])([A-GJ])#(?![A-Za-z0-9#])", lambda m: f"{m[1]} sharp"),
    Rule(r"(?<![A-Za-z])[NnＮ][Oo]\.?\s?(\d+)", lambda m: f"{cardinal(m[1])}号"),
    Rule(r"#\s?(\d+)", lambda m: f"{cardinal(m[1])}号"),
    # names of scales end at 千万亿 (numbers_zh.LONGEST)
    Rule(r"\d{17,}", lambda m: digits(m[0])),
]


def _is_service(match: re.Match[str]) -> bool:
    """Whether the words around a number of five digits speak of a service."""
    around = match.string[max(0, match.start() - 8) : match.end() + 10]
    return (
        re.search(
            r"电话|热线|客服|号码|拨|打|短信|网站|官网|登|上|APP|app|客户端|[买订抢购]票|投诉|举报|咨询|银行|查询",
            around,
        )
        is not None
    )


def _is_name(match: re.Match[str]) -> bool:
    """Whether one of the numbers is a name here: by what follows, or because it stands alone after no number's verb."""
    rest = match.string[match.end() :][:4]
    before = match.string[: match.start()][-2:]
    names = {
        "985": "大学高校院校工程毕业本科学生名校和或、", "211": "大学高校院校工程毕业本科学生名校和或、",
        "58": "同城", "163": "邮箱",
        "126": "邮箱", "360": "公司安全浏览器杀毒", "361": "度", "115": "网盘", "1024": "程序员节",
    }.get(match[0])  # fmt: skip
    if names is not None:
        return (
            any(rest.startswith(name) for name in re.findall(".[^和或、]?", names) if len(name) > 1)
            or (rest[:1] in ("和", "或", "、") and match[0] in ("985", "211"))
            or before in ("一所", "双非")
        )
    if match[0] in ("911", "404", "315", "818", "520", "1314"):
        return re.match(r"事件|页面|错误|晚会|节|快乐|礼物|表白|情人|活动|恐怖|袭击", rest) is not None
    return True
