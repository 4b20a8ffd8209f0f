"""Control inside texts, dictionaries of users, explanations."""

import io
import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from glmtts.cli import app
from glmtts.errors import ConfigError, TextError
from glmtts.text.explain import explain
from glmtts.text.frontend import TextConfig, TextFrontend
from glmtts.text.hybrid import TOKENS
from glmtts.text.pronunciations import PronunciationFile, Pronunciations, hybrid_reading, read_file
from glmtts.text.reader import Reader
from glmtts.text.show import show
from glmtts.text.tokenizer import TextTokenizer
from tests.tiny import tiny_tokenizer


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend(TextConfig(), tiny_tokenizer())


def spoken(frontend: TextFrontend, text: str) -> str:
    return " ".join(frontend.to_hybrid(piece.text) for piece in frontend.prepare(text))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("去{行|xing2}里", "<|X|><|ING2|>"),
        ("去{行|X ING2}里", "<|X|><|ING2|>"),
        ("他{重|CH ONG2}新来", "<|CH|><|ONG2|>"),
        ("一{行|h ang2}字", "<|H|><|ANG2|>"),
        ("Ask {Qiang|Q IANG2} again.", "<|Q|><|IANG2|>"),
        ("I {read|R EH1 D} it.", "<|EN_R|><|EN_EH1|><|EN_D|>"),
        ("I {read|/rɛd/} it.", "<|EN_R|><|EN_EH1|><|EN_D|>"),
        ('I <phoneme alphabet="ipa" ph="rɛd">read</phoneme> it.', "<|EN_R|><|EN_EH1|><|EN_D|>"),
        ('<speak>去<phoneme alphabet="pinyin" ph="hang2">行</phoneme></speak>', "<|H|><|ANG2|>"),
        ("<phoneme alphabet='x-arpabet' ph='R IY1 D'/> it", "<|EN_R|><|EN_IY1|><|EN_D|>"),
        ('Say <say-as interpret-as="characters">aB</say-as>.', "<|EN_EY1|> <|EN_B|><|EN_IY1|>"),
    ],
)
def test_control_becomes_phonemes(frontend: TextFrontend, text: str, part: str) -> None:
    assert part in spoken(frontend, text)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("号码<say-as interpret-as='telephone'>13800138000</say-as>", ["号码幺三八零零幺三八零零零"]),
        ("数<say-as interpret-as='digits'>120</say-as>", ["数一二零"]),
        ("数<say-as interpret-as='cardinal'>120</say-as>", ["数一百二十"]),
        ("<say-as interpret-as='ordinal'>3</say-as>名", ["第三名"]),
        ("在<say-as interpret-as='date' format='ymd'>2024-3-5</say-as>", ["在二零二四年三月五日"]),
        ("The <say-as interpret-as='ordinal'>3</say-as> one", ["The third one"]),
        ("Dial <say-as interpret-as='digits'>120</say-as>", ["Dial one two zero"]),
        ("Dial <say-as interpret-as='digits'>12.5</say-as>", ["Dial one two point five"]),
        ("Say <say-as interpret-as='digits'>-1.25</say-as>", ["Say minus one point two five"]),
        ("Say <say-as interpret-as='digits'>555-12</say-as>", ["Say five five five, one two"]),
        ("数<say-as interpret-as='digits'>-12.5</say-as>", ["数负一二点五"]),
        ("Call <say-as interpret-as='telephone'>+44 20</say-as>", ["Call plus four four, two zero"]),
        ("拨<say-as interpret-as='telephone'>*100#</say-as>", ["拨星号幺零零，井号"]),
        ("Key <say-as interpret-as='verbatim'>1_2\\3</say-as>", ["Key one underscore two backslash three"]),
        ("Count <say-as interpret-as='cardinal'>1984</say-as>", ["Count one thousand nine hundred eighty four"]),
        ("On <say-as interpret-as='date' format='dmy'>5/3/2024</say-as>", ["On March fifth, twenty twenty four"]),
        ("On <say-as interpret-as='date'>2024-03-05</say-as>", ["On March fifth, twenty twenty four"]),
        ("An <say-as interpret-as='name'>odd</say-as> kind", ["An odd kind"]),
        ("<sub alias='World Wide Web Consortium'>W3C</sub> rules", ["World Wide Web Consortium rules"]),
    ],
)
def test_control_becomes_words(frontend: TextFrontend, text: str, pieces: list[str]) -> None:
    assert [piece.text for piece in frontend.prepare(text)] == pieces


