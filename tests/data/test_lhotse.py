"""The bridge to Lhotse."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from glmtts.data import Dataset, FeatureSpec, SourceConfig
from glmtts.data.lhotse import export_cuts, import_cuts
from glmtts.errors import DataError
from tests.data.made_up import write

lhotse = pytest.importorskip("lhotse")


def cut(number: int, folder: Path) -> "lhotse.MonoCut":
    path = folder / f"{number}.flac"
    soundfile.write(path, 0.1 * np.sin(np.arange(16000 * 2) / 9), 16000)
    said = lhotse.SupervisionSegment(f"s{number}", f"r{number}", 0, 1.5, text="Hello.", language="EN", speaker="a")
    recording = lhotse.Recording.from_file(path, recording_id=f"r{number}")
    made = lhotse.MonoCut(f"c{number}", 0.5, 1.5, 0, supervisions=[said], recording=recording)
    return made.attach_tensor("tokens", np.arange(30), frame_shift=0.05, temporal_dim=0)


def test_cuts_go_in_and_come_out(tmp_path: Path) -> None:
    cuts = [cut(number, tmp_path) for number in range(3)]
    assert import_cuts(cuts, tmp_path / "data", {"tokens": FeatureSpec(rate=20)}) == 3
    dataset = Dataset.open([SourceConfig(path=tmp_path / "data")], ["tokens"])
    first = next(dataset.utterances())
    assert (first.id, first.text, first.language, first.speaker) == ("c0", "Hello.", "en", "a")
    export_cuts(dataset).to_file(tmp_path / "cuts.jsonl")
    (again, *rest) = lhotse.CutSet.from_file(tmp_path / "cuts.jsonl")
    assert len(rest) == 2
    assert (again.start, again.duration, again.supervisions[0].text) == (0.5, 1.5, "Hello.")
    assert np.array_equal(again.load_audio(), cuts[0].load_audio())


def test_a_dataset_without_recordings_is_exported(tmp_path: Path) -> None:
    cuts = export_cuts(Dataset.open([SourceConfig(path=write(tmp_path / "toy", [2.0, 3.0]))]))
    for _ in range(2):
        assert [one.duration for one in cuts] == [2.0, 3.0]


def test_a_cut_without_a_text_is_refused(tmp_path: Path) -> None:
    made = cut(0, tmp_path)
    made.supervisions = []
    with pytest.raises(DataError, match="cut c0 needs one supervision"):
        import_cuts([made], tmp_path / "data")


def said_in(language: str, number: int, folder: Path, channel: int = 0) -> "lhotse.MonoCut":
    """A cut of a recording with a channel of 0.1 and one of 0.5."""
    path = folder / "stereo.wav"
    soundfile.write(path, np.stack([np.full(16000, 0.1), np.full(16000, 0.5)], 1), 16000)
    said = lhotse.SupervisionSegment("s", "r", 0, 1.0, channel, text="Hi.", language=language, speaker="a")
    recording = lhotse.Recording.from_file(path, recording_id="r")
    return lhotse.MonoCut(f"c{number}", 0, 1.0, channel, supervisions=[said], recording=recording)


def imported(folder: Path) -> Dataset:
    return Dataset.open([SourceConfig(path=folder)])


def test_languages_have_many_names(tmp_path: Path) -> None:
    names = {
        "zh": ["Chinese", "Mandarin", "zh-CN", "zh_TW", "ZH", "cmn", "zho", " zh-Hans "],
        "en": ["English", "en-US", "en_gb", "eng", "EN"],
    }
    cuts = [said_in(name, number, tmp_path) for number, name in enumerate([*names["zh"], *names["en"]])]
    import_cuts(cuts, tmp_path / "data")
    found = [one.language for one in imported(tmp_path / "data").utterances()]
    assert found == ["zh"] * len(names["zh"]) + ["en"] * len(names["en"])


@pytest.mark.parametrize("language", ["Cantonese", "yue", "zh-HK", "Chechen", "Enga", "ma", "ch", "fr", "e"])
def test_other_languages_are_refused(tmp_path: Path, language: str) -> None:
    with pytest.raises(DataError, match=rf"cut c0 is in the language '{language}'. Leave it out, or name it"):
        import_cuts([said_in(language, 0, tmp_path)], tmp_path / "data")


def test_the_channel_of_a_cut_stays(tmp_path: Path) -> None:
    cuts = [said_in("en", channel, tmp_path, channel) for channel in (1, 0)]
    import_cuts(cuts, tmp_path / "data")
    again = list(export_cuts(imported(tmp_path / "data")))
    assert [one.channel for one in again] == [one.supervisions[0].channel for one in again] == [1, 0]
    for one, before in zip(again, cuts, strict=True):
        assert np.array_equal(one.load_audio(), before.load_audio())


def test_a_recording_with_a_file_a_channel(tmp_path: Path) -> None:
    for channel in (0, 1):
        soundfile.write(tmp_path / f"{channel}.wav", np.full(16000, 0.1 + channel / 2), 16000)
    made = said_in("en", 0, tmp_path, 1)
    sources = [lhotse.AudioSource("file", [channel], str(tmp_path / f"{channel}.wav")) for channel in (0, 1)]
    made.recording = lhotse.Recording("r", sources, 16000, 16000, 1.0, channel_ids=[0, 1])
    import_cuts([made], tmp_path / "data")
    (again,) = export_cuts(imported(tmp_path / "data"))
    assert again.load_audio().mean() == pytest.approx(0.6, abs=1e-3) == made.load_audio().mean()


def test_sound_that_is_no_channel_of_a_file_is_refused(tmp_path: Path) -> None:
    one, other = said_in("en", 0, tmp_path), said_in("en", 1, tmp_path)
    other.supervisions = []
    both = lhotse.MultiCut("m", 0, 1.0, [0, 1], one.supervisions, recording=one.recording)
    for made in (both, one.mix(other), one.move_to_memory()):
        with pytest.raises(DataError, match="is not one channel of one file"):
            import_cuts([made], tmp_path / "data")


def test_an_import_that_runs_again_doubles_nothing(tmp_path: Path) -> None:
    cuts = [cut(number, tmp_path) for number in range(3)]
    assert [import_cuts(cuts[:count], tmp_path / "data") for count in (2, 2, 3)] == [2, 0, 1]
    assert [one.id for one in imported(tmp_path / "data").utterances()] == ["c0", "c1", "c2"]
