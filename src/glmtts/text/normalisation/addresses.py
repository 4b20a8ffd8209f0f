"""Addresses of pages, mail, files and machines as people read them out: example dot org slash help."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from glmtts.text import numbers_en, numbers_zh
from glmtts.text.normalisation.languages import Language

# Stands for an address while the text around it is put in words.
MASK = "\U00100000"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ENDINGS = (
    "com|org|net|edu|gov|mil|int|info|biz|app|dev|blog|xyz|tech|cloud|wiki|io|ai|co|tv|cc|fm|ly|gg|im|eu|uk|ca|au|nz|de|"
    "fr|es|nl|ch|se|fi|dk|pl|cz|pt|gr|ru|ua|cn|hk|tw|jp|kr|sg|my|th|vn|ph|br|mx|ar|za|il|tr|ae|"
    # endings that are no word which a sentence begins with, should its blank be forgotten
    "ie|hu|ro|bg|lt|lv|hr|sk|lu|cl|ng|gh|eg|sa|qa|pk|bd|lk|kz|eus|museum|photography|academy|agency|software|email|ventures|"
    "mobi|coop|asia|nyc|berlin|travel|technology"
)
# Endings that are words too: "so we did.it was" is no address, youtu.be/abc is one.
_WORDLIKE = "me|to|it|in|is|be|at|no|us|so|am|id|name|shop|site|online|store|top|page|news"
_FILES = (
    "txt|pdf|docx?|xlsx?|pptx?|csv|tsv|json|jsonl|xml|ya?ml|toml|html?|css|jsx?|tsx?|py|ipynb|rb|go|rs|java|cpp|sh|bat|exe|"
    "dll|zip|tar|gz|rar|7z|png|jpe?g|gif|svg|webp|mp3|mp4|wav|flac|ogg|avi|mov|mkv|md|log|ini|cfg|env|sql|db|bin|iso|apk"
)
# In small letters or in capitals, but not as the word that begins a sentence: "He did.Go home".
_EXTENSION = rf"(?:{_FILES}|{_FILES.upper()})"
# A file or a host with a Chinese name keeps it: 报告.docx, example.中国.
CHINESE_FILE = re.compile(
    rf"(?<=[一-鿿）】])\.(?={_EXTENSION}(?![A-Za-z0-9]))|"
    r"(?<=[A-Za-z0-9])\.(?=(?:中国|公司|网络|网址|香港|集团)(?![一-鿿]))"
)
_HOST = rf"(?:{_LABEL}\.){{1,8}}"
_END = r"(?![A-Za-z0-9])"
# What follows the host stops at a blank, a quote, a bracket or a Chinese sign; marks at its end belong to the sentence.
_REST = r"(?::\d{1,5})?(?:[/?#][^\s<>\"“”‘’（）《》「」【】，。！？；：、一-鿿|\\^`{}]{0,2000})?"
_MAIL = rf"(?:mailto:)?[A-Za-z0-9][A-Za-z0-9_.+-]{{0,63}}@{_HOST}[A-Za-z]{{2,}}"
_SCHEME = r"(?i:https?|ftps?|wss?|git|ssh|file)://"
# The names of papers, whose first part is a registrant's number: 10.1038/s41586-021-03819-2.
_DOI = r"10\.\d{4,9}/[A-Za-z0-9][^\s<>\"“”‘’（《》「」【】，。！？；：、一-鿿]{0,200}"
# Eight groups of sixteen bits, or fewer with "::" for those that are zero; C++ has a::b, so one has a digit.
_IPV6 = (
    r"(?<!:)(?=[0-9A-Fa-f:]{0,38}[0-9])(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|"
    r"(?:[0-9A-Fa-f]{1,4}:){1,6}(?::[0-9A-Fa-f]{1,4}){1,6}|:(?::[0-9A-Fa-f]{1,4}){1,7}|"
    r"(?:[0-9A-Fa-f]{1,4}:){1,7}:(?=/\d))(?:/\d{1,3})?(?![\w:])"
)
ADDRESS = re.compile(
    rf"(?<![A-Za-z0-9_.+-])(?:{_MAIL}"
    rf"|{_SCHEME}(?:[\w.+-]{{1,80}}@)?[^\s/?#<>\"“”，。！？；：、（）《》:一-鿿]{{1,255}}{_REST}"
    rf"|www\.{_HOST}[A-Za-z]{{2,}}{_REST}|{_HOST}(?:{_ENDINGS}){_END}{_REST}|{_HOST}(?:{_WORDLIKE})(?=/\w){_REST}"
    rf"|(?:\d{{1,3}}(?:\.\d{{1,3}}){{3}}|localhost)(?=[:/]\d){_REST}|{_DOI}|{_IPV6}"
    rf"|[A-Za-z0-9_][A-Za-z0-9_-]{{0,80}}(?:\.[A-Za-z0-9_-]{{1,20}}){{0,3}}\.{_EXTENSION}(?![A-Za-z0-9_-]|\.[A-Za-z0-9]))",
)
_TRAILING = ".,;:!?'*_~&"
# Sign: English, Mandarin.
SIGNS: dict[str, tuple[str, str]] = {
    ".": ("dot", "点"), "/": ("slash", "斜杠"), "-": ("dash", "杠"), "_": ("underscore", "下划线"), "@": ("at", " at "),
    "?": ("question mark", "问号"), "=": ("equals", "等于"), "&": ("and", "和"), "#": ("hash", "井号"),
    ":": ("colon", "冒号"), "+": ("plus", "加"), "%": ("percent", "百分号"), "~": ("tilde", "波浪号"),
    ",": ("comma", "逗号"),
    ";": ("semicolon", "分号"), "!": ("exclamation mark", "感叹号"), "*": ("star", "星号"), "$": ("dollar", "美元"),
}  # fmt: skip
# Labels of two letters that are words; others are read by their letters.
_SAID = frozenset([
    "my", "me", "go", "to", "in", "on", "at", "by", "up", "we", "it", "is",
    "do", "or", "so", "no", "be", "he", "if", "of", "an", "as", "am", "us",
])  # fmt: skip
_CODED = re.compile("(?:%[0-9A-Fa-f]{2})+")
_PRIVATE = re.compile("[\U000f0000-\U0010ffff]")  # the mask's planes, and those of inline controls
_PARTS = re.compile(r"[A-Za-z]+|[0-9]+|[^\sA-Za-z0-9]")


def take_addresses(text: str) -> tuple[str, list[str]]:
    """`text` with a mask for each address, and the addresses in order, without their %-codes.

    Punctuation after one stays outside it.
    """
    found: list[str] = []

    def mask(match: re.Match[str]) -> str:
        address = match[0].rstrip(_TRAILING)
        while address.endswith(")") and address.count(")") > address.count("("):
            address = address[:-1].rstrip(_TRAILING)
        if not address:
            return match[0]
        found.append(_CODED.sub(_decoded, address))
        return MASK + match[0][len(address) :]

    return ADDRESS.sub(mask, text.replace(MASK, "")), found


def _decoded(match: re.Match[str]) -> str:
    """What %-codes stand for; they must not bring in a character that means something here."""
    return _PRIVATE.sub("", unquote(match[0]))


def put_back(text: str, addresses: Iterator[str], language: Language) -> str:
    """`text` with the next addresses in words where the masks are."""
    if MASK not in text:
        return text
    gap = " " if language == "en" else ""
    return re.sub(f"{MASK}(?=(\\w)?)", lambda match: f"{gap}{spoken(next(addresses), language)}{gap}", text)


def spoken(address: str, language: Language) -> str:
    """An address in words; the protocol is left out, as people leave it out."""
    address = re.sub(rf"^(?:{_SCHEME}|mailto:)", "", address, flags=re.IGNORECASE).rstrip("/")
    which = 1 if language == "zh" else 0
    # groups of hexadecimal digits are no words, though they may look like some: fe80::cafe
    apart = " ".join(address) if re.fullmatch(_IPV6, address) else address
    words = [_part(part, which) for part in _PARTS.findall(apart)]
    return " ".join(words) if language == "en" else _closed(words)


def _part(part: str, which: int) -> str:
    if part.isdigit() and part.isascii():
        return numbers_zh.digits(part) if which else numbers_en.digits(part)
    if part in SIGNS:
        return SIGNS[part][which]
    if part.isascii() and part.isalpha() and _by_letters(part):
        return " ".join(part.lower())
    return part


def _by_letters(label: str) -> bool:
    """Whether a short label is no word; one without a vowel is read by its letters anyway."""
    small = label.lower()
    return small not in _SAID and bool(re.search("[aeiou]", small)) and (len(small) == 2 or label in ("API", "FAQ"))


def _closed(words: list[str]) -> str:
    """Blanks only between Latin words: example点com."""
    text = ""
    for word in words:
        text += (
            " " if text[-1:].isalnum() and text[-1:].isascii() and word[0].isascii() and word[0].isalnum() else ""
        ) + word
    return text
