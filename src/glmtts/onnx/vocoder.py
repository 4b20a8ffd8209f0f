"""Mel to waveform without PyTorch: a graph gives a spectrum or filters, NumPy does what comes before and after it."""

from typing import Any, Protocol

import numpy as np

from glmtts.onnx.source import noise, pulses
from glmtts.onnx.stft import STFT


class OnnxVocoder(Protocol):
    """Log-mel to samples; a stream asks for those of its last frames."""

    def __call__(self, mel_MT: np.ndarray) -> np.ndarray:
        """Log-mel (M, T) to samples (T · hop,)."""
        ...

    def samples_from(self, mel_MT: np.ndarray, first: int) -> np.ndarray:
        """Samples ((T − first) · hop,) of the frames from `first` on; the mel begins with its utterance."""
        ...


class SpectrumVocoder:
    """A graph gives magnitude and phase; `look_ahead` frames on either side are all that a frame's samples need."""

    def __init__(self, session: Any, stft: STFT, look_ahead: int) -> None:
        self._session, self._stft, self._look_ahead = session, stft, look_ahead

    def __call__(self, mel_MT: np.ndarray) -> np.ndarray:
        """See `OnnxVocoder`."""
        magnitude, phase = self._session.run(None, {"mel": np.ascontiguousarray(mel_MT[None], np.float32)})
        return self._stft.inverse(_polar(magnitude[0], phase[0]).T)

    def samples_from(self, mel_MT: np.ndarray, first: int) -> np.ndarray:
        """See `OnnxVocoder`."""
        start = max(0, first - self._look_ahead)
        samples = self(mel_MT[:, start:])
        # samples a frame, measured: the STFT's hop may be a part of the mel's
        return samples[(first - start) * (len(samples) // (mel_MT.shape[1] - start)) :]


class HarmonicVocoder:
    """One graph reads F0, the other gives the filters of pulses and noise (vocoder/harmonic.py)."""

    def __init__(
        self, pitch: Any, filters: Any, stft: STFT, look_ahead: int, hop_length: int, sample_rate: int
    ) -> None:
        self._pitch, self._filters, self._stft = pitch, filters, stft
        self._look_ahead, self._hop, self._rate = look_ahead, hop_length, sample_rate

    def __call__(self, mel_MT: np.ndarray) -> np.ndarray:
        """See `OnnxVocoder`."""
        return self.samples_from(mel_MT, 0)

    def samples_from(self, mel_MT: np.ndarray, first: int) -> np.ndarray:
        """See `OnnxVocoder`; F0 is read from the whole mel, since the phase runs through it."""
        mel_1MT = np.ascontiguousarray(mel_MT[None], np.float32)
        f0_1T, octaves_1T = self._pitch.run(None, {"mel": mel_1MT})
        start = max(0, first - self._look_ahead)
        given = {"mel": mel_1MT[..., start:], "octaves": octaves_1T[:, start:]}
        harmonic, breath, phase = (part[0] for part in self._filters.run(None, given))
        # noise is a function of its place in the utterance, so this window's begins at the window's own
        place = start * self._hop
        pulses_TF = self._stft(pulses(f0_1T[0], self._hop, self._rate, start))
        noise_TF = self._stft(noise(place, (mel_MT.shape[1] - start) * self._hop))
        samples = self._stft.inverse(_polar(harmonic, phase).T * pulses_TF + breath.T * noise_TF)
        return samples[(first - start) * self._hop :]


def _polar(magnitude_FT: np.ndarray, phase_FT: np.ndarray) -> np.ndarray:
    """m exp(i φ) in complex64, by cosine and sine: the complex exp of NumPy took 20 times as long (AVX-512)."""
    made_FT = np.empty(phase_FT.shape, np.complex64)
    np.multiply(magnitude_FT, np.cos(phase_FT), out=made_FT.real)
    np.multiply(magnitude_FT, np.sin(phase_FT), out=made_FT.imag)
    return made_FT
