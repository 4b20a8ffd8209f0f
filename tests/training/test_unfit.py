"""Settings and data that do not fit each other are told before anything is trained; what is too short is left out."""

from pathlib import Path

import numpy as np
import pytest
import torch

from glmtts.data import ShardWriter, Utterance
from glmtts.errors import ConfigError, DataError
from glmtts.training.dryrun import measure
from glmtts.training.loader import seed_draws
from glmtts.training.registry import create_task
from tests.training.made_up import SPECS, run_of, write_speech
from tests.training.runs import train

F0_ALONE = {"gan_start": None, "reconstruction_weight": 0.0}
TRAINED = {  # every way in which a part of a network learns alone
    "lm": ("lm", {}),
    "flow": ("flow", {}),
    "tokenizer": ("speech_tokenizer", {}),
    "vocoder": ("vocoder", {}),
    "harmonic": ("vocos_harmonic", {}),
    "F0 alone": ("vocos_harmonic", F0_ALONE),
    "envelopes alone": ("vocos_harmonic", {"gan_start": None, "pitch_weight": 0.0}),
    "F0 before discriminators": ("vocos_harmonic", {"gan_start": 3, "reconstruction_weight": 0.0}),
}


@pytest.mark.parametrize(
    ("task", "sections", "sentence"),
    [
        ("flow", {"loss": {"longest_block": 10}}, "longest_block 10 is below shortest_block 24"),
        ("lm", {"loss": {"guided_layers": [], "alignment_scale": 0.5}}, "guided_layers is empty"),
        ("speech_tokenizer", {"model": {"max_positions": 500}}, r"max_positions, 500\. Set data\.max_seconds=10 "),
        ("speech_tokenizer", {"data": {"frozen_layers": 7}}, "frozen_layers is 7, but only 2"),
        ("speech_tokenizer", {"loss": {"quantizer_warmup_steps": 8}}, "ends before its codebook begins"),
        ("speech_tokenizer", {"loss": {"asr_scale": -1.0}}, "asr_scale"),
        (
            "speech_tokenizer",
            {"loss": {"quantizer_warmup_steps": 3, "freeze_codebook_until": 3}},
            "freeze_codebook_until=3 freezes nothing",
        ),
        ("speech_tokenizer", {"run": {"init_from": "bundle"}}, "trained codebook would be lost"),
        ("lm", {"init": {"moved_codes": "there"}}, "Give it as run.init_from"),
        ("flow", {"init": {"moved_codes": "there"}}, "Give it as run.init_from"),
        ("flow", {"model": {"prior_width": None}}, "pitch_width is 8, but without prior_width"),
        (
            "flow",
            {"model": {"prior_width": None, "pitch_width": None}, "init": {"mel_head": "there"}},
            "prior_width is none",
        ),
        ("vocoder", {"loss": {"periods": [0]}}, "periods"),
        ("vocoder", {"loss": {"periods": [4000]}}, "segment_frames=5 are too short for the discriminators. Set 10 "),
        ("vocoder", {"data": {"segment_frames": 3}}, "segment_frames=3 are too short for the discriminators. Set 4 "),
        ("vocoder", {"loss": {"resolutions": []}}, "resolutions"),
        ("vocoder", {"loss": {"resolutions": [[512, 0, 40]]}}, "resolutions"),
        ("vocoder", {"loss": {"resolutions": [[512, 1024, 40]]}}, "a hop must be at most its window"),
        ("vocoder", {"loss": {"reconstruction_weight": float("nan")}}, "reconstruction_weight"),
        ("vocoder", {"loss": {"gan_start": None, "critic_init": "there"}}, "without gan_start there are none"),
        ("vocoder", {"model": {"kernel": 4}}, "kernel must be odd"),
        ("flow", {"model": {"position_kernel": 16}}, "position_kernel must be odd"),
        ("vocoder", {"data": {"batch_utterances": 0}}, "batch_utterances"),
        ("lm", {"data": {"evaluated": -1}}, "evaluated"),
        ("speech_tokenizer", {"data": {"batch_seconds": 0}}, "batch_seconds"),
        ("vocoder", {"model": {"n_fft": 100}}, "hop_length must be at most n_fft"),
        ("vocos_harmonic", {"loss": {**F0_ALONE, "pitch_weight": 0.0}}, "nothing would be learnt"),
    ],
)
def test_settings_that_would_fail_hours_later(
    task: str, sections: dict, sentence: str, speech: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=sentence) as error:
        measure(create_task(run_of(task, speech, tmp_path / "run", **sections)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("task", "sections", "sentence"),
    [
        ("flow", {"model": {"n_mels": 100}}, r"'mel' of .* is of shape \(80,\), not \(100,\)"),
        ("flow", {"model": {"speaker_width": 100}}, r"'speaker' of .* is of shape \(192,\)"),
        ("flow", {"model": {"frames_per_token": 4}}, "'mel' of .* is at 50 a second, not 100"),
        ("speech_tokenizer", {"model": {"d_model": 64}}, r"'hidden' of .* is of shape \(32,\), not \(64,\)"),
        ("vocoder", {"model": {"sample_rate": 16000}}, "'wave' of .* is at 24000 a second, not 16000"),
        (
            "vocos_harmonic",
            {"model": {"hop_length": 240, "n_fft": 960}, "data": {"segment_frames": 10}},
            "'f0' of .* is at 50 a second, not 100",
        ),
    ],
)
def test_data_of_another_rate_or_shape(task: str, sections: dict, sentence: str, speech: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=sentence) as error:
        create_task(run_of(task, speech, tmp_path / "run", **sections)).source()
    assert "\n" not in str(error.value)


def recordings(folder: Path, *frames: int, number: int = 0) -> Path:
    """Speech in `folder` whose utterances have so many frames; `number` is that of the first, which names it."""
    rng = np.random.default_rng(0)
    specs = {name: SPECS[name] for name in ("tokens", "mel", "f0", "hidden", "speaker")}
    write_speech(folder, 0)
    with ShardWriter(folder / "speech", specs, provenance="made up") as writer:
        for place, length in enumerate(frames):
            utterance = Utterance(f"u{number + place}", "再见", "zh", "s", max(1.0, length / 50))
            features = {
                "tokens": np.zeros((length + 1) // 2, np.int32),
                "mel": rng.normal(-5, 2, (length, 80)).astype(np.float16),
                "f0": np.full(length, 150, np.float32),
                "hidden": rng.normal(size=(length, 32)).astype(np.float16),
                "speaker": rng.normal(size=192).astype(np.float32),
            }
            writer.add(utterance, features)
    return folder


@pytest.mark.parametrize("task", ["flow", "speech_tokenizer"])
def test_a_recording_without_a_whole_token_is_left_out(task: str, tmp_path: Path) -> None:
    speech = recordings(tmp_path, 1, 50)
    made = create_task(run_of(task, speech, tmp_path / "run", data={"batch_seconds": 4}))
    model, batch = made.build(), made.source().batch(0)
    assert len(batch.mask_BT) == 1
    assert torch.isfinite(made.loss(model, batch, 5)[0])


@pytest.mark.parametrize("task", ["flow", "speech_tokenizer"])
def test_data_of_which_nothing_can_be_used_are_one_sentence(task: str, tmp_path: Path) -> None:
    made = create_task(run_of(task, recordings(tmp_path, 1, 1), tmp_path / "run"))
    with pytest.raises(DataError, match="no utterance can be used in a whole epoch"):
        made.source().batch(0)


def test_what_has_more_ids_than_the_model_has_positions_goes_without_its_prompt(speech: Path, tmp_path: Path) -> None:
    data = {"prompt_share": 1.0, "batch_seconds": 6}

    def longest(positions: int) -> int:
        made = create_task(run_of("lm", speech, tmp_path / "run", model={"max_positions": positions}, data=data))
        source = made.source()
        return max(source.batch(number).ids_BL.shape[1] for number in range(8))

    assert longest(2048) > 60
    assert 30 < longest(60) <= 60
    with pytest.raises(DataError, match="no utterance can be used"):
        longest(10)


@pytest.mark.parametrize("task", ["lm", "flow", "speech_tokenizer", "vocoder"])
def test_held_out_recordings_are_as_long_as_those_that_are_trained_on(task: str, speech: Path, tmp_path: Path) -> None:
    """The longest of these held out has 1.12 s: a model of so many positions would end the run in its evaluation."""
    sections = {"data": {"max_seconds": 1.0, "evaluated": 9}, "schedule": {"steps": 4}, "log": {"evaluate_every": 4}}
    made = create_task(run_of(task, speech, tmp_path / "run", **sections))
    section = next(part for part in made._parsed.values() if hasattr(part, "held_out"))
    dataset = section.open()
    whole = dataset.held_out_sample(9)
    kept = section.held_out(dataset)
    assert kept == [ref for ref in whole if ref.seconds <= 1.0]
    assert 0 < len(kept) < len(whole)
    held_out = made.held_out["held_out"] if task == "lm" else made._held_out
    assert len(held_out) == len(kept)


@pytest.mark.parametrize("name", TRAINED)
def test_a_loss_reaches_all_that_is_trained(name: str, speech: Path, tmp_path: Path) -> None:
    """Processes that train together wait for the gradient of every weight that takes one."""
    task, loss = TRAINED[name]
    made = create_task(run_of(task, speech, tmp_path / "run", loss=loss))
    model, batch = made.build(), made.source().batch(0)
    for step in range(2):
        seed_draws(0, step)
        made.loss(model, batch, step)[0].backward()
    named = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    assert named
    assert not [name for name, weight in named.items() if weight.grad is None]


def test_f0_stays_where_envelopes_alone_are_learnt(speech: Path, tmp_path: Path) -> None:
    loss = {"gan_start": None, "pitch_weight": 0.0}
    config = run_of("vocos_harmonic", speech, tmp_path / "run", loss=loss, log={"evaluate_every": None})
    torch.manual_seed(0)
    engine = train(config)
    moments = engine.groups()["optimizer"]
    assert any(name.startswith("exp_avg.fine_blocks") for name in moments)
    assert not any(name.startswith("exp_avg.pitch") for name in moments)
