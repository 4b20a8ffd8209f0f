"""Audio in the logs of every stage: files and TensorBoard, or one sentence where there is none."""

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from glmtts.bundle import Bundle, save_config
from glmtts.errors import TrainingError
from glmtts.lm.train import LanguageModelTask
from glmtts.synthesis.listening import BundleRenderer
from glmtts.training.listening import Speaker
from tests.training.made_up import SPECS, run_of, write_speech
from tests.training.runs import assert_same, train

pytestmark = pytest.mark.long

FOUR_STEPS = {"steps": 4, "warmup_steps": 1}
SAMPLES_PER_TOKEN = 960


def heard(task: str, speech: Path, out: Path, bundle: str | None, **sections: dict[str, Any]) -> dict[str, np.ndarray]:
    """The samples of step 4 of a run through a bundle."""
    log = {"sample_every": 4, "sample_bundle": bundle, "tensorboard": True, "evaluate_every": None}
    train(run_of(task, speech, out, schedule=FOUR_STEPS, log=log, **sections))
    files = sorted((out / "samples").glob("00000004_*.wav"))
    return {path.stem.removeprefix("00000004_"): soundfile.read(path)[0] for path in files}


def on_the_board(out: Path) -> set[str]:
    """Names of the audio that TensorBoard shows."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    board = accumulator.EventAccumulator(str(out / "tensorboard"), size_guidance={"audio": 0})
    return set(board.Reload().Tags()["audio"])


@pytest.mark.parametrize("task", ["lm", "flow", "speech_tokenizer", "vocoder"])
def test_every_stage_is_heard(task: str, speech: Path, tiny_folder: Path, tmp_path: Path) -> None:
    loss = {"quantizer_warmup_steps": 0, "freeze_codebook_until": 9}  # else 16 codes move in a step
    start = {"run": {"init_from": str(tiny_folder)}, "loss": loss}
    sounds = heard(task, speech, tmp_path, str(tiny_folder), **(start if task == "speech_tokenizer" else {}))
    assert sounds.keys() == {"held_out_0", "held_out_1"} == on_the_board(tmp_path)
    for samples in sounds.values():
        assert len(samples) >= SAMPLES_PER_TOKEN
        assert len(samples) % (SAMPLES_PER_TOKEN // 2) == 0
        assert samples.std() > 0


def test_tokens_of_another_codebook_are_heard_through_the_own_mel_head(
    speech: Path, tiny_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its flow would speak other sounds for them."""
    sounds = heard("speech_tokenizer", speech, tmp_path / "head", str(tiny_folder))
    assert sounds.keys() == {"held_out_0_mel_head", "held_out_1_mel_head"}
    with caplog.at_level(logging.WARNING, "glmtts"):
        assert not heard("speech_tokenizer", speech, tmp_path / "no_head", str(tiny_folder), loss={"mel_scale": 0})
    assert "the codes of this run are not those of" in caplog.text
    assert "it has no mel head" in caplog.text


def test_the_language_model_speaks_in_the_held_out_voice(speech: Path, tiny_folder: Path, tmp_path: Path) -> None:
    """Where the data name nobody, the same tokens sound in the bundle's voice."""
    own = heard("lm", speech, tmp_path / "own", str(tiny_folder))
    nobody = write_speech(tmp_path / "nobody", specs={name: spec for name, spec in SPECS.items() if name != "speaker"})
    lent = heard("lm", nobody, tmp_path / "lent", str(tiny_folder))
    assert own.keys() == lent.keys() == {"held_out_0", "held_out_1"}
    for name, samples in own.items():
        assert len(samples) == len(lent[name])
        assert not np.allclose(samples, lent[name])


def test_lines_continue_the_first_utterance_where_the_model_learns_to(speech: Path, tmp_path: Path) -> None:
    prompted, alone = (
        LanguageModelTask(run_of("lm", speech, tmp_path, data={"prompt_share": share}))._lines for share in (0.4, 0.0)
    )
    assert [len(lines) for lines in (prompted, alone)] == [2, 2]
    starts = [[int(line.batch.positions_N[0]) for line in lines] for lines in (prompted, alone)]
    assert all(after > before for after, before in zip(starts[0][:1], starts[1][1:], strict=True)), "a prompt is longer"
    (first, second), (one, other) = ([line.speaker for line in lines] for lines in (prompted, alone))
    assert first is not None and second is not None and one is not None and other is not None
    assert torch.equal(first.embedding_D, second.embedding_D)
    assert torch.equal(first.embedding_D, one.embedding_D)
    assert not torch.equal(one.embedding_D, other.embedding_D)


@pytest.mark.parametrize(
    ("bundle", "codes", "sentence"),
    [(None, 16, "log.sample_bundle is null"), ("bundle", 16, "16 speech tokens and not 2048 as bundle")],
)
def test_no_audio_is_one_sentence(
    bundle: str | None, codes: int, sentence: str, speech: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = {"sample_every": 1, "sample_bundle": bundle, "evaluate_every": None}
    with caplog.at_level(logging.WARNING, "glmtts"):
        train(run_of("lm", speech, tmp_path, schedule=FOUR_STEPS, log=log))
    said = [record.getMessage() for record in caplog.records if "audio samples" in record.getMessage()]
    assert len(said) == 1
    assert sentence in said[0]


def test_a_bundle_that_is_not_there_is_found_before_the_first_step(speech: Path, tmp_path: Path) -> None:
    log = {"sample_every": 4, "sample_bundle": str(tmp_path / "nothing")}
    with pytest.raises(TrainingError, match="where there is no bundle"):
        train(run_of("lm", speech, tmp_path / "run", log=log))


def test_samples_change_nothing_of_the_run(speech: Path, tiny_folder: Path, tmp_path: Path) -> None:
    for name, every in (("heard", 2), ("unheard", None)):
        log = {"sample_every": every, "sample_bundle": str(tiny_folder)}
        train(run_of("lm", speech, tmp_path / name, schedule=FOUR_STEPS, log=log, data={"prompt_share": 0}))
    assert_same(tmp_path / "heard", tmp_path / "unheard")


def test_a_renderer_says_what_the_bundle_says(tiny_folder: Path) -> None:
    """The same tokens sound the same each time, another speaker says them in another way, and mel passes as it is."""
    renderer = BundleRenderer(Bundle.open(tiny_folder))
    tokens, speaker = torch.tensor([3, 1, 4, 1, 5]), renderer.speaker
    assert speaker is not None
    first, again = (renderer.speech(tokens, speaker) for _ in range(2))
    assert (len(first.samples), first.rate) == (5 * SAMPLES_PER_TOKEN, 24000)
    assert np.array_equal(first.samples, again.samples)
    other = renderer.speech(tokens, Speaker(-speaker.embedding_D, speaker.f0))
    assert not np.allclose(first.samples, other.samples)
    mel_MT = torch.randn(80, 7)
    assert np.allclose(
        renderer.waveform(mel_MT).samples, Bundle.open(tiny_folder).vocoder(mel_MT[None])[0].clamp(-1, 1)
    )


def test_a_bundle_without_voices_lends_nobody(tiny_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_folder, tmp_path / "mute")
    bundle = Bundle.open(tmp_path / "mute")
    plain = bundle.config.model_copy(update={"voices": {}, "synthesis": {}})
    save_config(tmp_path / "mute", plain)
    assert BundleRenderer(Bundle.open(tmp_path / "mute")).speaker is None
