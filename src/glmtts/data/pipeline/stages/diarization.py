"""Who speaks when: local segmentation in chunks, embeddings of stretches of one speaker, clustering, reconstruction.

The way of pyannote.audio 3 (Bredin, 2023) with CAM++ for the embeddings, and with two differences. Each stretch has an
embedding of its own, where there each local speaker has one: similar voices that the segmentation took for one are
told apart. And speakers whom it heard side by side are kept apart in the clustering.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch

from glmtts.data.pipeline.stages.clustering import absorb_small, agglomerate
from glmtts.data.pipeline.stages.pyannet import CHUNK_SECONDS, SAMPLE_RATE, PyanNet
from glmtts.data.pipeline.stages.voice_activity import VoiceActivity
from glmtts.stages import SpeakerEncoder

FRAMES_A_SECOND = 100
BATCH = 16  # chunks at once: 160 s


@dataclass(frozen=True)
class Diarization:
    """Which speaker is heard in each hundredth of a second, (K, F) bool; overlapped where two are."""

    active_KF: np.ndarray

    @property
    def exclusive_F(self) -> np.ndarray:
        """The speaker that is heard alone in each frame (F,), −1 where none or several are."""
        alone = self.active_KF.sum(0) == 1
        return np.where(alone, self.active_KF.argmax(0) if len(self.active_KF) else 0, -1)


class Diarizer(Protocol):
    """Finds out who speaks when."""

    def __call__(self, wave: np.ndarray) -> Diarization:
        """Of 16 kHz samples (T,)."""
        ...


@dataclass(frozen=True)
class Clustering:
    """How embeddings become speakers; see `clustering`."""

    min_unit_seconds: float = 0.5
    # stretches embedded by themselves: DER from 19.2 to 12.1 % (docs/pipeline_stages.md)
    max_unit_seconds: float = 3.0
    threshold: float = 0.45  # DER is below 13 % from 0.4 to 0.5, and 17 % at 0.6
    smallest_speaker_seconds: float = 4.0


@dataclass(frozen=True)
class Unit:
    """A stretch of one chunk in which one local speaker is heard alone, in frames of that chunk."""

    chunk: int
    speaker: int
    start: int
    end: int


class Segmenter(Protocol):
    """Tells speakers apart within chunks, who they are left open."""

    hop_seconds: float

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        """Which local speaker is heard (chunks, F, L) uint8, at 100 frames a second; chunk c begins at c · hop."""
        ...


class PyanNetSegmenter:
    """PyanNet, in chunks of ten seconds: turns and overlaps."""

    def __init__(self, network: PyanNet, hop_seconds: float = 5.0) -> None:
        # a hop of half a chunk has two chunks vote on almost every frame
        self.network, self.hop_seconds = network, hop_seconds

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        """See `Segmenter`."""
        hop, size = int(self.hop_seconds * SAMPLE_RATE), int(CHUNK_SECONDS * SAMPLE_RATE)
        # one at least; the last may reach beyond the end, into zeros
        chunks = 1 + max(0, -(-(len(wave) - size) // hop))
        padded = np.pad(wave, (0, (chunks - 1) * hop + size - len(wave)))
        device, frames = next(self.network.parameters()).device, int(CHUNK_SECONDS * FRAMES_A_SECOND)
        found = []
        for first in range(0, chunks, BATCH):
            rows = np.stack([padded[c * hop : c * hop + size] for c in range(first, min(first + BATCH, chunks))])
            local_CFL = self.network.speakers(torch.from_numpy(rows.astype(np.float32)).to(device)).cpu().numpy()
            # for each frame of 10 ms the network's, of 17 ms, in which its middle lies
            places = ((np.arange(frames) + 0.5) / frames * local_CFL.shape[1]).astype(int)
            found.append(local_CFL[:, places].astype(np.uint8))
        return np.concatenate(found)


class VadSegmenter:
    """Voice activity alone: one chunk with one local speaker, who is then told apart by the clustering of short units.

    It hears no overlap.
    """

    hop_seconds = 0.0

    def __init__(self, detect: VoiceActivity) -> None:
        self.detect = detect

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        """See `Segmenter`."""
        local_CFL = np.zeros((1, -(-len(wave) * FRAMES_A_SECOND // SAMPLE_RATE), 1), dtype=np.uint8)
        for start, end in self.detect(wave):
            local_CFL[0, round(start * FRAMES_A_SECOND) : round(end * FRAMES_A_SECOND)] = 1
        return local_CFL


class LocalDiarizer:
    """A segmenter's local speakers, embeddings of their stretches, agglomerative clustering."""

    def __init__(self, segment: Segmenter, encoder: SpeakerEncoder, settings: Clustering) -> None:
        self.segment, self.encoder, self.settings = segment, encoder, settings

    def __call__(self, wave: np.ndarray) -> Diarization:
        """See `Diarizer`."""
        local_CFL = self.segment(wave)
        units = self.units(local_CFL)
        return self.joined(local_CFL, units, self.embed(wave, units), len(wave))

    def units(self, local_CFL: np.ndarray) -> list[Unit]:
        """Stretches to embed: long ones in equal parts, too short ones left out."""
        shortest, longest = (
            round(seconds * FRAMES_A_SECOND)
            for seconds in (self.settings.min_unit_seconds, self.settings.max_unit_seconds)
        )
        found = []
        for chunk, active_FL in enumerate(local_CFL):
            alone_F = active_FL.sum(1) == 1
            for speaker in range(active_FL.shape[1]):
                for start, end in runs((active_FL[:, speaker] == 1) & alone_F):
                    if end - start < shortest:
                        continue
                    edges = np.linspace(start, end, 1 + -(-(end - start) // longest)).astype(int)
                    found += [Unit(chunk, speaker, int(a), int(b)) for a, b in pairwise(edges)]
        return found

    def embed(self, wave: np.ndarray, units: list[Unit]) -> np.ndarray:
        """Embeddings (N, D) of the units."""
        per_frame, hop = SAMPLE_RATE // FRAMES_A_SECOND, int(self.segment.hop_seconds * SAMPLE_RATE)
        vectors, least = [], int(self.settings.min_unit_seconds * SAMPLE_RATE)
        for unit in units:
            start = unit.chunk * hop + unit.start * per_frame
            said = wave[start : start + (unit.end - unit.start) * per_frame]
            said = np.pad(said, (0, max(0, least - len(said))))  # the last chunk may reach beyond the end
            vectors.append(self.encoder.embed(torch.from_numpy(said.astype(np.float32))).cpu().float().numpy())
        return np.stack(vectors) if vectors else np.zeros((0, 0), np.float32)

    def joined(self, local_CFL: np.ndarray, units: list[Unit], embeddings_ND: np.ndarray, samples: int) -> Diarization:
        """Local speakers as those of the whole, and what overlapping chunks say of a frame as one."""
        frames = -(-samples * FRAMES_A_SECOND // SAMPLE_RATE)
        if not units:
            return Diarization(np.zeros((0, frames), dtype=bool))
        labels_N = self.clustered(units, embeddings_ND)
        hop, size = int(self.segment.hop_seconds * FRAMES_A_SECOND), local_CFL.shape[1]
        votes_KF = np.zeros((int(labels_N.max()) + 1, (len(local_CFL) - 1) * hop + size))
        heard_F, chunks_F = np.zeros(votes_KF.shape[1]), np.zeros(votes_KF.shape[1])
        for chunk, active_FL in enumerate(local_CFL):
            here = slice(chunk * hop, chunk * hop + size)
            heard_F[here] += active_FL.sum(1)
            chunks_F[here] += 1
            for speaker in range(active_FL.shape[1]):
                own = [n for n, unit in enumerate(units) if (unit.chunk, unit.speaker) == (chunk, speaker)]
                if own:
                    spoken_F = np.flatnonzero(active_FL[:, speaker])
                    # frames outside of all units, too short or overlapped, go with the nearest
                    nearest = nearest_unit(spoken_F, [units[n] for n in own])
                    np.add.at(votes_KF, (labels_N[own][nearest], chunk * hop + spoken_F), 1)
        # how many are heard at a time: the mean of what the overlapping chunks say
        count_F = np.rint(heard_F / np.maximum(chunks_F, 1)).astype(int)
        return Diarization(most_voted(votes_KF, count_F)[:, :frames])

    def clustered(self, units: list[Unit], embeddings_ND: np.ndarray) -> np.ndarray:
        """The speaker of each unit (N,)."""
        seconds_N = np.array([unit.end - unit.start for unit in units]) / FRAMES_A_SECOND
        chunk_N, speaker_N = (np.array([getattr(unit, name) for unit in units]) for name in ("chunk", "speaker"))
        # two local speakers of one chunk were heard side by side
        apart_NN = (chunk_N[:, None] == chunk_N) & (speaker_N[:, None] != speaker_N)
        labels_N = agglomerate(embeddings_ND, seconds_N, apart_NN, self.settings.threshold)
        return absorb_small(embeddings_ND, seconds_N, labels_N, self.settings.smallest_speaker_seconds)


def runs(mask_F: np.ndarray) -> list[tuple[int, int]]:
    """Where a mask is true, as (start, end)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask_F.astype(np.int8), [0]])))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def nearest_unit(frames_F: np.ndarray, units: list[Unit]) -> np.ndarray:
    """For each frame, which of the units holds it or lies nearest, (F,)."""
    starts, ends = np.array([unit.start for unit in units]), np.array([unit.end for unit in units])
    distance_FN = np.maximum(np.maximum(starts - frames_F[:, None], frames_F[:, None] - ends + 1), 0)
    return np.asarray(distance_FN.argmin(1))


def most_voted(votes_KF: np.ndarray, count_F: np.ndarray) -> np.ndarray:
    """Active speakers (K, F): in each frame the `count_F` with most votes, of those that have any."""
    order_KF = np.argsort(-votes_KF, axis=0, kind="stable")
    # the place of each speaker in that order: the inverse of the permutation
    rank_KF = np.empty_like(order_KF)
    np.put_along_axis(rank_KF, order_KF, np.arange(len(votes_KF))[:, None].repeat(votes_KF.shape[1], 1), axis=0)
    return np.asarray((rank_KF < count_F) & (votes_KF > 0))
