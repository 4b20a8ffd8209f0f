"""No text is lost without a word: texts of real fragments, and work that grows no faster than the text."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glmtts.errors import TextError
from glmtts.text.accents import without_accents
from glmtts.text.frontend import TextConfig, TextFrontend
from glmtts.text.normalise import normalise
from tests.text.test_fuzz import count_calls
from tests.tiny import tiny_tokenizer

# Each fragment with what must be heard of it, in order; … stands for anything between.
BOOKS = {
    "Call me Ishmael. Some years ago--never mind how long precisely": "call me ishmael some years ago never "
    "mind how long precisely",
    "“Bah!” said Scrooge, “Humbug!”": "bah said scrooge humbug",
    "It was a bright\ncold day in April": "it was a bright cold day in april",
    "_Down_ the Rabbit-Hole": "down the rabbit hole",
    "满纸荒唐言，一把辛酸泪！": "满纸荒唐言一把辛酸泪",
    "　　话说天下大势，分久必合，合久必分。": "话说天下大势分久必合合久必分",
    "却说——那猴王": "却说那猴王",
    "naïve Zoë ate crème brûlée": "naive zoe ate creme brulee",
}
CHATS = {
    "lol ok 😂 see you @ 7:30pm": "lol ok see you at seven thirty p m",
    "@anna #monday mood": "at anna hashtag monday mood",
    "我到啦～等你哦😊": "我到啦等你哦",
    "brb, 5 min!!!": "brb five minutes",
    "哈哈哈666": "哈哈哈六六六",
    "send it to max@mail.example.com pls": "send it to max at mail dot example dot com please",
    "AA制，每人35块": "aa制每人三十五块",
    "u r gr8": "u r great",
}
TABLES = {
    "| Name | Age |\n|------|-----|\n| Kim | 42 |": "name age kim forty two",
    "品名\t单价\n苹果\t￥5": "品名单价苹果五元",
    "Rent....$900": "rent nine hundred dollars",
    "A,B,C\n10,20,30": "a b c ten twenty thirty",
}
CODE = {
    "```python\nprint('Hello', 42)\n```": "python print hello forty two",
    "if (total >= 10) { return total; }": "if total is greater than or equal to ten return total",
    '{"name": "Kim", "items": [7, 8]}': "name kim items seven eight",
    "<Button onClick={go}>Save</Button>": "button onclick equals go save button",
    "const first = list[0] ?? null;": "const first equals list zero null",
    "SELECT name FROM users WHERE id = 7": "select name from users where id equals seven",
    r"\frac{a}{b} + \sqrt{x}": "frac a b plus sqrt x",
    "{x|x>0}": "x x is greater than zero",
    "for i in range(10):": "for i in range ten",
    "Dear {{first_name}},": "dear first name",
}
MARKDOWN = {
    "## Getting **started**": "getting started",
    "1. First\n2. Second": "one first two second",
    "- [ ] call `home`": "call home",
    "See [the guide](https://example.com/a_(b)).": "see the guide",
    "![a red kite](kite.png)": "a red kite",
    "> quoted *words*": "quoted words",
    "* 列表一\n* 列表二": "列表一列表二",
    "***bold*** and ~~gone~~": "bold and gone",
    "Read https://example.org/docs now": "read example dot org slash docs now",
}
SIGNS = {
    "① 打开 → ② 关闭": "一打开到二关闭", "√2 ≈ 1.41": "square root of two is about one point four one",
    "50% off – only €9": "fifty percent off only nine euros", "§ 12": "section twelve",
    "温度：-5℃": "温度零下五摄氏度", "Привет, world": "world", "ﬁne Ｗｉｄｅ 𝐁𝐨𝐥𝐝": "fine wide bold",
    "Tom &amp; Jerry&nbsp;Ltd": "tom and jerry ltd", "１２３个": "一百二十三个",
}  # fmt: skip
FRAGMENTS = [BOOKS, CHATS, TABLES, CODE, MARKDOWN, SIGNS]
CHOSEN = st.lists(
    st.sampled_from(FRAGMENTS).flatmap(lambda kind: st.sampled_from(sorted(kind.items()))), min_size=1, max_size=6
)


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend(TextConfig(polyphones_in_context=False, max_characters=2 * 10**6), tiny_tokenizer())


def letters(text: str) -> str:
    return "".join(sign for sign in without_accents(text).lower() if sign.isalnum())


@pytest.mark.parametrize(("written", "heard"), [pair for kind in FRAGMENTS for pair in kind.items()])
def test_fragments_are_heard_whole(written: str, heard: str) -> None:
    assert letters(normalise(written)) == letters(heard)


@given(CHOSEN)
@settings(max_examples=200, deadline=None)
def test_every_letter_is_spoken_or_named(frontend: TextFrontend, chosen: list[tuple[str, str]]) -> None:
    # Numbers in a fragment without words of its own are read as the text around it is.
    text = "\n\n".join(written for written, _ in chosen)
    pieces = frontend.prepare(text)
    said = letters("".join(piece.written for piece in pieces))
    position = 0
    for written, heard in chosen:
        found = [said.find(letters(reading), position) for reading in (heard, normalise(written, "zh"))]
        assert max(found) >= 0, (written, heard, [piece.text for piece in pieces])
        position = max(found)
    unreadable = re.findall(r"[Ѐ-ӿ]+", text)
    assert len(pieces[0].warnings) == bool(unreadable)
    assert all(word in pieces[0].warnings[0] for word in unreadable)


@pytest.mark.parametrize(
    "script", ["Привет", "こんにちは", "안녕하세요", "مرحبا", "שלום", "Ελληνικά", "ไทย", "हिन्दी", "ㄅㄆㄇ"]
)
def test_other_scripts_are_named_once(frontend: TextFrontend, script: str, caplog: pytest.LogCaptureFixture) -> None:
    pieces = frontend.prepare(f"Hello {script}. Again {script}!")
    assert [len(piece.warnings) for piece in pieces] == [1] + [0] * (len(pieces) - 1)
    assert script[0] in pieces[0].warnings[0]
    assert [record.message for record in caplog.records] == list(pieces[0].warnings)
    with pytest.raises(TextError, match=script[0]):
        frontend.prepare(script)


UNITS = ["1", "1,", "1.", "1:", "1/", "1-", "a@", "a.", "((", "[](", "{a|", "<a ", "&a;", "| ", "a\n", "字\n", "- a\n",
         "www.", "http://", "x^", "½", "A.B.", "Mr. ", "Jan ", "2020-", "\t", "¼1", "$1-", "…", "I read 2 books. ",
         "今天3点去银行，", "1+…", "(°□", "nǐ ", "hǎoā", "'a ", "#字", "6-4，", "2mg/kg·d", "+1 ", "1/1s", "No. 1-",
         "|x|", ":a_", "CO2·", "2大"]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_time_grows_no_faster_than_the_text(frontend: TextFrontend, unit: str) -> None:
    """Eight times the text takes eight times as many calls, not 64 times."""

    def prepare(length: int) -> None:
        text = (unit * (length // len(unit) + 1))[:length]
        try:
            frontend.prepare(text)
        except TextError:
            normalise(text)

    prepare(500)
    short, long = count_calls(lambda: prepare(500)), count_calls(lambda: prepare(4000))
    assert long <= 12 * short + 2000
