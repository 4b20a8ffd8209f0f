"""What is never spoken leaves a text: tags, entities, the marks of Markdown inside a line, emoji, controls."""

import html
import re
import unicodedata

from glmtts.text.normalisation.addresses import MASK
from glmtts.text.normalisation.formulas import ABSOLUTE
from glmtts.text.normalisation.symbols import SYMBOLS
from glmtts.text.placeholders import is_placeholder

_INLINE_TAGS = (
    "a|abbr|acronym|b|bdi|bdo|big|cite|code|data|del|dfn|em|emphasis|font|i|img|ins|kbd|label|lang|mark|p|prosody|q|s|samp|"
    "small|span|speak|strike|strong|style|time|tt|u|var|video|audio|voice|w|sub|center|nobr|wbr|o:p"
)
_BLOCK_TAGS = (
    "address|article|aside|blockquote|body|br|dd|div|dl|dt|figcaption|figure|footer|form|h[1-6]|head|header|hr|html|li|main|"
    "nav|ol|option|p|pre|section|select|table|tbody|td|tfoot|th|thead|title|tr|ul|sentence"
)
_ATTRIBUTES = r"(?:\s+[\w:-]+(?:\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>=]{1,200}))?)*\s*/?"
_TAG = re.compile(
    rf"<(?P<end>/?)(?:(?P<block>{_BLOCK_TAGS})|(?P<inline>{_INLINE_TAGS}))\b{_ATTRIBUTES}>", re.IGNORECASE
)
# Tags of other languages (JSX, generics) and the ends of unknown ones keep their names, not their brackets.
_NAMED_TAG = re.compile(
    r"(?:^|(?<=[\s>(\w]))<([A-Z][\w.]*(?:[ ,][^<>]{0,200})?)/?>|</([A-Za-z][\w.:-]*)"
    r"\s*>",
    re.MULTILINE,
)
# What a reader shall fill in or do (Dear <first name>, <laugh>) is read as its words; a < b > c compares.
_BLANK_TO_FILL = re.compile(r"<([A-Za-z]{3,20}(?:[ _-][A-Za-z]{3,20}){0,3})>")
_RAISED = re.compile(r"<sup>\s*([^<>]{1,20})\s*</sup>", re.IGNORECASE)
# Bounded, so that the work stays linear in a text of openings that nothing closes.
_COMMENT = re.compile(r"<!--(?:[^-]|-(?!->)){0,2000}-->")
# What stands before the first element of a document (<?xml …?>, <!DOCTYPE …>), instructions for programs, and the
# tags of its head, which have no words.
_PROLOGUE = re.compile(
    r"<\?[A-Za-z](?:[^?]|\?(?!>)){0,1000}\?>|<\?xml\b[^<>]*>"
    r"|<(?:meta|link|base|lexicon)\s[^<>=]{0,200}=[^<>]{0,1000}>"
    r"|<!DOCTYPE\b[^<>\[\]]{0,1000}(?:\[[^\[\]]{0,4000}\]\s*)?>",
    re.IGNORECASE,
)
# A text in parts may be cut inside one, so that its ends come alone.
_CDATA = re.compile(r"<!\[CDATA\[(.{0,4000}?)\]\]>|<!\[CDATA\[", re.DOTALL)
_CDATA_END = re.compile(r"\]\]>(?=\s*(?:</[A-Za-z]|$))")
ENTITY = r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30})"  # without its semicolon
_ENTITY = re.compile(f"{ENTITY};")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\(\s*<?[^()\s<>]*(?:\([^()\s]*\)[^()\s<>]*)?>?(?:\s+\"[^\"]*\"|\s+'[^']*')?\s*\)")
_REFERENCE = re.compile(r"\[([^\[\]]+)\]\[[^\[\]]*\]")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^\s<>]+|[\w.+-]+@[\w.-]+)>", re.IGNORECASE)
# Emphasis ends beside a letter or mark; a lone asterisk between numbers is a product.
_EMPHASIS = re.compile(
    r"(?<![\d\s])\*+(?!\w)|(?<!\w)\*+(?=[^\s\d*])|\*{2,}|(?<=[^\s*])\*+(?=[^\s\d*])(?<!\d\*)"
    r"|`+|(?<![A-Za-z0-9])_+|_+(?![A-Za-z0-9])|~~+|\^\[\d+\]|\\(?=[*_`#\[\]()~>|.!-])"
)
# Faces of typed marks (:-) ;P ^_^ T_T) that stand alone; "(see :(" with words beside it is none.
# A heart is no comparison at the end of a line: <3, but "if x <3" compares.
_FACE = re.compile(
    r"(?<![^\s一-鿿。！？，、!?.,~])(?:<[/\\]?3+(?=[\s!.]*$)(?<!\b[A-Za-z]\s<3)|xD(?=[\s!.]*$)|:[a-z][a-z_]{1,24}[a-z]:|[:;=]['’]?[-o^]?[)(DPp*|\]\[]+|[:;]-?[/\\]|\(?\^[_.-]{0,2}\^;*\)?|[TOQ]_+[TOQ]"
    r"|-_+-[|#]*|>[_.]<)(?![^\s。！？，、!?.,~])"
)
# Faces of Japan stand in brackets: none of their signs is one of a text, (≧▽≦) and (╯°□°）╯︵ ┻━┻.
_EYES = "□▽‿︶◡゜゚◕ಠ⌒⊙╯╰╭╮﹏Дд益ω∀≧≦￣`´｀·･・^＾>＞<＜;；_—￢¬๑•̀́ノ"
_KAOMOJI = re.compile(
    r"[ヽ乁٩\\]?[(（]\s?(?=[^()（）\n]{0,10}[□▽‿︶◡゜◕ಠ⌒⊙╯╰﹏Д益∀≧≦￣･・＾^_>＞]|[^()（）\n]{0,8}ω[^\w\s]|°[〇oO]|•̀)"
    r"(?:[^()（）\w\s]|[ωДд益oOTvu3ಠ_〇ㅂ]){2,12}\s?[)）](?:[ノﾉ۶ゞ╯／/و]+|b(?!\w))?(?:\s?︵\s?[┻━┳]+)?"
)
_POWER = re.compile(r"(?<=\d)\*\*(?=\d)")
_PRODUCT = re.compile(r"(?<=(?<![A-Za-z*])[A-Za-z])\s?\*\s?(?=[A-Za-z](?![A-Za-z*]))")
_DROPPED = ("So", "Sk", "Cn", "Co", "Cs", "Cf", "Mn", "Me")
_KEPT = frozenset(SYMBOLS) | {"★", "☆", "⭐"}


