"""Mandarin numbers that sound like words or are names of shops: 520领证, 5201314, 233333, 7-11, 1688网站."""

from glmtts.text.normalisation.rules import Rule
from glmtts.text.numbers_zh import digits

_LOVE = (
    r"(?:领证|那天|当天|这天|这一天|快乐|表白|告白|求婚|情人节|礼物|红包|活动|文案|约会|爱你|我爱你|向[你她他女男]|"
    r"，?一生一世)"
)
RULES: list[Rule] = [
    Rule(r"(?<![\d.,])5201314(?![\d.,]|[元块个人])", lambda m: digits(m[0])),
    Rule(rf"(?<![\d.,第共有约达])(?:520|1314)(?={_LOVE})|(?<=图个)1314", lambda m: digits(m[0])),
    # laughter, as long as it lasts
    Rule(
        r"(?:(?<=[哈啊呵嘿笑了，。！？\s])|(?<=^))23{3,12}(?![\d.,:%/-]|[一-鿿])", lambda m: digits(m[0]), needs="233"
    ),
    # a shop, no span
    Rule(
        r"(?<!\d)7-11(?=便利|店|超市|买|门口|打工|关东煮|饭团|便当|的(?:饭团|便当|关东煮|咖啡|店))|"
        r"(?:(?<=[去逛])|(?<=[楼]下)|(?<=一家))7-11(?![\d.:：月日号岁天点个人年])",
        lambda m: "七十一",
        needs="7-11",
    ),
    Rule(
        r"(?<![\d.,])1688(?=网站?|平台|批发|采购|货源|进货|代发|官网|店铺|上[买进下批]|APP)",
        lambda m: digits(m[0], one="幺"),
        needs="1688",
    ),
]
