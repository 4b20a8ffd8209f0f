"""Readings in sentences: users' complaints in both languages, both scripts, words, grammar, capitals."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glmtts.text.frontend import TextConfig, TextFrontend
from glmtts.text.grammar import tables
from glmtts.text.homographs import homograph_model
from glmtts.text.hybrid import Replacements
from glmtts.text.mandarin import read_pinyin
from glmtts.text.phonemes import split_syllable
from glmtts.text.script import simplified
from glmtts.text.words import corrections, segment
from tests.tiny import tiny_tokenizer

DATA = Path(__file__).parent / "data"
Marked = tuple[str, int, int, str]


def marked(path: Path) -> list[Marked]:
    """Text, start and end of what stands between ▁ marks, and its reading."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        text, reading = line.split("\t")[:2]
        start = text.index("▁")
        found.append((text.replace("▁", ""), start, text.index("▁", start + 1) - 1, reading))
    return found


def wrong(cases: list[Marked]) -> list[tuple[str, str, str | None]]:
    """The Mandarin cases that are read otherwise than wanted."""
    read = [(text, wanted, read_pinyin(text)[start]) for text, start, _, wanted in cases]
    return [case for case in read if case[1] != case[2]]


def test_own_sentences_are_read_right() -> None:
    cases = marked(DATA / "readings_zh.tsv")
    assert len(cases) > 1000
    assert len(wrong(cases)) <= 0.01 * len(cases), wrong(cases)


def test_kinds_of_polyphones_and_their_neighbours() -> None:
    """Each line of polyphones_zh.txt, where {reading} follows a character, is read right: no share may be wrong."""
    misread = []
    for line in (DATA / "polyphones_zh.txt").read_text(encoding="utf-8").splitlines():
        pairs = [] if line.startswith("#") else re.findall(r"(.)(?:\{(\w+)\})?", line)
        read = read_pinyin("".join(character for character, _ in pairs))
        wanted = [reading for _, reading in pairs]
        misread += [(line, got) for got, want in zip(read, wanted, strict=True) if want and got != want]
    assert not misread


def test_sentences_of_strangers_are_read_right(shared: Path) -> None:
    path = shared / "cases" / "readings.tsv"
    if not path.is_file():
        pytest.skip("needs shared/cases/readings.tsv")
    cases = marked(path)
    assert len(wrong(cases)) <= 0.1 * len(cases), wrong(cases)


def test_own_english_sentences_are_read_right() -> None:
    frontend = TextFrontend(TextConfig(), tiny_tokenizer())
    cases = marked(DATA / "readings_en.tsv")
    misread = []
    for text, start, end, wanted in cases:
        position = 0
        for span in frontend._writer.spans(text, Replacements({})):
            if position == start and len(span.text) == end - start:
                phones = span.hybrid.replace("<|EN_", "").replace("|>", " ").strip()
                misread += [(text, wanted, phones)] if phones != wanted else []
            position += len(span.text)
    assert len(cases) > 100
    assert len(misread) <= 0.06 * len(cases), misread


@pytest.mark.parametrize(
    ("sentence", "word", "phones"),
    [
        ("Desert the camp at once.", "Desert", "D IH0 Z ER1 T"), ("Permit us a question.", "Permit", "P ER0 M IH1 T"),
        ("We waited. Import the file.", "Import", "IH2 M P AO1 R T"),
        ("“Contract a nurse.”", "Contract", "K AH0 N T R AE1 K T"),
        ("Attribute it to luck.", "Attribute", "AH0 T R IH1 B Y UW2 T"),
        ("We saw the desert the next day.", "desert", "D EH1 Z ER0 T"),
    ],
)  # fmt: skip
def test_a_verb_begins_a_sentence_before_its_object(sentence: str, word: str, phones: str) -> None:
    start = sentence.index(word)
    assert homograph_model().read(sentence, start, start + len(word)) == tuple(phones.split())


@pytest.mark.parametrize(
    ("text", "word", "phones"),
    [
        ("A parcel by UPS came.", "UPS", "Y UW1 P IY1 EH1 S"), ("LIFE HAS UPS AND DOWNS.", "UPS", "AH1 P S"),
        ("She took the SAT.", "SAT", "EH1 S EY1 T IY1"), ("THE CAT SAT DOWN.", "SAT", "S AE1 T"),
        ("a Roth IRA", "IRA", "AY1 AA1 R EY1"), ("They won in OT.", "OT", "OW1 T IY1"),
        ("UEFA said no.", "UEFA", "Y UW0 EY1 F AH0"), ("Uefa said no.", "Uefa", "Y UW0 EY1 F AH0"),
        ("two GUIs", "GUIs", "G UW1 IY0 Z"), ("the HIPAA rules", "HIPAA", "HH IH1 P AH0"),
        ("NO SMOKING IN THE US EMBASSY", "US", "Y UW1 EH1 S"), ("THE US IS AT WAR", "US", "Y UW1 EH1 S"),
        ("TELL US THE TRUTH", "US", "AH1 S"), ("CALL IT SUPPORT", "IT", "AY1 T IY1"), ("DO IT NOW", "IT", "IH1 T"),
        ("Mind your P's and R's.", "R's", "AA1 R Z"), ("No emojis, please.", "emojis", "IH0 M OW1 JH IY0 Z"),
        ("Two GIFs and a GUI", "GIFs", "G IH1 F S"), ("Huawei’s phone", "Huawei’s", "W AA1 W EY1 Z"),
        ("Memes and imams", "imams", "IH0 M AA1 M Z"),
    ],
)  # fmt: skip
def test_capitals_tell_letters_from_words(text: str, word: str, phones: str) -> None:
    spans = TextFrontend(TextConfig(phoneme_in="all"), tiny_tokenizer()).spans(text)
    read = [span.hybrid.replace("<|EN_", "").replace("|>", " ").strip() for span in spans if span.text == word]
    assert read == [phones]


