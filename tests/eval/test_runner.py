"""Runs: the same results however often they were killed, in one process or in several, and nothing is mixed."""

import errno
import json
import multiprocessing
import os
import signal
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tqdm import tqdm

from glmtts.errors import EvaluationError
from glmtts.eval import protocols
from glmtts.eval.items import EvalList
from glmtts.eval.protocols.base import Settings
from glmtts.eval.results import TABLE, UTTERANCES, Results
from glmtts.eval.runner import Run
from glmtts.eval.systems import SystemSpec
from glmtts.eval.work import Done, Task, Wave, complete, whole_file, write_text
from glmtts.eval.workers import InProcess, Processes

WAVE = Wave(np.zeros(100, np.float32), 16000, True)
MINI = replace(protocols.load("mini"), recognisers={})


def run(
    out: Path,
    lines: Path,
    *systems: str,
    chunk: int = 3,
    scorers: tuple[str, ...] = ("level",),
    most: int | None = None,
) -> Results:
    """Speak the lines with the systems, and score them."""
    specs = [SystemSpec.parse(text) for text in systems]
    settings = Settings(lists=(str(lines),), lines=most, scorers=scorers)
    return MINI.run(specs, settings, Run(out, InProcess(), chunk))


def run_to_be_killed(out: Path, lines: Path, *systems: str) -> None:
    """`run` in a fork; tqdm's lock is shared with forks, and who is killed with it keeps it from all the others."""
    tqdm.set_lock(threading.RLock())
    run(out, lines, *systems)


def without_times(results: Results) -> tuple[object, ...]:
    """What must be the same in every run."""
    return results.columns, results.tables, results.utterances, results.about["systems"], results.about["lists"]


def audio_of(out: Path) -> dict[str, bytes]:
    """Every recording of a run."""
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.flac")}


def test_a_run_that_is_killed_again_and_again_gives_the_same(tmp_path: Path, lines: Path, tiny_folder: Path) -> None:
    systems = (f"tiny=bundle:{tiny_folder}", "copies=recordings")
    whole = run(tmp_path / "whole", lines, *systems)
    broken, killed = tmp_path / "broken", 0
    context = multiprocessing.get_context("fork")
    for files in (2, 6, 11, 17, 24, 32):
        child = context.Process(target=run_to_be_killed, args=(broken, lines, *systems))
        child.start()
        while child.is_alive() and sum(path.is_file() for path in broken.rglob("*")) < files:
            time.sleep(0.001)
        if child.is_alive() and child.pid is not None:
            os.kill(child.pid, signal.SIGKILL)
            killed += 1
        child.join()
    assert killed >= 3
    assert without_times(run(broken, lines, *systems)) == without_times(whole)
    assert audio_of(broken) == audio_of(tmp_path / "whole")


def test_another_process_gives_what_this_one_gives(tmp_path: Path, lines: Path, tiny_folder: Path) -> None:
    system = f"tiny=bundle:{tiny_folder}"
    one = run(tmp_path / "one", lines, system, scorers=())
    specs, settings = [SystemSpec.parse(system)], Settings(lists=(str(lines),), scorers=())
    two = MINI.run(specs, settings, Run(tmp_path / "two", Processes(1), 3))
    assert without_times(one) == without_times(two) and audio_of(tmp_path / "one") == audio_of(tmp_path / "two")


def test_results_of_another_list_system_or_setting_are_not_mixed(tmp_path: Path, lines: Path) -> None:
    run(tmp_path, lines, "x=recordings")
    with pytest.raises(EvaluationError, match="--restart"):
        run(tmp_path, lines, f"x=recordings:{lines}")
    with pytest.raises(EvaluationError, match="another system or setting"):
        run(tmp_path, lines, "x=recordings", chunk=2)
    MINI.run(
        [SystemSpec.parse(f"x=recordings:{lines}")],
        Settings(lists=(str(lines),), scorers=()),
        Run(tmp_path, InProcess(), 3, restart=True),
    )


