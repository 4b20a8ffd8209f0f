"""Fingerprints tell weights of one name apart, wherever they lie."""

import os
import shutil
from pathlib import Path

import pytest

from glmtts.errors import EvaluationError
from glmtts.eval.fingerprint import fingerprint, fingerprints
from glmtts.eval.protocols.forced import Choice
from glmtts.eval.protocols.long_form import Windows
from glmtts.eval.protocols.speech_tokenizer import TokenHead
from glmtts.eval.stages import Recognition


def model(folder: Path, weights: bytes) -> Path:
    """A folder of a model."""
    (folder / "parts").mkdir(parents=True)
    (folder / "parts/model.bin").write_bytes(weights)
    (folder / "config.json").write_text("{}")
    return folder


def test_other_weights_under_the_same_name_have_another_fingerprint(tmp_path: Path) -> None:
    first, second = model(tmp_path / "v1/model", b"one"), model(tmp_path / "v2/model", b"two")
    moved = shutil.copytree(first, tmp_path / "elsewhere/renamed")
    (moved / ".git").mkdir()
    (moved / ".git/index").write_text("of this machine")
    os.utime(moved / "config.json", (1, 1))
    assert fingerprint(first) == fingerprint(moved) != fingerprint(second)
    before = fingerprint(first)
    (first / "parts/model.bin").write_bytes(b"six")  # trained again: the same name and size
    assert fingerprint(first) != before
    assert fingerprint(first / "parts/model.bin") != fingerprint(second / "parts/model.bin")
    with pytest.raises(EvaluationError, match="There is no"):
        fingerprint(tmp_path / "absent")


def test_only_what_lies_on_this_machine_has_one(tmp_path: Path) -> None:
    folder = model(tmp_path / "model", b"one")
    found = fingerprints({"en": f"whisper:{folder}", "zh": "whisper-base", "ja": str(folder), "threads": 4})
    assert found == {"en": fingerprint(folder), "ja": fingerprint(folder)}


def test_a_bundle_is_known_by_its_description(tmp_path: Path) -> None:
    folder = model(tmp_path / "bundle", b"one")
    (folder / "bundle.json").write_text('{"files": "a"}')
    before = fingerprint(folder), TokenHead(folder).about()
    (folder / "bundle.json").write_text('{"files": "b"}')
    assert fingerprint(folder) != before[0] and TokenHead(folder).about() != before[1]


@pytest.mark.parametrize("stage", [Recognition, Choice, Windows])
def test_stages_of_recognisers_tell_weights_and_device(stage: type[Recognition], tmp_path: Path) -> None:
    first, second = model(tmp_path / "v1/model", b"one"), model(tmp_path / "v2/model", b"two")
    abouts = [stage({"en": f"whisper:{folder}"}).about() for folder in (first, second)]
    assert abouts[0] != abouts[1] and str(tmp_path) not in str(abouts)
    assert stage({"en": f"whisper:{first}"}, "cuda").about() != abouts[0]
