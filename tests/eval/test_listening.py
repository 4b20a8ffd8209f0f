"""Listening tests: the page tells nothing, and the analysis finds what listeners were made to think."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from glmtts.errors import EvaluationError
from glmtts.eval.listening.analysis import Rating, analyse, pigeonhole
from glmtts.eval.listening.page import make_page
from glmtts.eval.listening.trials import CHECK, make_trials
from glmtts.eval.protocols.base import Settings
from glmtts.eval.results import Results
from glmtts.eval.runner import Run
from glmtts.eval.systems import SystemSpec
from glmtts.eval.workers import InProcess
from tests.eval.test_runner import MINI

QUALITY = {"person": 4.6, "noise": 2.5}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, lines: Path) -> Path:
    """A run of recordings, and of the same with noise."""
    out = tmp_path_factory.mktemp("run")
    specs = [SystemSpec.parse("person=recordings"), SystemSpec.parse("noise=noisy?snr=5")]
    MINI.run(specs, Settings(lists=(str(lines),), scorers=()), Run(out, InProcess())).save(out)
    return out


def answers(key: dict, out: Path, rater: int, attentive: bool = True) -> Path:
    """What a listener with an opinion says."""
    draw, given = np.random.default_rng(rater), []
    for trial in key["trials"]:
        systems = trial["systems"]
        if key["kind"] == "mos":
            wanted = 1 if systems[0] == CHECK and attentive else QUALITY.get(systems[0], 4.0)
            value = float(np.clip(round(wanted + 0.6 * draw.standard_normal() * (systems[0] != CHECK)), 1, 5))
        elif CHECK in systems:
            value = float(systems[0] == CHECK) if attentive else float(systems[1] == CHECK)
        else:
            better = max(systems, key=lambda name: QUALITY[name])
            value = float(systems[1] == better) if draw.random() < 0.9 else 0.5
        given.append({"trial": trial["id"], "value": value})
    path = out / f"{key['kind']}-{rater}.json"
    path.write_text(json.dumps({"test": key["test"], "rater": f"r{rater}", "answers": given}), encoding="utf-8")
    return path


def test_the_page_is_blind_and_whole(finished: Path, tmp_path: Path) -> None:
    trials = make_page(finished, ["person", "noise"], "mos", 6, tmp_path, 0)
    assert trials == 2 * 6 + 1  # the seventh line has no recording; one check
    text = (tmp_path / "page/index.html").read_text("utf-8")
    test = json.loads(re.search(r"id='test'>(.*?)</script>", text, re.S)[1])  # type: ignore[index]
    assert not any(name in text for name in ("person", "noisy?", "recordings:"))
    assert "noise" not in json.dumps(test) and "line3" not in json.dumps(test)
    files = {file for trial in test["trials"] for file in trial["clips"]}
    assert len(files) == trials and all((tmp_path / "page" / file).is_file() for file in files)
    assert not (tmp_path / "page/key.json").exists()


@pytest.mark.parametrize("kind", ["mos", "preference"])
def test_opinions_are_found_and_inattentive_listeners_left_out(finished: Path, tmp_path: Path, kind: str) -> None:
    make_page(finished, ["person", "noise"], kind, 6, tmp_path, 0)  # type: ignore[arg-type]
    key = json.loads((tmp_path / "key.json").read_text("utf-8"))
    files = [answers(key, tmp_path, rater) for rater in range(6)] + [answers(key, tmp_path, 99, attentive=False)]
    found = analyse(tmp_path / "key.json", files)
    assert found.raters == 6 and list(found.left_out) == ["r99"]
    if kind == "mos":
        person, noise = found.figures
        assert person.mean > 4 > 3 > noise.mean
        assert person.interval and noise.interval and person.interval[0] > noise.interval[1]
    else:
        (pair,) = found.figures
        assert pair.system == "noise / person" and pair.mean < 0.2 and pair.interval and pair.interval[1] < 0.5
    with pytest.raises(EvaluationError, match="repeats"):
        analyse(tmp_path / "key.json", [files[0], files[0]])
    with pytest.raises(EvaluationError, match="No listener"):
        analyse(tmp_path / "key.json", files[-1:])


def test_intervals_know_that_a_listener_s_ratings_are_alike() -> None:
    draw = np.random.default_rng(1)
    harsh = draw.normal(0, 0.8, 8)
    ratings = [
        Rating(f"r{r}", f"l{n}", "s", 3 + harsh[r] + 0.2 * draw.standard_normal()) for r in range(8) for n in range(20)
    ]
    interval = pigeonhole(ratings)
    assert interval is not None and interval[1] - interval[0] > 0.6  # single ratings alone: 0.25


def test_a_run_whose_sound_changed_is_another_test(finished: Path, tmp_path: Path) -> None:
    changed = Path(shutil.copytree(finished, tmp_path / "changed"))
    for path in changed.rglob("audio/*.flac"):
        wave, rate = soundfile.read(path)
        soundfile.write(path, wave[::-1], rate)
    pages = []
    for name, run in (("one", finished), ("same", finished), ("other", changed)):
        make_page(run, ["person", "noise"], "mos", 6, tmp_path / name, 0)
        test = json.loads((tmp_path / name / "key.json").read_text("utf-8"))["test"]
        pages.append((test, {path.name for path in (tmp_path / name / "page/audio").iterdir()}))
    assert pages[0] == pages[1]
    assert pages[0][0] != pages[2][0] and not pages[0][1] & pages[2][1]


def test_lines_of_one_id_in_two_lists_are_two_lines(finished: Path, tmp_path: Path) -> None:
    whole = Results.load(finished)
    second = [one | {"list": "other", "text": f"Other: {one['text']}"} for one in whole.utterances]
    both = replace(whole, utterances=whole.utterances + second)
    trials = make_trials(both, finished, ["person", "noise"], "preference", 99, tmp_path, 0)
    lines = [one["line"] for one in trials.key]
    assert len(set(lines)) == 12 and {"spoken/line0", "other/line0"} <= set(lines)
    for public, key in zip(trials.public, trials.key, strict=True):
        assert public["text"].startswith("Other:") == key["line"].startswith("other/")


def test_files_that_are_no_key_and_no_answers_are_told_in_a_sentence(finished: Path, tmp_path: Path) -> None:
    make_page(finished, ["person", "noise"], "mos", 3, tmp_path, 0)
    key_path = tmp_path / "key.json"
    key = json.loads(key_path.read_text("utf-8"))
    good = [answers(key, tmp_path, rater) for rater in range(2)]
    with pytest.raises(EvaluationError, match=r"mos-0\.json is no key"):
        analyse(good[0], good[1:])
    with pytest.raises(EvaluationError, match=r"key\.json has no answers"):
        analyse(key_path, [*good, key_path])
    trial = key["trials"][0]["id"]
    for wrong, said in (
        ({"trial": trial}, "None, which is no number from 1 to 5"),
        ({"trial": trial, "value": "good"}, "'good'"),
        ({"trial": trial, "value": float("nan")}, "nan"),
        ({"trial": trial, "value": 0}, "with 0"),
        ({"value": 3}, "no answers"),
        ("t1", "no answers"),
    ):
        path = tmp_path / "wrong.json"
        path.write_text(json.dumps({"test": key["test"], "rater": "r", "answers": [wrong]}), encoding="utf-8")
        with pytest.raises(EvaluationError, match=said):
            analyse(key_path, [path])
    for change in (
        {"kind": "best"},
        {"trials": [{"id": trial}]},
        {"kind": "preference"},
        {"systems": None},
        {"systems": ["person"]},
    ):
        (tmp_path / "damaged.json").write_text(json.dumps(key | change), encoding="utf-8")
        with pytest.raises(EvaluationError, match="no key"):
            analyse(tmp_path / "damaged.json", good)


def test_the_key_of_another_test_is_not_replaced(finished: Path, tmp_path: Path) -> None:
    make_page(finished, ["person", "noise"], "mos", 3, tmp_path, 0)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for kind, lines, seed in (("mos", 3, 1), ("mos", 4, 0), ("preference", 3, 0)):
        with pytest.raises(EvaluationError, match=r"key\.json is of another test, whose answers need it\. "):
            make_page(finished, ["person", "noise"], kind, lines, tmp_path, seed)  # type: ignore[arg-type]
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    (tmp_path / "page/index.html").unlink()
    make_page(finished, ["person", "noise"], "mos", 3, tmp_path, 0)  # the same test, as after a kill
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    (tmp_path / "key.json").write_text("{}", encoding="utf-8")
    with pytest.raises(EvaluationError, match="is of another test"):
        make_page(finished, ["person", "noise"], "mos", 3, tmp_path, 0)


def test_a_place_that_takes_no_test_is_told(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EvaluationError, match="another --out"):
        make_page(finished, ["person", "noise"], "mos", 3, tmp_path / "file", 0)