def test_a_list_that_grows_keeps_what_was_finished(tmp_path: Path, lines: Path) -> None:
    def grown(most: int) -> Results:
        settings = Settings(lists=(str(lines),), lines=most, scorers=("level",))
        return MINI.run([SystemSpec.parse("x=recordings")], settings, Run(tmp_path, InProcess(), 2))

    grown(3)
    places = [path for path in tmp_path.rglob("*.json") if path.name != "about.json"]
    before = {path: path.stat().st_mtime_ns for path in places}
    assert without_times(grown(6)) == without_times(run(tmp_path / "other", lines, "x=recordings", chunk=2, most=6))
    kept = {path.name for path, time_ in before.items() if path.stat().st_mtime_ns == time_}
    assert kept == {"0000.json"}  # the second chunk had one line, and now has two


def test_a_missing_recording_is_told_and_nothing_else_is_lost(tmp_path: Path, lines: Path) -> None:
    results = run(tmp_path, lines, "recordings")
    (table,) = results.tables
    assert table["lines"] == 7 and table["missing"] == 1
    assert table["cells"]["level"]["values"] == 6 and table["cells"]["level"]["missing"] == 1
    assert [one["error"] for one in results.utterances if one["error"]] == ["there is no recording of this line"]
    assert "level in place of somebody's ear" in results.about["stand_ins"]
    results.save(tmp_path)
    assert json.dumps(without_times(Results.load(tmp_path))) == json.dumps(without_times(results))
    assert len((tmp_path / UTTERANCES).read_text("utf-8").splitlines()) == 7
    assert (tmp_path / TABLE).read_text("utf-8").count("\n") == 8


def test_one_bad_line_does_not_stop_those_beside_it(tmp_path: Path, lines: Path, tiny_folder: Path) -> None:
    from glmtts.eval.items import Item
    from glmtts.eval.systems import load

    items = [Item("a", "Hello.", "en", 0), Item("b", "привет", "en", 1), Item("c", "Good night.", "en", 2)]
    spoken = load(SystemSpec.parse(f"bundle:{tiny_folder}")).speak(EvalList("l", tuple(items)).items)
    assert [one.samples is not None for one in spoken] == [True, False, True]
    assert spoken[1].error is not None and "nothing to speak" in spoken[1].error


def test_specifications_of_systems() -> None:
    spec = SystemSpec.parse("off=bundle:/models/a=b?phoneme_in=off&candidates=2")
    assert (spec.label, spec.name, spec.argument) == ("off", "bundle", "/models/a=b")
    assert dict(spec.options) == {"phoneme_in": "off", "candidates": "2"}
    assert SystemSpec.parse(spec.text).argument == "/models/a=b"
    assert SystemSpec.parse("noisy:/x/y?snr=10").label == "noisy__x_y_snr=10"
    for wrong in ("", "x=", "mini?steps", ":folder"):
        with pytest.raises(EvaluationError):
            SystemSpec.parse(wrong)


def test_what_is_half_written_goes_and_what_others_hide_stays(tmp_path: Path, lines: Path) -> None:
    place = tmp_path / "spoken/x"
    hidden = place / "audio/.ipynb_checkpoints"
    hidden.mkdir(parents=True)
    (hidden / "a.txt").touch()
    for name in (".DS_Store", ".0000.json.part", "audio/.line0.abc.flac"):
        (place / name).touch()
    run(tmp_path, lines, "x=recordings", scorers=())
    assert (hidden / "a.txt").is_file() and (place / ".DS_Store").is_file()
    assert not (place / ".0000.json.part").exists() and not (place / "audio/.line0.abc.flac").exists()


def test_a_place_that_takes_nothing_is_told(tmp_path: Path, lines: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EvaluationError, match="another --out"):
        run(tmp_path / "file", lines, "x=recordings")
    with pytest.raises(EvaluationError, match="another --out"):
        write_text(tmp_path / "file" / "report.md", "x")
    task = Task(tmp_path / "0000.json", lambda: lambda: Done([], {"a.flac": WAVE}), 1, "", tmp_path / "file")
    with pytest.raises(EvaluationError, match="another --out"):
        complete([task], InProcess(), "test")


def test_a_full_disk_leaves_no_part_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="No space left"), whole_file(tmp_path / "a.json") as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_dies_while_a_chunk_is_written_is_told(tmp_path: Path) -> None:
    tasks = [Task(tmp_path / f"{n}.json", lambda: partial(Done, []), 1, "") for n in range(9)]
    with pytest.raises(EvaluationError, match="A process of the evaluation died"):
        for _ in Processes(1).run(tasks):
            for child in multiprocessing.active_children():
                child.kill()
                child.join()
            time.sleep(0.5)  # the pool sees it, and takes no more tasks