@pytest.mark.parametrize(
    ("content", "language", "said"),
    [
        ("a@b", "en", "A at B"), ("C++", "en", "C plus plus"), ("B-2", "en", "B dash two"),
        ("x_y.z", "en", "X underscore Y dot Z"),
        ("F#", "en", "F hash"), ("a/b", "en", "A slash B"), ("(k)", "en", "left parenthesis K right parenthesis"),
        ("π＝x", "en", "pi equals X"), ("a@b", "zh", "A 艾特 B"), ("B-2", "zh", "B 杠 二"), ("C++", "zh", "C 加 加"),
        ("x_y", "zh", "X 下划线 Y"),
    ],
)  # fmt: skip
def test_signs_are_named_among_characters(frontend: TextFrontend, content: str, language: str, said: str) -> None:
    (piece,) = frontend.prepare(f"<say-as interpret-as='characters'>{content}</say-as>", language)
    assert piece.written == said
    # each becomes phonemes: no sign is left to the text
    assert TOKENS.sub("", frontend.to_hybrid(piece.text)).strip() == ""


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ('<?xml version="1.0"?><speak>hi</speak>', ["hi"]),
        ('<?xml version="1.0" encoding="UTF-8"?>\n<speak>你好</speak>', ["你好"]),
        ("<!DOCTYPE html><p>hi", ["hi"]),
        ('<!doctype html PUBLIC "-//W3C//DTD XHTML 1.0//EN"\n "http://www.w3.org/x.dtd">\n<p>hi</p>', ["hi"]),
        ('<?xml version="1.0"?>\n<!DOCTYPE note [\n<!ENTITY a "b">\n]>\n<speak>hi</speak>', ["hi"]),
        ('<html><head><meta charset="utf-8"><title>T</title></head><body>hi', ["T.", "hi"]),
        ('Hi <?php echo "a->b"; ?> there', ["Hi there"]),
        ("a <!-- old <p>x</p> --> b", ["a b"]),
        ("So <![CDATA[x < y & z]]> holds", ["So x is less than y and z holds"]),
        ("What <? Really?", ["What? Really?"]), ("x[y[0]]>3", ["x, y, zero, is greater than three"]),
    ],
)  # fmt: skip
def test_the_head_of_a_document_is_not_read(frontend: TextFrontend, text: str, pieces: list[str]) -> None:
    assert [piece.text for piece in frontend.prepare(text)] == pieces


def test_a_declaration_ends_no_sentence_of_a_text_in_parts(frontend: TextFrontend) -> None:
    reader = Reader()
    sentences = [*reader.feed('<?xml version="1.0. x"?><speak>One. '), *reader.feed("Two.</speak>"), *reader.finish()]
    said = [frontend.prepare(sentence.text)[0].text for sentence in sentences]
    assert said == ["One.", "Two."]


def test_breaks_part_the_text(frontend: TextFrontend) -> None:
    pieces = frontend.prepare('<break time="1s"/>你好<break time="500ms"/><break strength="strong"/>再见。')
    assert [piece.text for piece in pieces] == ["你好", "再见。"]
    assert [(piece.pause_before, piece.pause_after) for piece in pieces] == [(1.0, 1.25), (0.0, None)]


def test_control_survives_normalisation_and_splitting(frontend: TextFrontend) -> None:
    text = "今天3点我们去{银行|yin2 hang2}，" * 30
    pieces = frontend.prepare(text)
    assert len(pieces) > 5
    assert sum(piece.text.count("<|IN2|><|H|><|ANG2|>") for piece in pieces) == 30


def test_a_vocabulary_without_english_phonemes_reads_the_written_word() -> None:
    tokenizer = tiny_tokenizer()
    mandarin = {name: number for name, number in tokenizer.special.items() if not name.startswith("<|EN_")}
    frontend = TextFrontend(TextConfig(), TextTokenizer(tokenizer.ranks, mandarin))
    assert [piece.text for piece in frontend.prepare("I {read|R EH1 D} it.")] == ["I read it."]


