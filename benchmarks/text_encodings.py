"""Which encoding a text file has: the package's rule beside charset-normalizer and chardet.

    python benchmarks/text_encodings.py

Texts of the tests, in every encoding that can write them: single lines, pages of eight lines, the whole. Each way
comes after marks and strict UTF-8, as in `glmtts.text.encodings`, and chooses among the same encodings. A text counts
as read where the characters come out as they were. Texts in Shift-JIS, EUC-JP, EUC-KR and KOI8-R should be refused.
Results go to benchmarks/results/encodings.json.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import opencc
from report import environment, write_result

from glmtts.errors import TextError
from glmtts.programs import run_program
from glmtts.text.encodings import OTHERS, encoding_of

TESTS = Path(__file__).parents[1] / "tests" / "text"
GREETINGS = ["你好", "再见", "早上好。", "谢谢你", "今天天气很好", "“好。”", "第一章", "晚安，妈妈！"]
WESTERN = [
    "It’s a café – “naïve” prices of £5.",
    "Überall können schöne Gärten blühen, sagte sie.",
    "Le garçon a mangé la crème brûlée à l’hôtel.",
    "El niño pequeño comió piñas en la mañana.",
    "São Paulo é uma cidade muito grande, não é?",
    "Smörgåsbord på svenska är gott.",
    "Zoë said: ‘Don’t.’",
    "The temperature was 20 °C in the château.",
    "façade",
    "déjà vu",
]
FOREIGN = {
    "shift_jis": [
        "今日はとても良い天気ですね。",
        "こんにちは、世界。",
        "彼女は図書館で本を読んでいます。",
        "ありがとう",
    ],
    "euc_jp": ["今日はとても良い天気ですね。", "こんにちは、世界。", "彼女は図書館で本を読んでいます。", "ありがとう"],
    "euc_kr": ["오늘은 날씨가 아주 좋습니다.", "안녕하세요, 여러분.", "그는 도서관에서 책을 읽고 있다.", "감사합니다"],
    "koi8_r": ["Сегодня хорошая погода.", "Добрый день, друзья.", "Она читает книгу в библиотеке.", "Спасибо"],
}
Way = Callable[[bytes], str | None]


def lines_of(*names: str) -> list[str]:
    """The first columns of the tests' tables, every sixteenth of those with characters beyond ASCII."""
    rows = (row for name in names for row in (TESTS / name).read_text(encoding="utf-8").splitlines())
    return [text for row in rows if (text := row.split("\t")[0].strip()) and not text.isascii()][::16]


def cases() -> Iterator[tuple[str, str, str]]:
    """Kind, text and encoding; a kind is what the text is, how long, and its encoding."""
    simplified = [*lines_of("normalisation_zh.tsv", "data/cases_zh.tsv"), *(TESTS / "data/chapter_zh.txt").open()]
    traditional = [opencc.OpenCC("s2t").convert(text) for text in simplified]
    sets = {
        "simplified": (GREETINGS, simplified, ("gbk", "gb18030", "utf-16-le", "utf-16-be")),
        "traditional": ([], traditional, ("big5", "utf-16-le", "utf-16-be")),
        "western": ([], WESTERN, ("cp1252", "latin-1", "utf-16-le", "utf-16-be")),
    }
    for language, (greetings, lines, encodings) in sets.items():
        pages = ["\n".join(lines[start : start + 8]) for start in range(0, len(lines), 8)]
        for length, texts in {"greeting": greetings, "line": lines, "page": pages, "all": ["\n".join(lines)]}.items():
            yield from ((f"{language} {length} {one}", text, one) for one in encodings for text in texts)
    for encoding, texts in FOREIGN.items():
        yield from ((f"foreign {encoding}", text, encoding) for text in [*texts, "\n".join(texts * 10)])


def rule(data: bytes) -> str | None:
    """The package's."""
    try:
        return encoding_of(data, "it")
    except TextError:
        return None


def normalizer(threshold: float, others: bool = False, by_nul: bool = False) -> Way:
    """charset-normalizer's, choosing among the same encodings; with `others` also among those to be refused.

    `by_nul`: among UTF-16 where there is a byte of 0, which only ASCII in UTF-16 has, and among the rest elsewhere.
    """
    from charset_normalizer import from_bytes

    names = [one.replace("-", "_") for one in (*OTHERS, *(FOREIGN if others else ()))]

    def way(data: bytes) -> str | None:
        among = [one for one in names if not by_nul or one.startswith("utf") == (b"\0" in data)]
        found = from_bytes(data, cp_isolation=among, threshold=threshold, enable_fallback=False).best()
        return found.encoding if found and found.encoding not in FOREIGN else None

    return way


def chardet() -> Way:
    """chardet's, from version 7, which need not be installed."""
    from chardet import detect

    names = [*OTHERS, "gbk", "gb2312", "big5"]

    def way(data: bytes) -> str | None:
        found = detect(data, include_encodings=names, prefer_superset=True, compat_names=False)
        encoding = str(found["encoding"] or "")
        return encoding if encoding.replace("_", "-") in names else None

    return way


def read(way: Way, data: bytes) -> str | None:
    """The text as a way reads it; None where it refuses."""
    encoding = way(data)
    try:
        return data.decode(encoding) if encoding else None
    except (LookupError, UnicodeDecodeError):
        return None


def measured(way: Way) -> dict[str, object]:
    """Per kind the cases that came out right, of all; the seconds that all took."""
    right: dict[str, list[int]] = {}
    begun = time.perf_counter()
    for kind, text, encoding in cases():
        try:
            data = text.encode(encoding)
        except UnicodeEncodeError:
            continue
        count = right.setdefault(kind, [0, 0])
        found = read(way, data)
        count[0] += found is None if kind.startswith("foreign") else found == text
        count[1] += 1
    sums = [sum(count[place] for kind, count in right.items() if not kind.startswith("foreign")) for place in (0, 1)]
    shown = {kind: f"{good}/{every}" for kind, (good, every) in right.items()}
    return {"read": f"{sums[0]}/{sums[1]}", "seconds": round(time.perf_counter() - begun, 1), **shown}


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    ways: dict[str, Way] = {"rule": rule}
    ways["charset-normalizer"] = normalizer(0.2)  # its default
    ways["charset-normalizer, threshold 0.9"] = normalizer(0.9)
    ways["charset-normalizer, threshold 0.9, UTF-16 by bytes of 0"] = normalizer(0.9, by_nul=True)
    ways["charset-normalizer, threshold 0.9, among others too"] = normalizer(0.9, others=True)
    with suppress(ImportError):
        ways["chardet"] = chardet()
    write_result("encodings", {**{name: measured(way) for name, way in ways.items()}, **environment()})


if __name__ == "__main__":
    run_program(main)
