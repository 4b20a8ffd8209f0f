"""The source of a voice in NumPy, as vocoder/source.py: pulses of all harmonics of F0, and noise by its place."""

import numpy as np

LOW_BITS, NEAR_A_PULSE = np.int64(0xFFFFFFFF), np.float32(1e-4)  # as vocoder/source.py


def turns_of(hz_TN: np.ndarray, sample_rate: int) -> np.ndarray:
    """Phase in turns (T, hop) of F0 (T, hop) in Hz; whole turns are dropped frame by frame."""
    within_TN = np.cumsum(hz_TN, axis=1, dtype=np.float32) / np.float32(sample_rate)
    # float64, of which whole turns are dropped: in float32 a long utterance would lose its phase
    ends_T = np.cumsum(within_TN[:, -1].astype(np.float64) % 1) % 1
    turns_TN = np.concatenate([[0.0], ends_T[:-1]])[:, None] + within_TN
    turns_TN -= np.floor(turns_TN)  # a third of the time of `% 1`
    return turns_TN.astype(np.float32)


def pulses(f0_T: np.ndarray, hop: int, sample_rate: int, first: int = 0) -> np.ndarray:
    """Samples ((T − first) · hop,) of unit power from frame `first` on, of F0 (T,) in Hz; phase runs through all."""
    # the middles of the frames, between which `F.interpolate` is linear
    places = (np.arange(len(f0_T) * hop) + 0.5) / hop - 0.5
    hz_TN = np.interp(places, np.arange(len(f0_T)), f0_T).astype(np.float32).reshape(-1, hop)
    theta = turns_of(hz_TN, sample_rate)[first:].ravel()
    # −½ to ½: float32 is finest near 0, where the sine below divides by little
    theta -= theta.round()
    # harmonics below the Nyquist frequency, less one: the part after the point is the loudness of the last
    most = np.float32(sample_rate / 2) / hz_TN[first:].ravel() - 1
    whole = np.floor(most)
    near = np.abs(theta) < NEAR_A_PULSE
    sine = np.sin(np.pi * np.where(near, np.float32(0.5), theta))
    # Σ cos(2π k θ) = sin((2K + 1) π θ) / (2 sin(π θ)) − ½, which is K at a pulse
    kernel = np.where(near, whole, np.sin((2 * whole + 1) * np.pi * theta) / (2 * sine) - 0.5)
    last = (most - whole) * np.cos(2 * np.pi * (whole + 1) * theta)
    # K cosines have a power of K / 2
    return np.asarray((kernel + last) * np.sqrt(2 / most), np.float32)


def noise(first: int, count: int) -> np.ndarray:
    """White noise (count,) of unit power, a function of the samples' places."""
    # Murmur3's finaliser; a product that overflows keeps its low 32 bits
    with np.errstate(over="ignore"):
        x = np.arange(first, first + count, dtype=np.int64) * np.int64(0x9E3779B1) & LOW_BITS
        x = (x ^ x >> 16) * np.int64(0x85EBCA6B) & LOW_BITS
        x = (x ^ x >> 13) * np.int64(0xC2B2AE35) & LOW_BITS
    # evenly spread over a width of 1, of which the variance is 1 / 12
    return np.asarray(((x ^ x >> 16) / 2**32 - 0.5) * np.sqrt(12), np.float32)
