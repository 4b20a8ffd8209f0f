"""Who speaks when: local segmentation in chunks, a speaker embedding a local speaker, clustering, reconstruction.

The way of pyannote.audio 3 (Bredin, 2023), with CAM++ for the embeddings and constraints in the clustering.
"""

from dataclasses import dataclass
from itertools import permutations
from typing import Protocol

import numpy as np
import torch

from glmtts.data.pipeline.stages.clustering import absorb_small, agglomerate, centroids
from glmtts.data.pipeline.stages.pyannet import CHUNK_SECONDS, SAMPLE_RATE, PyanNet
from glmtts.stages import SpeakerEncoder

FRAMES_A_SECOND = 100
LOCAL = 3  # speakers that a chunk may have
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

    hop_seconds: float = 5.0
    min_embedded_seconds: float = 0.6
    threshold: float = 0.5
    smallest_speaker_seconds: float = 3.0


class LocalDiarizer:
    """PyanNet's local speakers, CAM++'s embeddings, agglomerative clustering."""

    def __init__(self, network: PyanNet, encoder: SpeakerEncoder, settings: Clustering) -> None:
        self.network, self.encoder, self.settings = network, encoder, settings

    def __call__(self, wave: np.ndarray) -> Diarization:
        """See `Diarizer`."""
        local_CFL = self.segment(wave)
        return self.joined(local_CFL, *self.embedded(wave, local_CFL), len(wave))

    def segment(self, wave: np.ndarray) -> np.ndarray:
        """Which local speaker is heard (chunks, F, 3) uint8, at 100 frames a second; chunk c begins at c · hop."""
        hop, size = int(self.settings.hop_seconds * SAMPLE_RATE), int(CHUNK_SECONDS * SAMPLE_RATE)
        chunks = 1 + max(0, -(-(len(wave) - size) // hop))
        padded = np.pad(wave, (0, (chunks - 1) * hop + size - len(wave)))
        device, frames = next(self.network.parameters()).device, int(CHUNK_SECONDS * FRAMES_A_SECOND)
        found = []
        for first in range(0, chunks, BATCH):
            rows = np.stack([padded[c * hop : c * hop + size] for c in range(first, min(first + BATCH, chunks))])
            local_CFL = self.network.speakers(torch.from_numpy(rows.astype(np.float32)).to(device)).cpu().numpy()
            places = ((np.arange(frames) + 0.5) / frames * local_CFL.shape[1]).astype(int)
            found.append(local_CFL[:, places].astype(np.uint8))
        return np.concatenate(found)

    def embedded(self, wave: np.ndarray, local_CFL: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Embeddings (N, D) of local speakers, of what each says alone, and their places (N, 2): chunk and speaker.

        A speaker who is heard alone for less than `min_embedded_seconds` in a chunk has no embedding.
        """
        per_frame, hop = SAMPLE_RATE // FRAMES_A_SECOND, int(self.settings.hop_seconds * SAMPLE_RATE)
        vectors, places = [], []
        for chunk, active_FL in enumerate(local_CFL):
            alone_F = active_FL.sum(1) == 1
            for speaker in range(LOCAL):
                mask = np.repeat((active_FL[:, speaker] == 1) & alone_F, per_frame)
                said = wave[chunk * hop : chunk * hop + len(mask)]
                said = said[mask[: len(said)]]
                if len(said) >= self.settings.min_embedded_seconds * SAMPLE_RATE:
                    vectors.append(self.encoder.embed(torch.from_numpy(said.copy())).cpu().float().numpy())
                    places.append((chunk, speaker))
        return np.array(vectors).reshape(len(places), -1), np.array(places, dtype=int).reshape(-1, 2)

    def joined(
        self, local_CFL: np.ndarray, embeddings_ND: np.ndarray, places_N2: np.ndarray, samples: int
    ) -> Diarization:
        """Local speakers as those of the whole, and what overlapping chunks say of a frame as one."""
        frames = -(-samples * FRAMES_A_SECOND // SAMPLE_RATE)
        if not len(places_N2):
            return Diarization(np.zeros((0, frames), dtype=bool))
        seconds_N = np.array([local_CFL[c, :, s].sum() for c, s in places_N2]) / FRAMES_A_SECOND
        labels_N = agglomerate(embeddings_ND, seconds_N, places_N2[:, 0], self.settings.threshold)
        labels_N = absorb_small(embeddings_ND, seconds_N, labels_N, self.settings.smallest_speaker_seconds)
        directions_KD = centroids(embeddings_ND, seconds_N, labels_N)
        hop = int(self.settings.hop_seconds * FRAMES_A_SECOND)
        size = local_CFL.shape[1]
        votes_KF = np.zeros((len(directions_KD), (len(local_CFL) - 1) * hop + size))
        heard_F, chunks_F = np.zeros(votes_KF.shape[1]), np.zeros(votes_KF.shape[1])
        for chunk, active_FL in enumerate(local_CFL):
            here = slice(chunk * hop, chunk * hop + size)
            heard_F[here] += active_FL.sum(1)
            chunks_F[here] += 1
            rows = np.flatnonzero(places_N2[:, 0] == chunk)
            for row, speaker in zip(rows, assigned(embeddings_ND[rows], directions_KD), strict=True):
                votes_KF[speaker, here] += active_FL[:, places_N2[row, 1]]
        count_F = np.rint(heard_F / np.maximum(chunks_F, 1)).astype(int)
        return Diarization(most_voted(votes_KF, count_F)[:, :frames])


def assigned(embeddings_ND: np.ndarray, directions_KD: np.ndarray) -> tuple[int, ...]:
    """The speaker of each local speaker of one chunk: the assignment of highest similarity, none twice if possible."""
    similar_NK = embeddings_ND @ directions_KD.T
    count, kinds = similar_NK.shape
    if count > kinds:
        return tuple(int(one) for one in similar_NK.argmax(1))
    choices = permutations(range(kinds), count) if kinds <= 8 else [tuple(similar_NK.argmax(1))]
    return tuple(int(one) for one in max(choices, key=lambda ks: sum(similar_NK[n, k] for n, k in enumerate(ks))))


def most_voted(votes_KF: np.ndarray, count_F: np.ndarray) -> np.ndarray:
    """Active speakers (K, F): in each frame the `count_F` with most votes, of those that have any."""
    order_KF = np.argsort(-votes_KF, axis=0, kind="stable")
    rank_KF = np.empty_like(order_KF)
    np.put_along_axis(rank_KF, order_KF, np.arange(len(votes_KF))[:, None].repeat(votes_KF.shape[1], 1), axis=0)
    return np.asarray((rank_KF < count_F) & (votes_KF > 0))