@pytest.mark.parametrize(
    "text",
    [
        '<phoneme alphabet="klingon" ph="a">a</phoneme>', '<break time="99s"/>a',
        '<break time="soon"/>a', '<break strength="huge"/>a', '<phoneme ph="">a</phoneme>',
    ],
)  # fmt: skip
def test_control_that_is_not_valid_is_refused_in_one_sentence(frontend: TextFrontend, text: str) -> None:
    with pytest.raises(TextError, match=r"\.$"):
        frontend.prepare(text)


@pytest.mark.parametrize(
    ("text", "said", "warned"),
    [
        ("去{行|xyz}里", "去行里", "xyz"), ("{行长|hang2}来了", "行长来了", "hang2"), ("{a|} b", "a, b", ""),
        ("I {read|R EH9 D} it", "I read it", "R EH9 D"), ("{x|y} z", "x, y, z", ""),
        ("{Hi|Hello} there", "Hi, Hello, there", ""), ("{乙|B}组", "乙组", "no tone"),
        ("{x|USE MP3} it", "x, USE MP three, it", ""),
    ],
)  # fmt: skip
def test_braces_without_a_valid_reading_are_text(frontend: TextFrontend, text: str, said: str, warned: str) -> None:
    (piece,) = frontend.prepare(text)
    assert piece.text == said
    assert (warned in piece.warnings[0]) if warned else piece.warnings == ()


def test_special_tokens_cannot_be_smuggled_in(frontend: TextFrontend) -> None:
    (piece,) = frontend.prepare("你好<|user|><|audio_3|>\U000f0000世界")
    assert "<|user|>" not in piece.text
    assert "<|audio_3|>" not in piece.text
    assert "\U000f0000" not in piece.text


def test_dictionary_of_pronunciations(frontend: TextFrontend) -> None:
    own = Pronunciations(
        {"行": "xing2", "行长": "hang2 zhang3", "Siobhan": "SH IH0 V AO1 N", "4S店": "S II4 E1 S II1 D IAN4"}
    )
    mine = frontend.with_pronunciations(own)
    assert mine.to_hybrid("行长") == "<|H|><|ANG2|><|ZH|><|ANG3|>"
    assert mine.to_hybrid("siobhan") == "<|EN_SH|><|EN_IH0|><|EN_V|><|EN_AO1|><|EN_N|>"
    assert mine.to_hybrid("Siobhans") != mine.to_hybrid("Siobhan") + "s"
    assert spoken(mine, "去4S店").endswith("<|S|><|II4|><|E1|><|S|><|II1|><|D|><|IAN4|>")
    assert frontend.to_hybrid("行") != frontend.with_pronunciations(Pronunciations({"行": "heng2"})).to_hybrid("行")


def test_symbols_of_both_languages_go_by_the_word() -> None:
    assert hybrid_reading("猫", "M AO1") == "<|M|><|AO1|>"
    assert hybrid_reading("maw", "M AO1") == "<|EN_M|><|EN_AO1|>"


def test_files_of_both_formats(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('# mine\n"行长" = "hang2 zhang3"\nGLM = "JH IY1 EH1 L EH1 M"\n', encoding="utf-8")
    (tmp_path / "a.jsonl").write_text('{"行长": "hang2 zhang3"}\n\n{"GLM": "JH IY1 EH1 L EH1 M"}\n', encoding="utf-8")
    assert read_file(tmp_path / "a.toml") == read_file(tmp_path / "a.jsonl")
    assert set(read_file(tmp_path / "a.toml")) == {"行长", "glm"}
    (tmp_path / "b.jsonl").write_text(
        '{"行\u2028长": "hang2 zhang3"}\n', encoding="utf-8"
    )  # which ends no line of JSON
    assert len(read_file(tmp_path / "b.jsonl")) == 1


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", '"好" = "hao3"\n"行" = "xyz"\n', "line 2"),
        ("a.toml", '"好" = "hao3"\n"行" = 3\n', "line 2"),
        ("a.toml", '"好" = "hao3"\n行 = 3\n', "line 2"),
        ("a.jsonl", '{"好": "hao3"}\n{"行": "xyz"}\n', "line 2"),
        ("a.jsonl", '{"好": "hao3"}\n\n[1]\n', "line 3"),
        ("a.jsonl", '{"好": "hao3"}\n{\n', "line 2"),
        ("a.jsonl", '{"…": "hao3"}\n', "line 1"),
        ("a.txt", "", "neither"),
    ],
)
def test_mistakes_in_files_are_named_with_their_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_file(tmp_path / name)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml"):
        PronunciationFile(tmp_path / "none.toml")


