"""Inverse short-time Fourier transform in NumPy, as vocoder/istft.py."""

import numpy as np


class InverseSTFT:
    """Overlap-add of windowed inverse FFTs over the summed squared window, (n_fft − hop) / 2 cut at both ends."""

    def __init__(self, n_fft: int, hop_length: int) -> None:
        self.n_fft, self.hop_length = n_fft, hop_length
        phase = 2 * np.pi * np.arange(n_fft) / n_fft
        self._window = (0.5 - 0.5 * np.cos(phase)).astype(np.float32)  # periodic, as torch.hann_window

    def __call__(self, magnitude_FT: np.ndarray, phase_FT: np.ndarray) -> np.ndarray:
        """Magnitude and phase (n_fft // 2 + 1, T) to samples (T · hop,) float32."""
        frames = magnitude_FT.shape[1]
        spectrum_TF = (magnitude_FT * np.exp(1j * phase_FT)).T
        waves_TN = np.fft.irfft(spectrum_TF, self.n_fft, axis=1).astype(np.float32) * self._window
        cut = (self.n_fft - self.hop_length) // 2
        total = self._overlap_add(waves_TN)
        envelope = self._overlap_add(np.broadcast_to(np.square(self._window), waves_TN.shape))
        kept = slice(cut, cut + frames * self.hop_length)
        return np.asarray(total[kept] / np.maximum(envelope[kept], 1e-8), np.float32)

    def _overlap_add(self, frames_TN: np.ndarray) -> np.ndarray:
        """Frames that begin `hop_length` apart, summed: the parts of equal place within a hop are added at once."""
        hop, count = self.hop_length, len(frames_TN)
        pieces = -(-self.n_fft // hop)
        padded = np.zeros((count, pieces * hop), np.float32)
        padded[:, : self.n_fft] = frames_TN
        summed = np.zeros((count + pieces, hop), np.float32)
        for piece in range(pieces):
            summed[piece : piece + count] += padded[:, piece * hop : (piece + 1) * hop]
        return summed.ravel()
