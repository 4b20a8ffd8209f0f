"""What of an arriving text is spoken when: sentences, then clauses, then words; never half a control."""

import asyncio

import pytest

from glmtts.server import incoming
from glmtts.server.errors import ApiError
from glmtts.server.incoming import Incoming, last_clause, last_word
from tests.text.test_fuzz import count_calls

CLAUSE, WORDS = 0.05, 0.2


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "CLAUSE_SECONDS", CLAUSE)
    monkeypatch.setattr(incoming, "WORDS_SECONDS", WORDS)


@pytest.mark.parametrize(
    ("text", "clause", "word"),
    [
        ("It was late, and the ra", "It was late,", "It was late, and the "),
        ("Well, he sa", "", "Well, he "),
        ("这家店今天没有开门，所以我们去了另一家", "", "这家店今天没有开门，所以我们去了另一家"),
        ("这家店今天真的没有开门，所以wor", "这家店今天真的没有开门，", "这家店今天真的没有开门，所以"),
        ("One thousand is 1,000", "", "One thousand is "),
        ("unfinishe", "", ""),
        ("  ", "", ""),
        ("We walk to the {行|xing2 ", "", "We walk to the "),
        ('We saw <phoneme alphabet="pinyin" ph="hang2">行</ph', "", "We saw "),
        ("We waited <break time=", "", "We waited "),
        ("We waited <brea", "", "We waited "),
        ("We waited <", "", "We waited "),
        ("It is {Siobhan", "", "It is "),
        ("It is {New York Ci", "", "It is "),
        ("It is {read|R EH1 D", "", "It is "),
        ("他在{银行", "", "他在"),
        ("See <!-- not this, ", "", "See "),
        ("See <a href='x' title=", "", "See "),
        # what can become no control
        ("I think 3 < 5 and so on we go fur", "", "I think 3 < 5 and so on we go "),
        ("I <3 you all, and he sa", "I <3 you all,", "I <3 you all, and he "),
        ("用户输入a<b，然后程序继续运行", "", "用户输入a<b，然后程序继续运行"),
        ("Where a <b then we sto", "", "Where a <b then we "),
        ("Look {at this and so on we go fur", "", "Look {at this and so on we go "),
        ("看{这个东西真的是非常好", "", "看{这个东西真的是非常好"),
        ("Of {x|x is no more than te", "", "Of {x|x is no more than "),
        ("Visit <a href and so on, the", "Visit <a href and so on,", "Visit <a href and so on, "),
        ("One line<br> and one more, and an", "One line<br> and one more,", "One line<br> and one more, and "),
        ("It is <b>very late, and the ra", "It is <b>very late,", "It is <b>very late, and the "),
        ('Late <break time="1s"> and the ra', "", 'Late <break time="1s"> and the '),
        (
            'We waited <break time="1s"/> long, too',
            'We waited <break time="1s"/> long,',
            'We waited <break time="1s"/> long, ',
        ),
    ],
)
def test_where_clauses_and_words_end(text: str, clause: str, word: str) -> None:
    assert text[: last_clause(text)] == clause
    assert text[: last_word(text)] == word


def taken(text: str, ahead: float = 0.0, more: str = "", after: float = 0.0) -> tuple[str, float]:
    """What is spoken first, and after how long; `more` comes `after` some seconds."""

    async def first() -> tuple[str, float]:
        waiting, clock = Incoming(1000), asyncio.get_running_loop().time
        waiting.add(text)
        started = clock()
        if more:
            asyncio.get_running_loop().call_later(after, waiting.add, more)
        part = await asyncio.wait_for(waiting.next(ahead), 20)
        return "".join(sentence.raw for sentence in part), clock() - started

    return asyncio.run(first())


def test_a_whole_sentence_is_spoken_at_once() -> None:
    part, waited = taken("It was late, and dark. And")
    assert (part, waited < CLAUSE) == ("It was late, and dark.", True)


def test_a_clause_is_spoken_before_its_sentence_ends() -> None:
    part, waited = taken("It was late, and")
    assert part == "It was late,"
    assert CLAUSE <= waited < WORDS


def test_words_are_spoken_after_a_time() -> None:
    part, waited = taken("and then he walk")
    assert part == "and then he "
    assert waited >= WORDS


def test_who_still_has_audio_waits_for_the_sentence() -> None:
    part, waited = taken("It was late, and", ahead=1.0, more=" dark. And", after=0.4)
    assert part == "It was late, and dark."
    assert waited >= 0.4


def test_time_counts_from_the_first_unspoken_character() -> None:
    async def late() -> float:
        waiting, clock = Incoming(1000), asyncio.get_running_loop().time
        asyncio.get_running_loop().call_later(2 * WORDS, waiting.add, "and then he walk")
        started = clock()
        await asyncio.wait_for(waiting.next(), 20)
        return clock() - started

    assert asyncio.run(late()) >= 3 * WORDS


def test_a_word_that_grows_is_waited_for() -> None:
    part, _ = taken("unfin", more="ished bu", after=2 * WORDS)
    assert part == "unfinished "


def test_what_will_be_spoken_counts_as_waiting() -> None:
    async def waits(text: str) -> bool:
        waiting = Incoming(1000)
        waiting.add(text)
        return waiting.waiting

    assert asyncio.run(waits("and then")) and asyncio.run(waits("End."))
    assert not asyncio.run(waits("unfinishe")) and not asyncio.run(waits(""))


def test_the_work_on_marks_grows_as_the_text_does() -> None:
    """A client may send a character a message, and after each one it is looked where to cut."""
    for text in ("好" * 1000, "<a>" * 400, "{" * 1000, "a < b " * 200, "{行|xing2}" * 100):
        short, long = (count_calls(lambda part=text * n: (last_word(part), last_clause(part))) for n in (1, 8))
        assert long <= 12 * short + 200


def test_no_text_is_lost_after_the_end() -> None:
    async def test() -> None:
        arriving = Incoming(100)
        arriving.add("One. ")
        arriving.flush(ended=True)
        arriving.add("")
        with pytest.raises(ApiError, match="The text has ended"):
            arriving.add("Two")

    asyncio.run(test())
