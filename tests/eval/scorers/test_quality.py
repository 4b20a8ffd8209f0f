"""NISQA, DistillMOS, DNSMOS and laughter: real weights where they are at hand, tiny checks of shape and words else."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from glmtts.errors import EvaluationError
from glmtts.eval import scorers
from glmtts.eval.scorers.networks import laughter, nisqa
from glmtts.foreign import read_weights
from tests.eval.scorers.conftest import RATE, noisy, vowel


def real(shared: Path, name: str) -> Path:
    path = shared / "models" / name
    if not path.is_file():
        pytest.skip(f"needs the weights {name}")
    return path


def test_nisqa_ranks_noise_and_skips_what_is_too_short(shared: Path, speech) -> None:
    for kind, column in (("nisqa", "nisqa_mos_pred"), ("nisqa_tts", "nisqa_tts_mos_pred")):
        scorer = scorers.load(kind, weights=real(shared, f"nisqa/{kind}.safetensors"))
        clean = speech[0]
        short = scorers.Clip("short", clean.wave[:2400], RATE, "", "en")
        found = scorer.score([clean, noisy(clean, 10), noisy(clean, 0), short])
        values = [score[column] for score in found]
        assert values[0] > values[1] > values[2] > 0.5 and values[3] is None
        assert set(found[0]) == set(scorer.columns)


def test_nisqa_equals_torchmetrics(shared: Path, speech, monkeypatch: pytest.MonkeyPatch) -> None:
    published = pytest.importorskip("torchmetrics.functional.audio.nisqa")
    pytest.importorskip("librosa")
    import json

    weights = real(shared, "nisqa/nisqa.safetensors")
    sizes = {"cnn_pool_1": [24, 7], "cnn_pool_2": [12, 5], "cnn_pool_3": [6, 3], "cnn_kernel_size": (3, 3)}
    settings = json.loads((shared / "models/nisqa/nisqa.json").read_text()) | sizes
    network = published._NISQADIM(settings)
    network.load_state_dict(read_weights(weights, "NISQA", EvaluationError))
    monkeypatch.setattr(published, "_load_nisqa_model", lambda: (network.eval(), settings))
    monkeypatch.setattr(published, "_REQUESTS_AVAILABLE", True)
    wanted = published.non_intrusive_speech_quality_assessment(torch.from_numpy(speech[0].wave), RATE)
    found = scorers.load("nisqa", weights=weights).score([speech[0]])[0]
    assert list(found.values()) == pytest.approx(wanted.tolist(), abs=1e-4)


def test_segments_are_a_hop_apart() -> None:
    found = nisqa.segments(vowel(seconds=1), RATE, 20000.0, 4)
    assert found.shape == (22, 1, 48, 15)  # 101 frames hold 87 segments, every fourth is kept
    assert torch.equal(found[1, :, :, :11], found[0, :, :, 4:])
    assert len(nisqa.segments(vowel(seconds=0.1), RATE, 20000.0, 4)) == 0


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("nisqa", {}, "needs its weights"),
        ("nisqa", {"weights": "nowhere.tar"}, "no weights of NISQA"),
        ("laughter", {}, "needs weights"),
        ("emotion", {}, "needs weights"),
        ("emotion", {"weights": "nowhere"}, "no emotion classifier"),
        ("speaker_wavlm", {}, "needs wavlm_large_finetune.pth"),
        ("utmos", {"repository": "."}, "cannot be loaded"),
    ],
)
def test_missing_weights_are_one_sentence(name: str, options: dict, words: str) -> None:
    with pytest.raises(EvaluationError, match=words):
        scorers.load(name, **options)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file({"other": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(EvaluationError, match="no weights of NISQA"):
        scorers.load("nisqa", weights=tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    ("name", "module", "command"),
    [
        ("whisper_wer", "faster_whisper", "pip install"),
        ("paraformer_wer", "funasr", "pip install funasr"),
        ("sensevoice_wer", "funasr", "pip install funasr"),
        ("speaker_wavlm_sv", "transformers", "pip install transformers"),
        ("speaker_eres2net", "modelscope", "pip install"),
        ("speaker_resemblyzer", "resemblyzer", "pip install"),
        ("emo2vec", "funasr", "pip install funasr"),
        ("dnsmos", "onnxruntime", "pip install"),
        ("utmosv2", "utmosv2", "pip install git"),
        ("audiobox_aesthetics", "audiobox_aesthetics", "pip install audiobox"),
        ("pesq", "pesq", "pip install pesq"),
    ],
)
def test_a_missing_backend_names_its_command(
    name: str, module: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(EvaluationError, match=f"{module}.*{command}"):
        scorers.load(name)


@pytest.mark.parametrize(("name", "column"), [("dnsmos", "dnsmos_overall"), ("distillmos", "distillmos")])
def test_scorers_of_packages_rank_noise(name: str, column: str, speech) -> None:
    try:
        scorer = scorers.load(name)
    except EvaluationError as error:
        pytest.skip(str(error))
    values = [score[column] for score in scorer.score([speech[0], noisy(speech[0], 0)])]
    assert values[0] > values[1] >= 1


def test_laughter_features_equal_librosas() -> None:
    """What librosa 0.11.0 gave for this sound: its own functions take 15 s to compile."""
    wave = vowel(rate=8000) + 0.01 * np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    # amplitude_to_db(melspectrogram(y=wave, sr=8000, hop_length=186, pad_mode="reflect").T, ref=np.max)
    stored = np.load(Path(__file__).with_name("librosa_laughter.npy"))
    assert np.abs(laughter.decibels(wave).numpy() - stored).max() < 1e-3


def test_speech_is_no_laughter(shared: Path, speech) -> None:
    scorer = scorers.load("laughter", weights=real(shared, "laughter/resnet_without_augmentation.safetensors"))
    short = scorers.Clip("short", speech[0].wave[: RATE // 2], RATE, "", "en")
    found = scorer.score([speech[1], short, scorers.Clip("empty", np.zeros(0, np.float32), RATE, "", "en")])
    assert all(score["laughter"] < 0.5 and score["laughter_seconds"] == 0 for score in found[:2])
    assert found[2] == {"laughter": None, "laughter_seconds": None}


def test_threads_give_the_same_scores(shared: Path, speech) -> None:
    from concurrent.futures import ThreadPoolExecutor

    scorer = scorers.load("nisqa", weights=real(shared, "nisqa/nisqa.safetensors"))
    alone = [scorer.score([clip])[0] for clip in speech]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda clip: scorer.score([clip])[0], speech)) == alone
