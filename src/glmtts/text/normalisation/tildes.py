"""Tildes that no rule of numbers has taken: a drawn-out word (你好呀~), a way (北京~上海), or about."""

import re

from glmtts.text.normalisation.currencies import SIGN
from glmtts.text.normalisation.rules import Rule

# An amount, a day or a time that a span begins with.
_AMOUNT_BEFORE = re.compile(r"[\d零一二三四五六七八九十百千万亿两半日天末初中底][一-鿿A-Za-z%％℃°/²³^]{0,4}\s?$")
_ABOUT = re.compile(r"(?<![\w)\]~])~\s?(?=\w)")
_LETTERS = re.compile(r"(?<![A-Za-z])([A-Z])[~～](?=[A-Z](?![A-Za-z]))")
_RUN = re.compile(r"\s?[~～]+\s*")
# A tilde between two of these is a way or a span; elsewhere in Mandarin it is the tone of a chat.
_ENDS = (
    "北京|上海|广州|深圳|天津|重庆|成都|杭州|南京|武汉|西安|苏州|长沙|郑州|青岛|大连|厦门|宁波|昆明|沈阳|济南|福州|合肥|南昌|"
    "贵阳|南宁|太原|石家庄|哈尔滨|长春|兰州|西宁|银川|拉萨|海口|三亚|呼和浩特|乌鲁木齐|香港|澳门|台北|东京|首尔|伦敦|纽约|"
    "巴黎|新加坡|幼儿园|小学|初中|高中|大学|初级|中级|高级|早上|上午|中午|下午|晚上"
)
_PLACE_BEFORE = re.compile(rf"(?:{_ENDS}|[站市县镇]|机场)$")
_PLACE_AFTER = re.compile(
    rf"(?:{_ENDS})|[一-鿿]{{1,4}}(?:[站市县镇]|机场)|"
    r"[一-鿿]{2,4}的?(?:高铁|动车|火车|列车|航班|航线|机票|车票|线路|路线|全程|往返|单程|专线)"
)


def _about(match: re.Match[str]) -> str:
    """~100 and 约~100 are about; the tilde of a span (3个~5个) stays for the rules of its numbers."""
    before = match.string[max(0, match.start() - 6) : match.start()]
    if _AMOUNT_BEFORE.search(before):
        return match[0]
    return "" if before.endswith("约") else "约"


BEFORE_NUMBERS: Rule = Rule(rf"[~～]\s?(?=(?:{SIGN})?\s?\.?\d)", _about)


def tildes_in_words(text: str, chinese: bool) -> str:
    """`text` without tildes: to, about, or a pause; none at the end of a text or before a mark."""
    text = _LETTERS.sub(r"\1到" if chinese else r"\1 to ", text)
    if not chinese:
        text = _ABOUT.sub("about ", text)
    return _RUN.sub(lambda match: _said(match, chinese), text)


def _said(match: re.Match[str], chinese: bool) -> str:
    before = match.string[max(0, match.start() - 4) : match.start()]
    after = match.string[match.end() : match.end() + 8]
    if not before or not re.match(r"\w", after):
        return " " if after else ""
    if not chinese:
        return ", "
    return "到" if _PLACE_BEFORE.search(before) and _PLACE_AFTER.match(after) else "，"
