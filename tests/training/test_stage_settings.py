"""Settings of stages that no run could use: one sentence at once, and not a traceback of the first step."""

from pathlib import Path
from typing import Any

import pytest

import glmtts.tasks  # noqa: F401 - registers the tasks by name
from glmtts.errors import ConfigError
from glmtts.training.building import built
from glmtts.training.registry import create_task
from tests.training.made_up import run_of

MELS = ("flow", "vocoder", "vocos", "vocos_harmonic")
LOSSES = ("asr_scale", "pitch_scale", "mel_scale", "commitment_scale")


@pytest.mark.parametrize(
    ("task", "sections", "named"),
    [
        *((task, {"model": {"mel_std": 0.0}}, "mel_std") for task in MELS),
        *((task, {"model": {"mel_std": float("nan")}}, "mel_std") for task in MELS),
        *((task, {"model": {"mel_mean": float("inf")}}, "mel_mean") for task in MELS),
        ("flow", {"model": {"heads": 5}}, "width 32 is no even multiple of heads, 5"),
        ("flow", {"model": {"heads": 32}}, "no even multiple"),
        ("flow", {"model": {"n_fft": 10}}, "filters that hear nothing"),
        ("flow", {"model": {"sample_rate": 100}}, "filters that hear nothing"),
        ("speech_tokenizer", {"model": {"heads": 3}}, "d_model 32 is no multiple of heads, 3"),
        *(("speech_tokenizer", {"loss": {name: float("inf")}}, name) for name in LOSSES),
        ("vocoder", {"loss": {"resolutions": [[4096, 4096, 8]]}}, "longer than a mel frame of 480 samples"),
        ("vocos", {"loss": {"resolutions": [[512, 128, 8], [1600, 1000, 8]]}}, "the hop 1000 of the window 1600"),
    ],
)
def test_what_no_run_could_use_is_one_sentence(
    task: str, sections: dict[str, dict[str, Any]], named: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as error:
        built(create_task(run_of(task, tmp_path, tmp_path / "run", **sections)))
    assert named in str(error.value) and "\n" not in str(error.value)


def test_resolutions_that_one_frame_fills_are_taken(tmp_path: Path) -> None:
    task = create_task(run_of("vocoder", tmp_path, tmp_path / "run", loss={"resolutions": [[480, 480, 8]]}))
    batch = task.example_batch()
    assert float(task.loss(task.build(), batch, 0)[0].detach()) > 0
