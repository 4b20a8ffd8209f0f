"""Faster or slower speech at the same pitch: waveform-similarity overlap-add (WSOLA, Verhelst and Roelands 1993).

The output is made of blocks of H samples. Block k takes its sound from the input near kHv, where v is the speed, and
fades over from what followed the segment of block k-1, with a rising half w of a Hann window:

    y[kH + n] = (1 - w[n]) x[a(k-1) + H + n] + w[n] x[a(k) + n]        0 <= n < H

To keep the periods of the voice in step, a(k) is the place within D samples of kHv whose H samples are most similar
to the natural continuation of the last segment:

    a(k) = argmax over |a - kHv| <= D of  <x[a : a+H], x[a(k-1)+H : a(k-1)+2H]> / ||x[a : a+H]||
"""

import numpy as np

from glmtts.errors import ConfigError

SLOWEST, FASTEST = 0.25, 4.0  # the range of OpenAI's speech API
BLOCK_SECONDS, SEARCH_SECONDS = 0.02, 0.0125  # the search covers a period of 80 Hz


class Tempo:
    """Changes the tempo of audio that arrives in parts; the cuts between the parts leave no trace."""

    def __init__(self, rate: int, speed: float) -> None:
        """Start a stretch of audio at `rate` Hz; `speed` 2 halves its length.

        Raises:
            ConfigError: the speed is out of its range.
        """
        if not SLOWEST <= speed <= FASTEST:
            raise ConfigError(f"The speed is {speed}. Choose it from {SLOWEST} to {FASTEST:g}.")
        self._speed = speed
        self._block, self._search = round(BLOCK_SECONDS * rate), round(SEARCH_SECONDS * rate)
        phase = np.pi * (np.arange(self._block) + 0.5) / self._block
        self._rise = (0.5 - 0.5 * np.cos(phase)).astype(np.float32)
        self._input = np.zeros(0, np.float32)
        self._first = 0  # position of _input[0] in the whole input
        self._continuation: np.ndarray | None = None
        self._blocks = self._received = 0

    def feed(self, samples_T: np.ndarray) -> np.ndarray:
        """What can be said of the output after these further samples (T,) float32."""
        self._received += len(samples_T)
        if self._speed == 1:
            return samples_T
        self._input = np.concatenate([self._input, samples_T.astype(np.float32)])
        made = []
        # a block and its continuation from the furthest place that the search may choose
        while self._first + len(self._input) >= self._nominal() + self._search + 2 * self._block:
            made.append(self._next())
        return np.concatenate(made) if made else np.zeros(0, np.float32)

    def finish(self) -> np.ndarray:
        """The rest of the output; all of it together is the input's length over the speed."""
        if self._speed == 1:
            return np.zeros(0, np.float32)
        left = round(self._received / self._speed) - self._blocks * self._block
        # enough for the last blocks' search and continuation; what is made of it is cut off
        silence = np.zeros(2 * self._search + 4 * self._block + int(self._block * self._speed), np.float32)
        self._input = np.concatenate([self._input, silence])
        made = [np.zeros(0, np.float32)]
        while sum(map(len, made)) < left:
            made.append(self._next())
        return np.concatenate(made)[: max(left, 0)]

    def _nominal(self) -> int:
        return round(self._blocks * self._block * self._speed)

    def _next(self) -> np.ndarray:
        """Block k of the output; input that no later block can reach is forgotten."""
        start = self._nominal() - self._first
        if self._continuation is not None:
            start = self._most_similar(start, self._continuation)
        segment = self._input[start : start + self._block]
        block = segment
        if self._continuation is not None:
            block = (1 - self._rise) * self._continuation + self._rise * segment
        self._continuation = self._input[start + self._block : start + 2 * self._block]
        self._blocks += 1
        spent = min(max(0, self._nominal() - self._search - self._first), len(self._input))
        self._input, self._first = self._input[spent:], self._first + spent
        return block

    def _most_similar(self, centre: int, wanted: np.ndarray) -> int:
        """Where, within the search range, the input goes on most like `wanted`."""
        low = max(0, centre - self._search)
        window = self._input[low : centre + self._search + self._block]
        products = np.correlate(window, wanted, "valid")
        # double precision, since energies of segments are differences of a growing sum
        energy = np.cumsum(np.concatenate([[0], window.astype(np.float64) ** 2]))
        # 1e-9: silence has no energy to divide by
        norms = np.sqrt(np.maximum(energy[self._block :] - energy[: -self._block], 0) + 1e-9)
        return low + int(np.argmax(products / norms))


def change_tempo(samples_T: np.ndarray, rate: int, speed: float) -> np.ndarray:
    """Samples (T,) float32 at `rate` Hz, spoken `speed` times as fast at the same pitch.

    Raises:
        ConfigError: the speed is out of its range.
    """
    tempo = Tempo(rate, speed)
    return np.concatenate([tempo.feed(samples_T), tempo.finish()])
