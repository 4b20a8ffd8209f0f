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
