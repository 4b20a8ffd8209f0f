"""Loudness of speech after ITU-R BS.1770-4: K-weighting, blocks of 400 ms, two gates.

The weighting is computed from its analogue prototype, so any sample rate serves; at 48 kHz its coefficients are those
that the recommendation prints.
"""

from collections.abc import Iterator

import numpy as np

BLOCK_SECONDS, HOP_SECONDS = 0.4, 0.1  # BS.1770's gating blocks, of which three quarters overlap
ABSOLUTE_GATE, RELATIVE_GATE = -70.0, -10.0  # LUFS, and LU below the loudness of what passes the first gate
OFFSET = -0.691  # dB: the weighting amplifies 997 Hz by as much
HIGHEST_PEAK = 0.99  # of the samples after a change of level
CHUNK_SECONDS, TAIL_SECONDS = 20.0, 0.5  # the impulse response falls by e in 4 ms; hours of audio take little memory


def integrated_loudness(wave: np.ndarray, sample_rate: int) -> float:
    """Integrated loudness of mono samples (T,) in ±1, in LUFS; −inf where no block is louder than −70 LUFS.

    Less than 400 ms are one block. A full-scale sine at 997 Hz has −3.01 LUFS.
    """
    powers = _block_powers(np.asarray(wave, dtype=np.float64), sample_rate)
    heard = powers[powers > _power(ABSOLUTE_GATE)]
    if not len(heard):
        return float("-inf")
    # the second gate leaves out pauses, else a reading with long ones would count as quieter than it is
    heard = heard[heard > heard.mean() * 10 ** (RELATIVE_GATE / 10)]
    return float(OFFSET + 10 * np.log10(heard.mean()))


def to_loudness(wave: np.ndarray, sample_rate: int, lufs: float) -> np.ndarray:
    """Samples (T,) float32 with an integrated loudness of `lufs`, or as near as a peak of 0.99 allows.

    Where there is nothing to hear they stay as they are.
    """
    samples = np.asarray(wave, dtype=np.float32)
    loudness = integrated_loudness(samples, sample_rate)
    if not np.isfinite(loudness):
        return samples
    gain = min(10 ** ((lufs - loudness) / 20), HIGHEST_PEAK / float(np.abs(samples).max()))
    return np.asarray(samples * np.float32(gain))


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - OFFSET) / 10))


def _block_powers(samples: np.ndarray, rate: int) -> np.ndarray:
    """Mean square of the weighted samples in every block."""
    if not len(samples):
        return np.zeros(0)
    # a running sum, in double precision: every block is then one difference
    energy = np.concatenate([[0.0], np.cumsum(np.concatenate(list(_weighted_squares(samples, rate))))])
    hops = np.arange(1 + max(0, round((len(samples) / rate - BLOCK_SECONDS) / HOP_SECONDS)))
    starts = np.rint(hops * HOP_SECONDS * rate).astype(int)
    ends = np.minimum(starts + round(BLOCK_SECONDS * rate), len(samples))
    return np.asarray((energy[ends] - energy[starts]) / np.maximum(ends - starts, 1))


def _weighted_squares(samples: np.ndarray, rate: int) -> Iterator[np.ndarray]:
    """Squares of the weighted samples, chunk by chunk, each filtered with what came before it."""
    chunk, tail = round(CHUNK_SECONDS * rate), round(TAIL_SECONDS * rate)
    for start in range(0, len(samples), chunk):
        first = max(0, start - tail)
        piece = samples[first : start + chunk]
        # longer by the tail of the response, which a circular product would else add to the beginning
        size = 1 << (len(piece) + tail - 1).bit_length()
        response = _response(np.arange(size // 2 + 1) * (2 * np.pi / size), rate)
        weighted = np.fft.irfft(np.fft.rfft(piece, size) * response, size)
        yield weighted[start - first : len(piece)] ** 2


def _response(angles: np.ndarray, rate: int) -> np.ndarray:
    """Frequency response of the K-weighting at angles (radians a sample): a shelf for the head, then a high-pass.

    The prototypes' frequencies, gain and qualities are those that give the recommendation's coefficients at 48 kHz (B.
    De Man, "Evaluation of Implementations of the EBU R128 Loudness Measurement", AES 145, 2018).
    """
    z = np.exp(-1j * angles)
    k, q = np.tan(np.pi * 1681.974450955533 / rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    shelf = _biquad(z, (high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k), k, q)
    k, q = np.tan(np.pi * 38.13547087602444 / rate), 0.5003270373238773
    passed = _biquad(z, (1.0, -2.0, 1.0), k, q) * (1 + k / q + k * k)  # the recommendation leaves its gain in
    return np.asarray(shelf * passed)


def _biquad(z: np.ndarray, b: tuple[float, float, float], k: float, q: float) -> np.ndarray:
    a = (1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k)
    return np.asarray((b[0] + b[1] * z + b[2] * z * z) / (a[0] + a[1] * z + a[2] * z * z))
