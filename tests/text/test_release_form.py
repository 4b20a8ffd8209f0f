"""What the released weights read is what the release would have written, but for the values that it gets wrong."""

import json
from pathlib import Path

import pytest

from glmtts.text.normalise import is_chinese, normalise
from glmtts.text.release_form import release_form

WRONG_THERE = {
    "#hashtag @user": "reads the first half of a word twice",
    "100—200米": "loses the word between two numbers",
    "24/7": "reads a fraction",
    "500-1000元": "reads minus for a range",
    "10%-15% more": "joins two numbers",
    "客服热线：400-800-8888": "reads a telephone number as a subtraction",
    "我的QQ是12345678": "reads a number of an account as a quantity",
    "Call me at 555-1234, or e-mail a.b@c.com!": "reads a telephone number as a range",
    "他花了￥1,280.50买了3kg苹果。": "cuts an amount at its comma",
    "气温-5℃到12℃": "loses the minus",
    "x²+y²=z²": "reads powers as zero",
    "x > y": "loses the comparison",
    "面积25㎡": "leaves the unit to the model",
    "@小明 #话题#": "leaves a sign to the model",
    "邮箱是abc@qq.com": "puts a full stop into an address",
    "[link](http://x.y) text": "reads the marks of Markdown",
    "[link](http://x.y)": "reads the marks of Markdown",
    "* bullet": "reads the mark of a list",
}
AS_GOOD = {
    'He said "yes" (finally).': "a pause at brackets",
    "【通知】明天放假": "a pause at brackets",
    "他（她）来了": "a pause at brackets",
    "You're absolutely killing it! Keep going—nothing can stop you!": "a pause at a dash",
    "哈哈哈哈～太好笑了~~~": "no pause at a tilde",
    "咯咯地笑，走咯！": "another character for the same particle",
    "噢！我知道了": "another character for the same interjection",
    "The meeting is at 10:30 a.m. on March 5th, 2024.": "March fifth for the fifth of March",
    "Version 2.0.1 was released in Q4.": "zero for oh",
    "1,234,567 people": "no and in a number",
}


def lines(parity: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (parity / "release_text.jsonl").read_text(encoding="utf-8").splitlines()]


def written(text: str) -> str:
    return release_form(normalise(text, "zh" if is_chinese(text) else "en"))


def test_all_but_the_listed_texts_are_written_alike(parity: Path) -> None:
    different = {line["text"] for line in lines(parity) if written(line["text"]) != line["normalised"]}
    assert different == WRONG_THERE.keys() | AS_GOOD.keys()


@pytest.mark.parametrize(
    ("hybrid", "wanted"),
    [
        ("You did it! Ready?", "you did it. ready?"),
        ("OK", "ok."),
        ("你好", "你好。"),
        ("真的吗？？", "真的吗?"),
        ("他说：“好的……我知道了”", "他说，好的。我知道了。"),
        ("我<|ZH|><|ANG3|>", "我<|ZH|><|ANG3|>。"),
        ("三点、四点；五点", "三点，四点，五点。"),
        ("one; two: three", "one; two: three."),
        ("停顿——再说", "停顿，再说。"),
        ("at ten a m", "at ten am."),
    ],
)
def test_marks(hybrid: str, wanted: str) -> None:
    assert release_form(hybrid) == wanted
    assert release_form(wanted) == wanted