def without_tags(text: str) -> str:
    """`text` with entities decoded and without tags; those that part a page into lines become line ends."""
    if "]]>" in text:
        text = _CDATA_END.sub("", text)
    if "<" in text:
        text = _without_declarations(text)
        text = _RAISED.sub(lambda match: f"^{match[1]}" if match[1].strip("-+").isdigit() else match[1], text)
        text = _TAG.sub(_break, _AUTOLINK.sub(lambda match: match[1], text))
        text = _NAMED_TAG.sub(lambda match: f" {match[1] or match[2]}, ", text)
        text = _BLANK_TO_FILL.sub(lambda match: f" {match[1]} ", text)
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


def _without_declarations(text: str) -> str:
    """`text` without comments and the head of a document; CDATA is text, whose signs open no tags."""
    text = _CDATA.sub(lambda match: html.escape(match[1] or "", quote=False), text)
    return _PROLOGUE.sub(" ", _COMMENT.sub(" ", text))


def _break(match: re.Match[str]) -> str:
    tag = (match["block"] or "").lower()
    if not tag:
        # a sentence of SSML, or what is struck out of HTML: what follows is apart from it
        return " " if match["end"] and match["inline"].lower() == "s" else ""
    if tag[0] == "h" and tag[1:].isdigit():
        return "\n\n" if match["end"] else "\n\n# "
    if tag == "li" and not match["end"]:
        return "\n- "
    if tag in ("td", "th"):
        return ", " if match["end"] else ""
    return "\n" if tag in ("br", "tr", "dt", "dd", "option", "li") else "\n\n"


def without_marks(line: str) -> str:
    """A line without the marks of links, emphasis and code; the cells of a table are set apart."""
    if "](" in line or "][" in line:
        line = _REFERENCE.sub(lambda match: match[1], _LINK.sub(lambda match: match[1], line))
    line = _FACE.sub(" ", _KAOMOJI.sub(" ", line))
    # powers and products first: their asterisks would go with those of emphasis
    line = _EMPHASIS.sub("", _PRODUCT.sub("×", _POWER.sub("^", line)))
    if ABSOLUTE.search(line):
        return line  # |x| is no row of a table
    return line.strip("| ").replace("\t", " | ") if "|" in line or "\t" in line else line


def speakable(text: str) -> str:
    """`text` without emoji, unspoken symbols and controls; any blank is a plain one."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(sign if sign.isalnum() else _plain(sign) for sign in text)


def _plain(sign: str) -> str:
    if " " <= sign < "\x7f" or sign in _KEPT or sign == MASK or is_placeholder(sign):
        return sign
    category = unicodedata.category(sign)
    if category in _DROPPED:
        return ""
    return " " if category in ("Cc", "Zl", "Zp", "Zs") and sign not in "\u202f\u2009" else sign
