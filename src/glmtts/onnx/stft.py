"""Short-time Fourier transform and its inverse in NumPy, as vocoder/istft.py; here the frames come first."""

import numpy as np


class STFT:
    """Windowed FFTs with (n_fft − hop) / 2 zeros at both ends, and overlap-add over the summed squared window."""

    def __init__(self, n_fft: int, hop_length: int) -> None:
        self.n_fft, self.hop_length = n_fft, hop_length
        phase = 2 * np.pi * np.arange(n_fft) / n_fft
        self._window = (0.5 - 0.5 * np.cos(phase)).astype(np.float32)  # periodic, as torch.hann_window

    def __call__(self, samples_N: np.ndarray) -> np.ndarray:
        """Samples (T · hop,) to the complex64 spectrum (T, n_fft // 2 + 1)."""
        # zeros at both ends, of an odd number one more at the last: T · hop samples make T frames
        whole = self.n_fft - self.hop_length
        padded_N = np.zeros(len(samples_N) + whole, np.float32)
        padded_N[whole // 2 : whole // 2 + len(samples_N)] = samples_N
        frames_TN = np.lib.stride_tricks.sliding_window_view(padded_N, self.n_fft)[:: self.hop_length]
        # a norm that divides by n_fft, which the window takes back: without one NumPy's scale is an integer, and the
        # transform is made in float64, in four times the time
        return np.fft.rfft(frames_TN * (np.float32(self.n_fft) * self._window), axis=1, norm="forward")

    def inverse(self, spectrum_TF: np.ndarray) -> np.ndarray:
        """The complex spectrum (T, n_fft // 2 + 1) to samples (T · hop,) float32."""
        frames = len(spectrum_TF)
        waves_TN = np.fft.irfft(spectrum_TF, self.n_fft, axis=1).astype(np.float32, copy=False)
        waves_TN *= self._window
        cut = (self.n_fft - self.hop_length) // 2
        kept = slice(cut, cut + frames * self.hop_length)
        # what the windows make of a constant 1: dividing by it undoes them
        envelope = self._overlap_add(np.broadcast_to(np.square(self._window), waves_TN.shape))[kept]
        return np.asarray(self._overlap_add(waves_TN)[kept] / np.maximum(envelope, 1e-8), np.float32)

    def _overlap_add(self, frames_TN: np.ndarray) -> np.ndarray:
        """Frames that begin `hop_length` apart, summed: the parts of equal place within a hop are added at once."""
        hop, count = self.hop_length, len(frames_TN)
        summed = np.zeros((count + -(-self.n_fft // hop), hop), np.float32)
        # a loop over the few hops of a window, not over the many frames; the last may be a part of one
        for piece, start in enumerate(range(0, self.n_fft, hop)):
            part_TN = frames_TN[:, start : start + hop]
            summed[piece : piece + count, : part_TN.shape[1]] += part_TN
        return summed.ravel()
