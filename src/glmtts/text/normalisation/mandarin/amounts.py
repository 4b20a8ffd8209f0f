"""What Mandarin rules share: amounts before measure words, signs, ranges."""

from glmtts.text.normalisation.rules import AMOUNT
from glmtts.text.numbers_zh import number

FREE = r"(?<![\dA-Za-z.^])(?<!\d,)"
SIGNED = rf"(?<![\dA-Za-z.)）^])(?<!\d,)[-−+±]?(?:{AMOUNT})"
# A hyphen after a tilde is the sign of the second number: -10~-5.
TO = r"\s?(?:[~～]{1,2}|[-–—－]{1,2}|至|到)\s?"
# Measure words before which 2 is 两.
COUNTED = (
    "个只条张本件位名次天周岁家间双套层座辆台部支枝棵颗朵片块根把份杯碗瓶盒包袋箱头匹口种点分秒"
    "时小倍元角毛步句首场门节排组对群批项亩吨米斤公厘毫平立海英千万亿人年成粒罐桶枚幅篇滴勺盘顿趟遍堂户束串"
)
# And these, where 2 is as often an ordinal (2回 two times, 第2回): what follows them then says so in the patterns.
_COUNTED_TOO = (
    "类|样|轮|局|回(?![应复])|扇|堵|道(?!观|家)|题|则|页|届|脚|刀|枪|下(?![午月周次])|班人|员大将|封|株|听(?!力)|捆|副(?!总|主|校|市|省)|艘|架(?!构)|所(?![以有谓需])|笔|宗|起(?!点|重)|伙|帮|刻|晚|夜|宿|餐|拳|段|"
    "章(?!\\d)|卷(?!第)|册|集(?!团|合)|季(?!度)|桌|国(?!道|语)|岸|行(?!星)|列(?!表|车)|尺|丈|公顷|顷|汤匙|茶匙|大(?!爷|妈|队|学|哥|叔)|小匙|卫(?!星|生)|卧|"
    "球|队(?!员|友|长)|尾|峰(?!会)|辈|栋|幢|顶|处(?!长|理|于)|壶|锅(?!头)|缸|剂|板(?!块)|款|阵|代人|国人|梯|方面|边|"
    "杆|挺|盏|具|丛|团(?!队|结|长|购)|出戏|档|"
    "拨(?![打款通给付号])|发(?=子弹|炮|导弹|火箭|弹)|炷|站(?=路|地铁|公交|就|[，。、；！？]|$)|窝|股(?=势力|力量|气|风|"
    "劲|绳|线|水|暗流|清流|味|香)|路(?=人马|纵队|大军|人|兵|诸侯)|摞|沓|屉|碟|瓣|缕|匙|帖(?!子)|针(?=疫苗|加强|就|"
    "[，。、；！？了的后]|$)|侧(?![面重卧翼耳目])|端(?![午正口着到来])|会(?=代表|期间|精神|召开|开幕|闭幕|热点)|广(?=地区|总督|一带)|"
    "湖(?=地区|两广)|坨|垛|筐|篓|坛(?!子)|钵|撮|绺|捧|圈(?![定内外子出起住])|笼(?!子|罩)|茬|垄(?!断)|簇|担(?![心任保负当])|叠(?!加)|"
    "柄|挂(?=鞭炮)|尊(?=佛|像|雕|菩萨)|波(?=攻击|疫情|行情|人|客人)|打(?=鸡蛋|啤酒|玫瑰|袜子)|床(?=被|棉被|毯)|"
    "面(?=镜|旗|锣|鼓|墙)|眼(?=[井泉])|味(?=药|中药)|桩|码事|席话|通(?=电话)|记(?=耳光|重拳|长传)"
)
# After 2 these are no measure words: 2次方程, 2元一次, 2分之一, 2人转.
_NOT_COUNTED = (
    "把手(?=[，。、；！？,;!?）)\\s的来去是说]|$)|次(?:方|元|函数|曲线|方程|型|根式|项|不等式|幂|谐波|污染|开发|创业|革命|利用|加工|世界大战|大战|验证|回收|确认)|元(?:[一二三1-3]次|论|化|酸|醇|函数)|分(?:之|法)|"
    "人转|本(?:线|院校|大学)|层楼板|年级|年生|门(?:洞|口)|口之家|部曲"
)
# Where 2 counts; behind 第, in lists of ordinals and in the places of seats and articles (第1、2题, 5排2座, 264条2款)
# it is an ordinal, and x=2处 is a value.
_ORDINAL_BEFORE = r"(?<![\d.A-Za-z第条排])(?<!第[\d一二三四五六七八九][、和与至到-])"
TWO_COUNTS = (
    rf"{_ORDINAL_BEFORE}(?:2(?!{_NOT_COUNTED})(?=[{COUNTED}])|(?<!等于)2(?={_COUNTED_TOO})|"
    r"(?<=全国)2(?=会(?![员议场计])))"
)
SCALE = r"[万亿千百]{0,2}"


def amount(written: str) -> str:
    """A number before something counted: 2 is 两, but 12 is 十二 and 2.5 二点五."""
    return "两" if written == "2" else signed(written)


def signed(written: str) -> str:
    """A number with any sign."""
    return number(written)


def spread(low: str, high: str | None, unit: str = "") -> str:
    """两到三, or one amount."""
    return f"{amount(low)}到{amount(high)}{unit}" if high else amount(low) + unit
