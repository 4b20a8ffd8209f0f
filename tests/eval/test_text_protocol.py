"""Cases of text as results: shares are those of the cases, and systems are compared on the same ones."""

from pathlib import Path

import pytest

from glmtts.errors import EvaluationError
from glmtts.eval.compare import chosen, compare
from glmtts.eval.text.protocol import Tables, measure


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
