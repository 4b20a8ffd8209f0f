"""Cases of text as results: shares are those of the cases, and systems are compared on the same ones."""

from pathlib import Path

import pytest

from glmtts.errors import EvaluationError
from glmtts.eval.compare import chosen, compare
from glmtts.eval.text.protocol import Tables, _pairs, measure
from glmtts.eval.text.readings import read_marked


def test_shares_of_cases_and_readings(tmp_path: Path) -> None:
    cases = tmp_path / "cases.tsv"
    cases.write_text(
        "lang\tkind\twritten\tspoken\nen\tnumber\tI have 3 cats.\tI have three cats.\n"
        "en\tnumber\tI have 4 cats.\tI have five cats.\nzh\tnumber\t3个\t三个\n",
        encoding="utf-8",
    )
    readings = tmp_path / "readings.tsv"
    readings.write_text("他在银▁行▁工作\thang2\n慢慢▁地▁吃\tde5\n他▁行▁走\thang2\n", encoding="utf-8")
    results = measure(Tables(cases=[cases], readings=[readings]), tmp_path / "out")
    cells = {(table["list"], table["system"]): table["cells"] for table in results.tables}
    assert cells["cases", "ours"]["right"]["mean"] == pytest.approx(2 / 3)
    assert cells["readings", "ours"]["right"]["mean"] == pytest.approx(2 / 3)
    assert cells["readings", "ours"]["without_particles"]["values"] == 2
    assert results.extra["cases by kind"]["rows"][0] == ["en number", *results.extra["cases by kind"]["rows"][0][1:]]
    assert results.extra["cases: not right"]["rows"] == [["I have 4 cats.", "I have five cats.", "I have four cats."]]
    results.save(tmp_path / "out")
    found = compare(chosen(f"{tmp_path / 'out'}:pypinyin"), chosen(f"{tmp_path / 'out'}:ours"))
    assert found[0].list == "readings" and found[0].found.pairs == 3


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="nothing to measure"):
        measure(Tables(), tmp_path)
    table = tmp_path / "t.tsv"
    table.write_text("no marks\thang2\n", encoding="utf-8")
    with pytest.raises(EvaluationError, match="▁"):
        measure(Tables(readings=[table]), tmp_path)


@pytest.mark.parametrize(
    ("table", "name", "text", "said"),
    [
        ("cases", "c.tsv", "lang\tkind\twritten\tspoken\n\nen\tnumber\t3\n", "Line 3 of .* has 3 columns"),
        ("cases", "c.tsv", "lang\tkind\twritten\tspoken\nfr\tnumber\t3\ttrois\n", "Line 2 of .* 'fr'. Write zh or en"),
        ("cases", "c.tsv", None, "cannot be read"),
        ("written", "c_en.tsv", None, "cannot be read"),
        ("written", "c_en.tsv", "3\tthree\n4\n", "Line 2 of .* has 1 columns"),
        ("readings", "r.tsv", "他▁行▁走\thang2\n\n他行▁\thang2\n", "Line 3"),
        ("readings", "r.tsv", "▁他▁行▁走▁\thang2\n", "Line 1"),
        ("everyday", "e.json", "{", "without chinese"),
        ("everyday", "e.json", '[{"chinese": "你好"}]', "without chinese"),
        ("homographs", "h.tsv", "sentence\tstart\nread\t0\n", "no table of homographs"),
    ],
)
def test_a_table_of_another_kind_is_one_sentence(
    tmp_path: Path, table: str, name: str, text: str | None, said: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text, encoding="utf-8")
    one = path if table in ("everyday", "homographs") else [path]
    with pytest.raises(EvaluationError, match=said):
        measure(Tables(**{table: one}), tmp_path / "out")


def test_blank_lines_are_none_and_other_ends_of_lines_end_none(tmp_path: Path) -> None:
    path = tmp_path / "c_en.tsv"
    path.write_text("3 cats\tthree cats\n\nA\u2028B\tA B\n", encoding="utf-8")
    assert [case.written for case in _pairs(path)] == ["3 cats", "A\u2028B"]
    (tmp_path / "r.tsv").write_text("他▁行▁走\thang2\n\n", encoding="utf-8")
    assert read_marked(tmp_path / "r.tsv") == [("他行走", 1, "hang2")]
    with pytest.raises(EvaluationError, match="Two tables are named 't'"):
        measure(Tables(readings=[tmp_path / "a/t.tsv", tmp_path / "b/t.tsv"]), tmp_path)


def test_a_word_that_no_training_line_has_is_not_right(tmp_path: Path) -> None:
    head = "homograph\twordid\tsentence\tstart\tend\n"
    lines = ["read\tread_past\tI have read it.\t7\t11\n", "zebra\tzebra\tA zebra.\t2\t7\n"]
    (tmp_path / "h.tsv").write_text(head + "".join(lines), encoding="utf-8")
    (tmp_path / "train.tsv").write_text(head + lines[0], encoding="utf-8")
    results = measure(Tables(homographs=tmp_path / "h.tsv", homographs_train=tmp_path / "train.tsv"), tmp_path)
    assert {table["system"]: table["cells"]["right"]["mean"] for table in results.tables} == {
        "CMU dictionary, first reading": 0.5,
        "ours": 0.5,
        "most frequent reading": 0.5,
    }


def test_a_table_does_not_take_the_place_of_another_of_its_name(tmp_path: Path) -> None:
    for name in ("everyday", "homographs"):
        (tmp_path / f"{name}.tsv").write_text("他▁行▁走\thang2\n", encoding="utf-8")
        with pytest.raises(EvaluationError, match=f"named '{name}'"):
            measure(Tables(readings=[tmp_path / f"{name}.tsv"], **{name: tmp_path / "other"}), tmp_path)