@pytest.mark.parametrize(
    ("traditional", "reading"),
    [
        ("東京行程", "dong1 jing1 xing2 cheng2"), ("銀行貸款", "yin2 hang2 dai4 kuan3"), ("發展", "fa1 zhan3"),
        ("乾淨", "gan1 jing4"), ("乾隆", "qian2 long2"), ("幹部", "gan4 bu4"), ("皇后以後", "huang2 hou4 yi3 hou4"),
        ("睡著了", "shui4 zhao2 le5"), ("著名", "zhu4 ming2"), ("鞋髒了", "xie2 zang1 le5"),
        ("一隻鐘", "yi1 zhi1 zhong1"),
    ],
)  # fmt: skip
def test_traditional_characters(traditional: str, reading: str) -> None:
    assert read_pinyin(traditional) == reading.split()


def test_the_written_characters_stay() -> None:
    frontend = TextFrontend(TextConfig(phoneme_in="off"), tiny_tokenizer())
    assert frontend.to_hybrid("銀行") == "銀行"


@given(st.text(max_size=40))
def test_a_simplified_copy_is_as_long_and_no_further_simplified(text: str) -> None:
    copy = simplified(text)
    assert len(copy) == len(text)
    assert simplified(copy) == copy


@given(st.text(alphabet="地得着了行重长为人民的都会计划一不东西南北", max_size=30))
def test_words_cover_the_text_without_gaps(run: str) -> None:
    words = segment(run)
    assert "".join(run[word.start : word.end] for word in words) == run
    assert all(word.end == following.start for word, following in pairwise(words))


@pytest.mark.parametrize(
    ("run", "words"),
    [("为人民服务", "为 人民 服务"), ("会计划", "会 计划"), ("题目的意思", "题目 的 意思"), ("研究生命", "研究 生命")],
)
def test_words_end_where_they_end(run: str, words: str) -> None:
    assert [run[word.start : word.end] for word in segment(run)] == words.split()


def test_every_correction_and_rule_can_be_spoken() -> None:
    for word, reading in corrections().items():
        assert not reading or len(reading) == len(word), word
        assert all(map(split_syllable, reading)), word
    for character, rules in tables().rules.items():
        assert all(split_syllable(rule.reading) for rule in rules), character


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("这两者没有▁差别▁", "cha1 bie2"), ("价格▁差别▁很大", "cha1 bie2"), ("质量很▁差▁", "cha4"),
        ("他▁着实▁很累", "zhuo2 shi2"), ("看▁着实▁在难受", "zhe5 shi2"), ("沿着▁实▁线", "shi2"),
        ("▁打的▁去机场", "da3 di1"), ("太晚了就▁打的▁回来", "da3 di1"), ("我们打了个▁的▁回家", "di1"),
        ("他▁打的▁是篮球", "da3 de5"), ("他▁打的▁去年那场球", "da3 de5"), ("▁的确▁如此", "di2 que4"),
        ("他▁数着数▁", "shu3 zhe5 shu4"), ("数▁着▁数着睡着了", "zhe5"), ("这▁着数▁真绝", "zhao1 shu4"),
        ("很▁好胜▁", "hao4 sheng4"), ("▁好胜利▁啊", "hao3 sheng4 li4"), ("他很▁好强▁", "hao4 qiang2"),
        ("很▁好强▁大", "hao3 qiang2"), ("他很▁好面子▁", "hao4 mian4 zi5"), ("很▁好吃▁", "hao3 chi1"),
        ("勤奋▁好学▁的孩子", "hao4 xue2"),
        ("发了一笔▁横财▁", "heng4 cai2"), ("▁横▁着走", "heng2"), ("吐▁枣核儿▁", "zao3 hu2 er2"),
        ("桃▁核儿▁", "hu2 er2"), ("枣▁核▁", "he2"), ("▁没着没落▁", "mei2 zhuo2 mei2 luo4"),
        ("钱还没▁着落▁", "zhuo2 luo4"), ("牵▁着▁手", "zhe5"), ("正▁着手▁准备", "zhuo2 shou3"),
    ],
)  # fmt: skip
def test_characters_in_their_words(text: str, reading: str) -> None:
    start = text.index("▁")
    length = text.index("▁", start + 1) - start - 1
    assert read_pinyin(text.replace("▁", ""))[start : start + length] == reading.split()


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("跑得快", "de5"), ("我得走", "dei3"), ("他得了奖", "de2"), ("慢慢地走", "de5"), ("这块地大", "di4"),
        ("高高兴兴地回家", "de5"), ("一步一步地走", "de5"), ("在地上", "di4"),
    ],
)  # fmt: skip
def test_particles_by_grammar(text: str, reading: str) -> None:
    place = max(text.find("地"), text.find("得"))
    assert read_pinyin(text)[place] == reading
