"""Scorers that compare a clip with a reference by arithmetic alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from glmtts.eval import scorers
from glmtts.eval.scorers.f0 import compared
from glmtts.eval.scorers.mr_stft import stft_distance
from tests.eval.scorers.conftest import RATE, vowel


def test_band_levels_are_where_the_energy_is(made) -> None:
    time = np.arange(RATE) / RATE
    wave = (0.5 * np.sin(2 * np.pi * 500 * time) + 0.05 * np.sin(2 * np.pi * 3000 * time)).astype(np.float32)
    louder = (0.5 * np.sin(2 * np.pi * 500 * time) + 0.1 * np.sin(2 * np.pi * 3000 * time)).astype(np.float32)
    score = scorers.load("band_energy").score([made(wave, reference=made(louder))])[0]
    assert score["band_0_1khz"] == pytest.approx(-0.04, abs=0.02)
    assert score["band_2_4khz"] == pytest.approx(-20, abs=0.1)
    assert score["band_2_4khz_difference"] == pytest.approx(-6, abs=0.15)
    narrow = scorers.load("band_energy").score([made(wave[:16000], 16000), made(0 * wave)])
    assert narrow[0]["band_8_12khz"] is None and narrow[0]["band_0_1khz_difference"] is None
    assert set(narrow[1].values()) == {None}


def test_stft_distance_is_that_of_the_formula() -> None:
    wave = np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    half = 0.5 * wave
    convergence, magnitude = stft_distance(half, wave)
    assert convergence == pytest.approx(0.5, abs=1e-4) and magnitude == pytest.approx(np.log(2), abs=1e-3)
    assert stft_distance(wave, wave) == (0, 0)


def test_stft_distance_grows_with_noise_and_wants_a_reference(made) -> None:
    clean = made(vowel())
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    clips = [made(clean.wave + level * noise, reference=clean) for level in (0.001, 0.01, 0.1)]
    scorer = scorers.load("mr_stft")
    found = [score["mr_stft"] for score in scorer.score(clips)]
    assert 0 < found[0] < found[1] < found[2]
    assert scorer.score([clean, replace(clips[0], wave=clean.wave[:100])]) == [dict.fromkeys(scorer.columns)] * 2


def test_pitch_columns_are_those_of_the_contours() -> None:
    wanted = np.array([0, 100, 110, 120, 130, 0, 0.0])
    score = compared(np.array([0, 103, 106, 124, 126, 140, 0.0]), wanted)
    assert score["f0_rmse"] == pytest.approx(np.sqrt((9 + 16 + 16 + 16) / 4))
    assert score["voicing_f1"] == pytest.approx(2 * 4 / 9)
    assert score["f0_corr"] == pytest.approx(np.corrcoef([103, 106, 124, 126], [100, 110, 120, 130])[0, 1])
    assert compared(np.zeros(4), np.zeros(4)) == {"f0_rmse": None, "f0_corr": None, "voicing_f1": None}


def test_a_higher_voice_has_a_pitch_error_of_its_distance(made) -> None:
    pytest.importorskip("pyworld")
    low, high = made(vowel(120)), made(vowel(150))
    same, higher, alone = scorers.load("f0").score([replace(low, reference=low), replace(high, reference=low), low])
    assert same["f0_rmse"] == 0 and same["voicing_f1"] == 1
    assert higher["f0_rmse"] == pytest.approx(28.5, abs=3)
    assert alone == {"f0_rmse": None, "f0_corr": None, "voicing_f1": None}


def test_pesq_falls_with_noise(made, speech) -> None:
    pytest.importorskip("pesq")
    from tests.eval.scorers.conftest import noisy

    clean = speech[0]
    clips = [replace(clip, reference=clean) for clip in (clean, noisy(clean, 10), noisy(clean, 0))]
    found = [score["pesq"] for score in scorers.load("pesq").score([*clips, clean])]
    assert found[0] > 4.5 > found[1] > found[2] > 1 and found[3] is None
    silent = made(np.zeros(RATE, np.float32))
    assert scorers.load("pesq").score([replace(silent, reference=silent)]) == [{"pesq": None}]


def test_reference_scorers_do_not_depend_on_what_is_beside(made) -> None:
    clips = [made(vowel(f), reference=made(vowel(f + 5))) for f in (100, 130)]
    scorer = scorers.load("mr_stft")
    assert scorer.score(clips) == [scorer.score([clip])[0] for clip in clips]
    assert torch.is_inference_mode_enabled() is False
