"""What a run stands for is known by contents: files of one name are never taken for each other."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from glmtts.errors import EvaluationError
from glmtts.eval.items import Item
from glmtts.eval.systems import SystemSpec, load
from tests.eval.test_runner import audio_of, run


def folder_of(place: Path, levels: dict[str, float]) -> Path:
    """A folder of another program's output, a tone a line."""
    place.mkdir(parents=True)
    for name, level in levels.items():
        soundfile.write(place / f"{name}.flac", level * np.sin(np.arange(8000) * 0.1), 16000)
    return place


def levels(out: Path, lines: Path, system: str) -> dict[str, float | None]:
    """Levels of the lines that a system has, by a run with a scorer."""
    results = run(out, lines, f"x={system}")
    return {one["id"]: one["values"]["level"] for one in results.utterances if one["error"] is None}


def tone(level: float) -> float:
    return pytest.approx(level / 2**0.5, rel=0.01)


@pytest.mark.parametrize("system", ["recordings:{}", "noisy:{}?snr=60", "recordings:{}*"])
def test_folders_of_one_name_are_not_mixed(tmp_path: Path, lines: Path, system: str) -> None:
    one = folder_of(tmp_path / "a/out", dict.fromkeys(("line0", "line1", "line4"), 0.5))
    other = folder_of(tmp_path / "b/out", dict.fromkeys(("line0", "line4"), 0.1))
    assert levels(tmp_path / "run", lines, system.format(one)) == {n: tone(0.5) for n in ("line0", "line1", "line4")}
    assert levels(tmp_path / "run", lines, system.format(other)) == {n: tone(0.1) for n in ("line0", "line4")}
    # what the first folder had and the second has not is gone: a pattern over the run would find it
    assert {Path(name).stem for name in audio_of(tmp_path / "run")} == {"line0", "line4"}


def test_a_recording_that_changed_or_came_later_is_taken_and_the_others_are_kept(tmp_path: Path, lines: Path) -> None:
    place = folder_of(tmp_path / "out", {"line0": 0.5, "line4": 0.5})
    levels(tmp_path / "run", lines, f"recordings:{place}")
    chunks = sorted((tmp_path / "run").rglob("000?.json"))
    before = {path: path.stat().st_mtime_ns for path in chunks}
    assert levels(tmp_path / "run", lines, f"recordings:{place}") == {"line0": tone(0.5), "line4": tone(0.5)}
    assert before == {path: path.stat().st_mtime_ns for path in chunks}
    folder_of(tmp_path / "new", {"line4": 0.2, "line5": 0.3})
    for path in (tmp_path / "new").iterdir():
        path.replace(place / path.name)
    found = levels(tmp_path / "run", lines, f"recordings:{place}")
    assert found == {"line0": tone(0.5), "line4": tone(0.2), "line5": tone(0.3)}
    again = {path.name for path, time in before.items() if path.stat().st_mtime_ns != time}
    assert again == {"0001.json"}  # lines 3 to 5, in both stages


def test_lists_with_the_same_ids_are_not_taken_for_each_other(tmp_path: Path) -> None:
    for name, level in (("en", 0.5), ("zh", 0.1)):
        folder_of(tmp_path / f"run/{name}/mini/audio", {"a": level})
    system = load(SystemSpec.parse(f"recordings:{tmp_path}/run/*/mini/audio"))
    with pytest.raises(EvaluationError, match="both have a recording of 'a'"):
        system.speak([Item("a", "x", "zh")])


@pytest.mark.parametrize("name", ["out[1]", "a[b-d]", "w[!x]y", "what*ever"])
def test_a_folder_that_is_there_is_taken_as_it_is_named(tmp_path: Path, lines: Path, name: str) -> None:
    folder_of(tmp_path / name, {"line0": 0.5, "line4": 0.5})
    for other in ("out1", "ac", "wzy", "whatsoever"):  # what the names would stand for as patterns of a shell
        folder_of(tmp_path / other, {"line0": 0.1, "line4": 0.1})
    for number, system in enumerate(("recordings:{}", "noisy:{}?snr=60")):
        found = levels(tmp_path / f"run{number}", lines, system.format(tmp_path / name))
        assert found == {"line0": tone(0.5), "line4": tone(0.5)}


def test_only_stars_are_patterns(tmp_path: Path) -> None:
    folder_of(tmp_path / "run[1]/en/audio", {"a": 0.5})
    folder_of(tmp_path / "run1/en/audio", {"a": 0.1})
    item = Item("a", "x", "en")
    for pattern in (f"{tmp_path}/run[1]/*/audio", f"{tmp_path}/run[1]/**/audio", f"{tmp_path}/r*[1]/en/audio"):
        (one,) = load(SystemSpec.parse(f"recordings:{pattern}")).speak([item])
        assert one.samples is not None and abs(one.samples).max() == pytest.approx(0.5, abs=0.01), pattern
    for pattern in (f"{tmp_path}/x**y/z", f"{tmp_path}/***/audio", "a/**b"):
        for system in ("recordings:{}", "noisy:{}?snr=60"):
            with pytest.raises(EvaluationError, match=r"is no pattern of folders: \*\* stands for whole folders"):
                load(SystemSpec.parse(system.format(pattern)))


def test_voices_of_one_name_are_two_voices(tmp_path: Path, tiny_folder: Path) -> None:
    abouts = []
    for name, level in (("a", 0.5), ("b", 0.4)):
        place = folder_of(tmp_path / name, {})
        soundfile.write(place / "me.wav", level * np.sin(np.arange(48000) * 0.05), 24000)
        abouts.append(load(SystemSpec.parse(f"bundle:{tiny_folder}?voice={place / 'me.wav'}")).about())
    assert abouts[0] != abouts[1] and str(tmp_path) not in str(abouts)
