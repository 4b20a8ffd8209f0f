"""Comparisons of two systems, and score files of VERSA."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from glmtts.errors import EvaluationError
from glmtts.eval.compare import chosen, compare, comparison_table, measured_otherwise
from glmtts.eval.ranking import ranking_table
from glmtts.eval.report.cells import worst_of
from glmtts.eval.results import Results
from glmtts.eval.versa import read_scores, results_of_versa


def versa_file(path: Path, shift: float, lines: int = 60, seed: int = 0) -> Path:
    """Scores as VERSA prints them, half of the lines with single quotes."""
    draw = np.random.default_rng(seed)
    hard = np.random.default_rng(99).normal(0, 1, lines)
    rows = []
    for number in range(lines):
        score = 3 + hard[number] + shift + 0.1 * draw.standard_normal()
        text = f'{{"key": "u{number}", "utmos": {score}, "mcd": {6 - score}, "note": "x"}}'
        rows.append(text if number % 2 else text.replace('"', "'"))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_versa_files_become_a_folder_whose_systems_are_compared(tmp_path: Path) -> None:
    files = {"old": versa_file(tmp_path / "a.jsonl", 0.0, seed=1), "new": versa_file(tmp_path / "b.jsonl", 0.2, seed=2)}
    out = tmp_path / "versa"
    results = results_of_versa(files, "set", out)
    results.save(out)
    mos, mcd = compare(chosen(f"{out}:old"), chosen(f"{out}:new"))
    assert mos.column == "utmos" and mos.verdict == "B is better" and mos.found.pairs == 60
    assert mos.found.difference == pytest.approx(0.2, abs=0.06) and mos.found.p < 0.001
    assert mcd.better == "lower" and mcd.verdict == "B is better" and mcd.found.difference < 0
    heads, rows = comparison_table([mos, mcd])
    assert len(rows) == 2 and all(len(row) == len(heads) for row in rows)


def test_pairs_see_what_lists_apart_do_not(tmp_path: Path) -> None:
    out = tmp_path / "versa"
    results_of_versa(
        {"a": versa_file(tmp_path / "a", 0.0, seed=1), "b": versa_file(tmp_path / "b", 0.1, seed=2)}, "s", out
    ).save(out)
    found = compare(chosen(f"{out}:a"), chosen(f"{out}:b"))[0].found
    assert found.p < 0.01 and found.detectable is not None and found.detectable < 0.1
    same = compare(chosen(f"{out}:a"), chosen(f"{out}:a"))[0]
    assert same.found.p == 1 and same.verdict.startswith("no difference seen")


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    one = tmp_path / "one"
    results_of_versa({"a": versa_file(tmp_path / "a", 0.0), "b": versa_file(tmp_path / "b", 0.0)}, "s", one).save(one)
    with pytest.raises(EvaluationError, match="the systems a, b"):
        chosen(str(one))
    other = tmp_path / "other"
    results_of_versa({"a": versa_file(tmp_path / "a", 0.0)}, "another list", other).save(other)
    with pytest.raises(EvaluationError, match="in common"):
        compare(chosen(f"{one}:a"), chosen(str(other)))
    with pytest.raises(EvaluationError, match="no results"):
        chosen(str(tmp_path))
    (tmp_path / "broken").write_text("no score\n", encoding="utf-8")
    with pytest.raises(EvaluationError, match="Line 1"):
        read_scores(tmp_path / "broken")


def test_columns_rank_systems_or_do_not(tmp_path: Path) -> None:
    shifts = {"person": 0.4, "model": 0.2, "noise": 0.2}
    files = {name: versa_file(tmp_path / name, shift, seed=n) for n, (name, shift) in enumerate(shifts.items())}
    results = results_of_versa(files, "set", tmp_path)
    heads, rows = ranking_table(results, list(shifts))
    assert heads[-2:] == ["person > model", "model > noise"] and len(rows) == 2
    for row in rows:
        assert row[-2].startswith("yes") and row[-1].startswith("not seen"), row
    assert ranking_table(results, ["model", "person"])[1][0][-1].startswith("no (p")
    with pytest.raises(EvaluationError, match="no system 'absent'"):
        ranking_table(results, ["person", "absent"])


def test_lines_of_several_lists_are_ranked_together_as_well(tmp_path: Path) -> None:
    files = {name: versa_file(tmp_path / name, shift) for name, shift in {"person": 0.4, "model": 0.2}.items()}
    whole = results_of_versa(files, "set", tmp_path)
    two = [{**table, "list": name} for name in ("odd", "even") for table in whole.tables]
    lines = sorted({one["id"] for one in whole.utterances})
    halves = [{**one, "list": ("even", "odd")[lines.index(one["id"]) % 2]} for one in whole.utterances]
    _, rows = ranking_table(replace(whole, tables=two, utterances=halves), ["person", "model"])
    _, together = ranking_table(whole, ["person", "model"])
    by_title = {row[0]: row for row in rows}
    for row in together:
        column = row[0].removesuffix(" (set)")
        counts = [int(by_title[f"{column} ({name})"][1]) for name in ("odd", "even")]
        assert sum(counts) == int(by_title[f"{column} (all)"][1]) == int(row[1])
        assert float(by_title[f"{column} (all)"][2].split()[0]) == float(row[2].split()[0])


def test_lines_are_compared_where_they_say_the_same(tmp_path: Path) -> None:
    whole = results_of_versa({"a": versa_file(tmp_path / "a", 0.0)}, "set", tmp_path)
    lines = [one | {"text": "Good night.", "labels": {"speaker": "s1"}} for one in whole.utterances]
    before = replace(whole, utterances=lines), "a"
    edited = [one | ({"text": "Good day."} if place < 3 else {}) for place, one in enumerate(lines)]
    (mos, _) = compare(before, (replace(whole, utterances=edited), "a"))
    assert mos.found.pairs == 57 and mos.others == 3
    assert comparison_table([mos])[1][0][2] == "57 (3 of other texts left out)"
    for change in ({"text": "Good day."}, {"labels": {"speaker": "s2"}}):  # another --corpus
        other = replace(whole, utterances=[one | change for one in lines])
        with pytest.raises(EvaluationError, match="all 60 lines"):
            compare(before, (other, "a"))


def test_a_list_whose_lines_all_changed_is_told_of_in_the_row_of_all(tmp_path: Path) -> None:
    whole = results_of_versa({"a": versa_file(tmp_path / "a", 0.0)}, "set", tmp_path)
    lines = [one | {"list": ("even", "odd")[place % 2]} for place, one in enumerate(whole.utterances)]
    changed = [one | ({"text": "other"} if one["list"] == "odd" else {}) for one in lines]
    found = compare((replace(whole, utterances=lines), "a"), (replace(whole, utterances=changed), "a"))
    assert [(one.list, one.found.pairs, one.others) for one in found[::2]] == [("even", 30, 0), (None, 30, 30)]


def test_values_that_are_not_finite_are_not_there(tmp_path: Path) -> None:
    files = {name: versa_file(tmp_path / name, 0.0, seed=seed) for seed, name in enumerate("ab")}
    whole = results_of_versa(files, "set", tmp_path)
    for one in whole.utterances[:2]:
        one["values"]["utmos"] = float("nan")
    for one in whole.utterances:
        one["values"]["mcd"] = float("inf")
    (mos,) = compare((whole, "a"), (whole, "b"))
    assert mos.found.pairs == 58 and mos.found.p > 0.01 and mos.found.detectable is not None
    (row,) = ranking_table(whole, ["a", "b"])[1]
    assert row[0] == "utmos (set)" and row[1] == "58" and row[-1].startswith("not seen")
    worst = worst_of(whole)
    assert len(worst) == 10 and all(np.isfinite(one["values"]["utmos"]) for one in worst)
    values = [one["values"]["utmos"] for one in worst]
    assert values == sorted(values)


def test_counts_of_what_is_right_are_no_errors(tmp_path: Path) -> None:
    names = ("whisper_wer_equal", "whisper_wer_delete", "f0_rmse", "asr_match_error_rate", "answer_mos", "mr_stft")
    (tmp_path / "a").write_text(json.dumps({"key": "u"} | dict.fromkeys(names, 1.0)), encoding="utf-8")
    columns = results_of_versa({"a": tmp_path / "a"}, "set", tmp_path).columns
    better = {column["key"]: column["better"] for column in columns}
    assert better == dict.fromkeys(names, "lower") | {"whisper_wer_equal": "higher", "answer_mos": "higher"}


def test_ends_of_lines_of_other_scripts_end_no_line(tmp_path: Path) -> None:
    said = "one\u2028two\u0085three"
    lines = [json.dumps({"key": f"u{n}", "text": said, "utmos": 3.0}, ensure_ascii=False) for n in range(2)]
    (tmp_path / "a").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    results = results_of_versa({"a": tmp_path / "a"}, "set", tmp_path)
    results.save(tmp_path / "out")
    assert [one["text"] for one in Results.load(tmp_path / "out").utterances] == [said, said]
    (tmp_path / "b").write_text("\n".join([*lines, "", "none"]), encoding="utf-8")
    with pytest.raises(EvaluationError, match="Line 4"):
        read_scores(tmp_path / "b")


def test_runs_that_were_measured_in_other_ways_are_told_of(tmp_path: Path) -> None:
    whole = results_of_versa({"a": versa_file(tmp_path / "a", 0.0)}, "set", tmp_path)

    def judged(recogniser: str, weights: str) -> Results:
        stages = {f"asr-{recogniser}": {"recognisers": {"en": recogniser}}, "score-nisqa": {"weights": weights}}
        return replace(whole, about=whole.about | {"stages": stages})

    base = judged("whisper-base", "one")
    assert measured_otherwise(base, base) == [] == measured_otherwise(base, whole)
    (heard,) = measured_otherwise(base, judged("whisper-large-v3", "one"))
    assert "recognisers of A" in heard and "whisper-base" in heard and "whisper-large-v3" in heard
    assert ["score-nisqa of A" in line for line in measured_otherwise(base, judged("whisper-base", "two"))] == [True]


def test_numbers_as_numpy_prints_them_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(
        "{'key': 'u0', 'utmos': np.float64(3.25), 'mcd': nan, 'pesq': np.float32(-inf), 'stoi': -inf, "
        "'ref_text': 'nan, inf and \\'np.float64(1)\\''}\n",
        encoding="utf-8",
    )
    (values,) = read_scores(tmp_path / "a").values()
    text = "nan, inf and 'np.float64(1)'"
    assert values == {"utmos": 3.25, "mcd": None, "pesq": None, "stoi": None, "ref_text": text}


def test_values_as_numpy_prints_them_are_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(
        "{'key': 'a', 'n': np.int64(3), 'u': np.uint8(4), 'x': np.float32(-1.5e-3), 'long': np.longdouble('1.5'), "
        "'yes': np.True_, 'no': np.False_, 'said': np.str_('np.int64(1)'), 'text': 'np.int64(2)'}\n",
        encoding="utf-8",
    )
    (values,) = read_scores(tmp_path / "a").values()
    assert values == {
        "n": 3,
        "u": 4,
        "x": -1.5e-3,
        "long": 1.5,
        "yes": True,
        "no": False,
        "said": "np.int64(1)",
        "text": "np.int64(2)",
    }


def test_a_key_that_stands_twice_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(
        '{"key": "a", "x": 1}\n\n{"key": "b", "x": 1}\n{"key": "a", "x": 2}\n', encoding="utf-8"
    )
    with pytest.raises(EvaluationError, match=r"Line 4 of .* has the key 'a' of an earlier line"):
        read_scores(tmp_path / "a")


def test_whole_numbers_larger_than_any_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(f'{{"key": "a", "x": 1{"0" * 400}, "y": 2}}\n', encoding="utf-8")
    (one,) = results_of_versa({"s": tmp_path / "a"}, "set", tmp_path).utterances
    assert one["values"] == {"y": 2.0}


def test_names_of_lists_and_systems_lead_nowhere(tmp_path: Path) -> None:
    path = versa_file(tmp_path / "a", 0.0)
    for files, name in (({"s": path}, "../../x"), ({"../s": path}, "set"), ({"..": path}, "set"), ({"s": path}, "")):
        with pytest.raises(EvaluationError, match="which can be no folder's"):
            results_of_versa(files, name, tmp_path)
