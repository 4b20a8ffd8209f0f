"""Text files in whatever encoding: UTF-8, UTF-16, and what Chinese and Western Windows write.

Among those without a mark the one is taken in which most characters are usual ones, as the Chinese standards order
them. Libraries were measured beside this rule (benchmarks/text_encodings.py). Pages all of them read. Of GBK
greetings it reads 8 of 8 and of single lines 37 of 37, charset-normalizer 1 and 25 (also where UTF-16 is ruled out for
it), chardet 8 and 36, and of lines in UTF-16 12 of 37.
"""

import codecs
import io
import re
from pathlib import Path
from typing import BinaryIO, TextIO

from glmtts.errors import TextError

SAMPLE = 1 << 18  # bytes that decide; a page is enough, and UTF-8 is checked again as it is read
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# each with the standard that orders its characters by frequency; the first of equals is taken
OTHERS = {"gb18030": "gb2312", "big5hkscs": "big5", "cp1252": "", "utf-16-le": "", "utf-16-be": ""}
FREQUENT = {"gb2312": 0xD7, "big5": 0xC6}  # lead bytes up to these: marks and the frequent characters
LEAST_USUAL = 0.7  # share; novels have 0.97 and more in their own encoding, at most 0.5 in another
_LATIN = re.compile("[À-ÖØ-öø-ÿ‘’“”–—…£€©®°•]")
_WESTERN = re.compile(r"(?<=[A-Za-z ])[À-ÖØ-öø-ÿ](?![À-ÿ])|[‘’“”–—…£€©®°•]")
NO_TEXT = {
    b"PK\x03\x04": "a zip archive, such as docx, epub and odt are",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Word file",
    b"{\\rtf": "a rich text file",
    b"RIFF": "an audio file",
    b"ID3": "an audio file",
    b"OggS": "an audio file",
    b"fLaC": "an audio file",
}


def encoding_of(data: bytes, name: str, whole: bool = True) -> str:
    """The encoding of text, decided from its beginning; `whole` says that `data` is not cut.

    Raises:
        TextError: it is no text in an encoding that is known here.
    """
    for head, what in NO_TEXT.items():
        if data.startswith(head):
            raise TextError(f"{name} is {what}. Save it as plain text first.")
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return encoding
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=whole)
        # UTF-16 of English is valid UTF-8, every second byte of it zero
        if b"\0" not in data:
            return "utf-8"
    except UnicodeDecodeError:
        pass
    shares = {encoding: _share_of_usual(data, encoding) for encoding in OTHERS}
    best = max(shares, key=lambda encoding: shares[encoding])
    if shares[best] < LEAST_USUAL:
        raise _unknown(name)
    return best


def _share_of_usual(data: bytes, encoding: str) -> float:
    """How many of the signs beyond ASCII are usual ones; 0 where the bytes are not of this encoding."""
    try:
        # incremental, since a sample may end within a character
        text = codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return 0.0
    signs = [sign for sign in text if not sign.isascii()]
    if "\0" in text or not (signs or encoding.startswith("utf")):
        return 0.0
    if encoding == "cp1252":
        return len(_WESTERN.findall(text)) / len(signs)
    unicode = encoding.startswith("utf")
    standards = ("gb2312", "big5") if unicode else (OTHERS[encoding],)
    usual = sum(
        any(_is_usual(sign, standard) for standard in standards) or (unicode and _LATIN.match(sign) is not None)
        for sign in signs
    )
    return usual / len(signs) if signs else 1.0


def _is_usual(sign: str, standard: str) -> bool:
    try:
        return sign.encode(standard)[0] <= FREQUENT[standard]
    except UnicodeEncodeError:
        return False


def _unknown(name: str) -> TextError:
    return TextError(f"{name} is no text in UTF-8, UTF-16, GBK or Big5. Save it as UTF-8 first.")


def decoded(data: bytes, name: str) -> str:
    """Text from bytes in whatever encoding. Raises TextError as `encoding_of` does."""
    encoding = encoding_of(data[:SAMPLE], name, whole=len(data) <= SAMPLE)
    with _readable(data, encoding) as text:
        try:
            return text.read()
        except UnicodeError as error:
            raise undecodable(name, error) from None


def open_text(path: Path) -> TextIO:
    """A text file, opened in its encoding; reading on it may raise UnicodeError, see `undecodable`.

    Raises:
        TextError: it cannot be opened, or is no text in an encoding that is known here.
    """
    try:
        with path.open("rb") as file:
            data, cut = file.read(SAMPLE), bool(file.read(1))
        return path.open(encoding=encoding_of(data, str(path), whole=not cut))
    except OSError as error:
        raise TextError(f"{path} cannot be read: {error.strerror or error}. Give the path of a text file.") from None


def undecodable(name: str, error: UnicodeError) -> TextError:
    """What to say of text that turns out to have another encoding further on."""
    return TextError(f"{name} cannot be read to its end as text: {error}. Save it as UTF-8 first.")


def _readable(data: bytes, encoding: str) -> TextIO:
    raw: BinaryIO = io.BytesIO(data)
    return io.TextIOWrapper(raw, encoding=encoding)
