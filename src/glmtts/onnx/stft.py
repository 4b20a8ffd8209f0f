"""Short-time Fourier transform and its inverse in NumPy, as vocoder/istft.py."""

import numpy as np


class STFT:
    """Windowed FFTs with (n_fft − hop) / 2 zeros at both ends, and overlap-add over the summed squared window."""

    def __init__(self, n_fft: int, hop_length: int) -> None:
        self.n_fft, self.hop_length = n_fft, hop_length
        phase = 2 * np.pi * np.arange(n_fft) / n_fft
        self._window = (0.5 - 0.5 * np.cos(phase)).astype(np.float32)  # periodic, as torch.hann_window

    def __call__(self, samples_N: np.ndarray) -> np.ndarray:
        """Samples (T · hop,) to the complex spectrum (n_fft // 2 + 1, T)."""
        # zeros at both ends, of an odd number one more at the last: T · hop samples make T frames
        whole, cut = self.n_fft - self.hop_length, (self.n_fft - self.hop_length) // 2
        padded_N = np.pad(samples_N, (cut, whole - cut))
        frames_TN = np.lib.stride_tricks.sliding_window_view(padded_N, self.n_fft)[:: self.hop_length]
        return np.fft.rfft(frames_TN * self._window, axis=1).T

    def inverse(self, spectrum_FT: np.ndarray) -> np.ndarray:
        """The complex spectrum (n_fft // 2 + 1, T) to samples (T · hop,) float32."""
        frames = spectrum_FT.shape[1]
        waves_TN = np.fft.irfft(spectrum_FT.T, self.n_fft, axis=1).astype(np.float32) * self._window
        cut = (self.n_fft - self.hop_length) // 2
        total = self._overlap_add(waves_TN)
        # what the windows make of a constant 1: dividing by it undoes them
        envelope = self._overlap_add(np.broadcast_to(np.square(self._window), waves_TN.shape))
        kept = slice(cut, cut + frames * self.hop_length)
        return np.asarray(total[kept] / np.maximum(envelope[kept], 1e-8), np.float32)

    def _overlap_add(self, frames_TN: np.ndarray) -> np.ndarray:
        """Frames that begin `hop_length` apart, summed: the parts of equal place within a hop are added at once."""
        hop, count = self.hop_length, len(frames_TN)
        # a loop over the few hops of a window, not over the many frames
        pieces = -(-self.n_fft // hop)
        padded = np.zeros((count, pieces * hop), np.float32)
        padded[:, : self.n_fft] = frames_TN
        summed = np.zeros((count + pieces, hop), np.float32)
        for piece in range(pieces):
            summed[piece : piece + count] += padded[:, piece * hop : (piece + 1) * hop]
        return summed.ravel()
