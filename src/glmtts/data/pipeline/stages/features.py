"""Features (report section 2.1), for the data contract; and the last filters: bandwidth, DNSMOS, speaking rate."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from glmtts.audio.bandwidth import bandwidth
from glmtts.audio.f0 import estimate_f0
from glmtts.audio.mel import LogMel
from glmtts.audio.resample import resample
from glmtts.bundle import Bundle
from glmtts.config import StrictConfig
from glmtts.ctc import ctc_path
from glmtts.data.manifest import FeatureSpec
from glmtts.data.pipeline.clips import Clip
from glmtts.data.pipeline.stage import Result, drop, keep
from glmtts.data.pipeline.stages.per_clip import wave_at
from glmtts.data.pipeline.stages.units import compared
from glmtts.data.readings import Transcripts
from glmtts.data.shard import Utterance
from glmtts.text.labels import BOUNDARY, LABEL_IDS

BAND_FLOOR_DB = -65.0  # below the strongest band; codecs and resamplers leave less above their edge
SLOWEST = {"en": 0.7, "zh": 1.0}  # words, characters a second: slower are pauses, or half of the text
FASTEST = {"en": 6.0, "zh": 9.0}  # faster than anybody speaks: the text says more than the sound

Feature = Literal["tokens", "speaker", "mel", "f0", "alignment"]


class FeaturesConfig(StrictConfig):
    """Which features are computed, by which bundle, and what is dropped.

    `alignment` says which phoneme each speech token speaks, which the training of a language model uses. A clip is
    dropped where its bandwidth is below `min_bandwidth` (Hz; 0 takes all), its DNSMOS (OVRL) below `min_dnsmos` (None
    does not compute it), or its speaking rate out of bounds (`speaking_rate`).
    """

    bundle: Path | None = None
    features: tuple[Feature, ...] = ("tokens", "speaker", "mel", "f0", "alignment")
    min_bandwidth: float = Field(default=0.0, ge=0)
    min_dnsmos: float | None = None
    speaking_rate: bool = True


class FeaturesStage:
    """Adds arrays for the shards, and the labels `bandwidth`, `speaking_rate` and `dnsmos`."""

    name: ClassVar[str] = "features"
    config_class: ClassVar[type[StrictConfig]] = FeaturesConfig

    def __init__(self, config: FeaturesConfig, device: str = "cpu") -> None:
        self.config = config
        self._bundle = Bundle.open(config.bundle, torch.device(device))
        self._mel = LogMel(self._bundle.clock.mel)
        self._transcripts = Transcripts(self._bundle.frontend())
        self._dnsmos: Any = None
        if config.min_dnsmos is not None:
            from glmtts.audio.dnsmos import DnsMos

            self._dnsmos = DnsMos()

    @property
    def features(self) -> Mapping[str, FeatureSpec]:
        """Those of the configuration; `made_by` names the weights by their digests."""
        modules = self._bundle.config.modules
        made = {name: f"{name} {entry.sha256[:12]}" for name, entry in modules.items()}
        clock = self._bundle.clock
        frame_rate = clock.token_rate * clock.frames_per_token
        known = {
            "tokens": FeatureSpec(rate=clock.token_rate, made_by=made.get("speech_tokenizer", "")),
            "speaker": FeatureSpec(rate=None, made_by=made.get("speaker", "")),
            # arithmetic alone: no weights to name
            "mel": FeatureSpec(rate=frame_rate),
            "f0": FeatureSpec(rate=frame_rate),
            "alignment": FeatureSpec(
                rate=clock.token_rate,
                made_by=f"{made.get('speech_tokenizer', '')}, {made.get('token_recogniser', '')}",
            ),
        }
        return {name: known[name] for name in self.config.features}

    def process(self, clips: Sequence[Clip]) -> list[Result]:
        """One result a clip."""
        return [self.one(clip) for clip in clips]

    def one(self, clip: Clip) -> Result:
        """The clip with its features, or why it is dropped."""
        # the cheap filters first: what they drop needs no network
        width = bandwidth(clip.wave, clip.sample_rate, BAND_FLOOR_DB)
        if width < self.config.min_bandwidth:
            return drop(clip, "narrow bandwidth", bandwidth=round(width))
        clip = clip.with_labels(bandwidth=round(width))
        language = clip.label("language", "en")
        rate = len(compared(clip.label("text"), language)) / clip.seconds
        if self.config.speaking_rate and not SLOWEST.get(language, 0) <= rate <= FASTEST.get(language, np.inf):
            return drop(clip, "speaking rate", rate=round(rate, 2))
        clip = clip.with_labels(speaking_rate=round(rate, 2))
        if self._dnsmos is not None:
            opinion = float(self._dnsmos(wave_at(clip, 16000), with_p808=False).ovr)
            if opinion < (self.config.min_dnsmos or 0):
                return drop(clip, "DNSMOS", dnsmos=round(opinion, 2))
            clip = clip.with_labels(dnsmos=round(opinion, 2))
        made = self._arrays(clip)
        return keep(clip.with_features(**{name: made[name] for name in self.config.features}))

    def _arrays(self, clip: Clip) -> dict[str, np.ndarray]:
        """What is asked for of tokens (S,), speaker (D,), mel (T, M), F0 (T,) in Hz, alignment (S,).

        Nothing else is computed: the tokenizer alone takes most of the time, and F0 needs pyworld.
        """
        bundle, asked, made = self._bundle, set(self.config.features), dict[str, np.ndarray]()
        samples = torch.from_numpy(np.ascontiguousarray(clip.wave))
        if asked & {"tokens", "alignment"}:
            rate = bundle.speech_tokenizer.sample_rate
            tokens_S = bundle.speech_tokenizer.tokenize(resample(samples, clip.sample_rate, rate)).cpu()
            made["tokens"] = tokens_S.numpy().astype(np.int32)
            if "alignment" in asked:
                made["alignment"] = self._alignment(clip, tokens_S)
        if "speaker" in asked:
            speaker_D = bundle.speaker.embed(resample(samples, clip.sample_rate, bundle.speaker.sample_rate)).cpu()
            made["speaker"] = speaker_D.float().numpy()
        if asked & {"mel", "f0"}:
            made |= self._of_sound(resample(samples, clip.sample_rate, bundle.clock.sample_rate))
        return made

    def _of_sound(self, wave_T: torch.Tensor) -> dict[str, np.ndarray]:
        """Mel and F0 of samples at the bundle's rate, those that are asked for."""
        made, clock = dict[str, np.ndarray](), self._bundle.clock
        if "mel" in self.config.features:
            made["mel"] = self._mel(wave_T[None])[0].T.half().numpy()
        if "f0" in self.config.features:
            made["f0"] = estimate_f0(
                wave_T, clock.sample_rate, round(clock.token_rate * clock.frames_per_token)
            ).numpy()
        return made

    def _alignment(self, clip: Clip, tokens_S: torch.Tensor) -> np.ndarray:
        """The phoneme of each token, by its place in the text (S,) int32; empty where the text is not sure."""
        recogniser, text = self._bundle.recogniser, clip.label("text")
        language = clip.label("language", "en")
        labels = self._transcripts.labels(Utterance(clip.id, text, language, "", clip.seconds))
        if recogniser is None or not labels or not 0 < len(tokens_S) <= recogniser.longest:
            return np.zeros(0, dtype=np.int32)
        # a boundary belongs to the phoneme before it, one at the front to the first
        phoneme_L = np.maximum(0, np.cumsum([label != BOUNDARY for label in labels]) - 1)
        log_probs_SV = recogniser.log_probs(tokens_S[None])[0].cpu().numpy()
        try:
            path = ctc_path(log_probs_SV, np.array([LABEL_IDS[label] for label in labels]))
        except (ValueError, IndexError):  # the sound is too short for the text
            return np.zeros(0, dtype=np.int32)
        return phoneme_L[path].astype(np.int32)