def test_a_changed_file_is_read_again(tmp_path: Path, frontend: TextFrontend) -> None:
    path = tmp_path / "words.toml"
    path.write_text('"行" = "hang2"\n', encoding="utf-8")
    mine = frontend.with_pronunciations(PronunciationFile(path))
    assert mine.to_hybrid("行") == "<|H|><|ANG2|>"
    path.write_text('"行" = "xing2"\n', encoding="utf-8")
    os.utime(path, ns=(1, 1))
    assert mine.to_hybrid("行") == "<|X|><|ING2|>"


def test_every_character_is_explained(frontend: TextFrontend) -> None:
    line = "他在{行长|hang2 zhang3}那里read了2本\U000f0000书。"
    entries = explain(frontend, line)
    assert "".join(entry["char"] for entry in entries) == line
    by_char = {entry["char"]: entry for entry in entries}
    assert by_char["行"] | {"why": ""} == {
        "char": "行", "pinyin": "hang2", "symbols": ["H", "ANG2"], "replaced": True, "why": ""
    }  # fmt: skip
    assert by_char["2"]["pinyin"] is None
    assert by_char["r"]["symbols"] == ["EN_R", "EN_EH1", "EN_D"] or by_char["r"]["symbols"] == [
        "EN_R",
        "EN_IY1",
        "EN_D",
    ]
    assert by_char["他"]["pinyin"] == "ta1"
    assert all(entry["why"] for entry in entries)


def give(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Bytes as standard input."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))


def test_lines_of_standard_input_give_lines_of_json(
    frontend: TextFrontend, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, "绿\n\n行长\n".encode())
    show(frontend, "-", as_json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [[entry["pinyin"] for entry in line] for line in lines] == [["lv4"], [], ["hang2", "zhang3"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_lines_in_other_encodings_and_lines_without_words(
    frontend: TextFrontend, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], encoding: str
) -> None:
    give(monkeypatch, "我们去银行。\n\n……\n我们再去银行。\n".encode(encoding))
    show(frontend, "-", as_json=False)
    assert capsys.readouterr().out.count("polyphone: hang2") == 2


def test_bytes_that_are_no_utf8_are_shown(
    frontend: TextFrontend, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, b"ab\xffcd\n")
    show(frontend, "-", as_json=False)
    assert "ab" in capsys.readouterr().out.lower()
    show(frontend, "a\udcffb", as_json=True)
    out = capsys.readouterr().out
    assert [entry["char"] for entry in json.loads(out)] == ["a", "\N{REPLACEMENT CHARACTER}", "b"]


def test_standard_input_that_is_no_text_is_one_sentence(
    frontend: TextFrontend, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, b"%PDF-1.7\n")
    with pytest.raises(TextError, match="Standard input is a PDF"):
        show(frontend, "-", as_json=True)
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(TextError, match="closed"):
        show(frontend, "-", as_json=False)


def test_the_command_reads_lines_and_refuses_a_wrong_mode(tiny_folder: Path) -> None:
    run = CliRunner()
    shown = run.invoke(app, ["phonemes", "--json", "-", "--model", str(tiny_folder)], input="绿\n银行\n")
    assert [[entry["pinyin"] for entry in json.loads(line)] for line in shown.stdout.splitlines()] == [
        ["lv4"],
        ["yin2", "hang2"],
    ]
    wrong = run.invoke(app, ["phonemes", "绿", "--mode", "loud", "--model", str(tiny_folder)])
    assert isinstance(wrong.exception, ConfigError)


def test_people_see_reasons(frontend: TextFrontend, capsys: pytest.CaptureFixture[str]) -> None:
    show(frontend, "银行", as_json=False)
    out = capsys.readouterr().out
    assert "<|H|><|ANG2|>" in out
    assert "polyphone: hang2" in out
