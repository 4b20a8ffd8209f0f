"""Who speaks when becomes clips of one speaker, with every sample accounted for."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glmtts.audio.loudness import integrated_loudness
from glmtts.data.pipeline import Clip, Span, check
from glmtts.data.pipeline.stages.clustering import absorb_small, agglomerate
from glmtts.data.pipeline.stages.diarization import Clustering, Diarization, LocalDiarizer, Unit, most_voted
from glmtts.data.pipeline.stages.diarize import DiarizeConfig, by_speaker
from glmtts.data.pipeline.stages.pyannote import PyannoteDiarizer, from_annotations
from glmtts.errors import DataError

RATE = 16000


def clip_of(samples: int, gap: int = 0) -> Clip:
    """Noise of two spans with a gap between them in the source."""
    wave = np.random.default_rng(0).normal(0, 0.02, samples).astype(np.float32)
    middle = max(1, samples // 3)
    spans = (
        (Span("s", 5, 5 + middle), Span("s", 5 + middle + gap, 5 + samples + gap)) if gap else (Span("s", 0, samples),)
    )
    return Clip(wave, RATE, spans)


def around(direction: int, count: int, spread: float, seed: int) -> np.ndarray:
    """Unit vectors (count, 8) about one axis."""
    vectors = np.eye(8)[direction] + np.random.default_rng(seed).normal(0, spread, (count, 8))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_clusters_are_the_speakers() -> None:
    embeddings_ND = np.concatenate([around(0, 6, 0.1, 1), around(1, 5, 0.1, 2), around(2, 1, 0.1, 3)])
    apart_NN = np.zeros((12, 12), dtype=bool)
    labels_N = agglomerate(embeddings_ND, np.ones(12), apart_NN, 0.5)
    assert labels_N.tolist() == [0] * 6 + [1] * 5 + [2]
    absorbed_N = absorb_small(embeddings_ND, np.ones(12), labels_N, 2.0)
    assert set(absorbed_N[:11].tolist()) == {0, 1} and absorbed_N[11] in (0, 1)


def test_speakers_heard_side_by_side_stay_apart() -> None:
    embeddings_ND = around(0, 4, 0.05, 1)
    apart_NN = np.zeros((4, 4), dtype=bool)
    apart_NN[0, 1] = apart_NN[1, 0] = True
    labels_N = agglomerate(embeddings_ND, np.ones(4), apart_NN, 0.5)
    assert labels_N[0] != labels_N[1] and labels_N.max() == 1


def test_similar_voices_that_the_segmentation_took_for_one_are_told_apart() -> None:
    local_CFL = np.zeros((1, 400, 1), dtype=np.uint8)
    local_CFL[0, 0:150, 0] = local_CFL[0, 200:400, 0] = 1
    units = [Unit(0, 0, 0, 150), Unit(0, 0, 200, 400)]

    class OneChunk:
        hop_seconds = 0.0

        def __call__(self, wave: np.ndarray) -> np.ndarray:
            return local_CFL

    diarizer = LocalDiarizer(OneChunk(), None, Clustering(smallest_speaker_seconds=1.0))  # type: ignore[arg-type]
    assert diarizer.units(local_CFL) == units
    found = diarizer.joined(local_CFL, units, np.eye(8)[:2], 4 * RATE)
    assert found.exclusive_F[[10, 149, 175, 210, 399]].tolist() == [0, 0, -1, 1, 1]


@pytest.mark.parametrize(("runs", "reason"), [((), "no speaker"), (((10, 59),), "no speaker"), (((0, 200),), "")])
def test_without_half_a_second_of_one_voice_there_is_no_speaker(runs: tuple[tuple[int, int], ...], reason: str) -> None:
    local_CFL = np.zeros((1, 200, 2), dtype=np.uint8)
    for start, end in runs:
        local_CFL[0, start:end, 0] = 1

    class OneChunk:
        hop_seconds = 0.0

        def __call__(self, wave: np.ndarray) -> np.ndarray:
            return local_CFL

    class Encoder:
        def embed(self, wave: torch.Tensor) -> torch.Tensor:
            return torch.ones(8) / 8**0.5

    clip = clip_of(2 * RATE)
    found = LocalDiarizer(OneChunk(), Encoder(), Clustering())(clip.wave)  # type: ignore[arg-type]
    assert found.active_KF.shape[1] == 200
    result = by_speaker(clip, found, DiarizeConfig())
    check("diarize", [clip], [result])
    assert {one.reason for one in result.dropped} == ({reason} if reason else set())
    assert len(result.kept) == (not reason)


def test_as_many_speakers_as_are_heard() -> None:
    votes_KF = np.array([[2.0, 2.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    active_KF = most_voted(votes_KF, np.array([1, 3, 1]))
    assert active_KF.T.tolist() == [[True, False, False], [True, True, False], [False, False, False]]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30_007), st.integers(0, 3), st.integers(0, 99), st.integers(0, 5000))
def test_no_sample_is_lost(samples: int, speakers: int, seed: int, gap: int) -> None:
    clip, random = clip_of(samples, gap if samples > 3 else 0), np.random.default_rng(seed)
    frames = -(-samples * 100 // RATE)
    blocks = random.random((speakers, frames // 20 + 1)) < 0.4
    found = Diarization(np.repeat(blocks, 20, axis=1)[:, :frames])
    config = DiarizeConfig(max_seconds=1.1, min_seconds=0.3, max_pause=0.2)
    result = by_speaker(clip, found, config)
    check("diarize", [clip], [result])
    assert all(0.3 <= one.seconds <= 1.1 + 0.02 for one in result.kept)


def test_clips_hold_one_speaker_without_overlap_at_one_loudness() -> None:
    clip, active_KF = clip_of(60 * RATE), np.zeros((2, 6000), dtype=bool)
    active_KF[0, 0:2000], active_KF[1, 1900:3000], active_KF[0, 3100:6000] = True, True, True
    result = by_speaker(clip, Diarization(active_KF), DiarizeConfig())
    overlap = [one.span for one in result.dropped if one.reason == "overlapped speech"]
    assert overlap == [Span("s", 19 * RATE, 20 * RATE)]
    for one in result.kept:
        owners = {int(active_KF[0, span.start * 100 // RATE]) for span in one.spans}
        assert len(owners) == 1 and one.seconds <= 40
        assert integrated_loudness(one.wave, RATE) == pytest.approx(-23, abs=0.5)
    assert len({one.labels["speaker"] for one in result.kept}) == 2


def test_pyannotes_annotations_become_frames() -> None:
    class Segment:
        def __init__(self, start: float, end: float) -> None:
            self.start, self.end = start, end

    class Annotation:
        def __init__(self, *rows: tuple[float, float, str]) -> None:
            self.rows = rows

        def labels(self) -> list[str]:
            return sorted({name for _, _, name in self.rows})

        def itertracks(self, yield_label: bool) -> list[tuple[Segment, int, str]]:
            return [(Segment(start, end), 0, name) for start, end, name in self.rows]

    everything = Annotation((0.0, 1.0, "A"), (0.8, 2.0, "B"))
    exclusive = Annotation((0.0, 0.9, "A"), (0.9, 2.0, "B"))
    found = from_annotations(everything, exclusive, 210)
    assert found.exclusive_F[[0, 79, 80, 99, 100, 199, 205]].tolist() == [0, 0, -1, -1, 1, 1, -1]


@pytest.mark.parametrize(("words", "said"), [("", "TimeoutError"), ("locked\nfor you", "locked")])
def test_a_pipeline_that_fails_without_words_is_told_by_its_kind(
    words: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(model: str) -> None:
        raise TimeoutError(words)

    package = SimpleNamespace(Pipeline=SimpleNamespace(from_pretrained=fails))
    monkeypatch.setattr("glmtts.data.pipeline.stages.pyannote.backend", lambda *arguments: package)
    with pytest.raises(DataError, match=rf"'m' cannot be loaded: {said}\. Accept"):
        PyannoteDiarizer("m")
