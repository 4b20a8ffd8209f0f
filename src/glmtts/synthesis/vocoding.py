"""A mel that grows becomes samples: each as soon as the vocoder sees what it depends on, none twice.

Where the vocoder says how far it sees, the samples are those of the whole mel. Where it does not (a released program),
windows overlap and are faded into each other over 0.1 s, as the release does.
"""

import torch
from torch import Tensor

from glmtts.audio.fade import faded_end
from glmtts.stages import Continuing, Vocoder

OVERLAP_SECONDS = 0.1  # of two windows of a vocoder with no known bound
CONTEXT_SECONDS = 0.5  # before such a window, without which its first frames would sound like an utterance's first


class VocoderStream:
    """The samples of one utterance, whose mel comes in parts; those of `sent` frames have left."""

    def __init__(self, vocoder: Vocoder, device: torch.device) -> None:
        self.vocoder, self.device = vocoder, device
        mel = vocoder.mel
        self._hop, self._rate = mel.hop_length, mel.sample_rate
        self._mel_BMT = torch.empty(1, mel.n_mels, 0)
        self.sent = 0
        self._tail_N = torch.empty(0)

    @torch.inference_mode()
    def feed(self, fresh_BMT: Tensor, ended: bool = False) -> Tensor:
        """Samples (N,) that are final now that the frames (1, M, T) are there; all the rest where it has `ended`."""
        self._mel_BMT = torch.cat([self._mel_BMT, fresh_BMT], dim=2)
        frames = self._mel_BMT.shape[2]
        margin = self._frames(OVERLAP_SECONDS) if self.vocoder.look_ahead is None else self.vocoder.look_ahead
        until = frames if ended else max(self.sent, frames - margin)
        if until == self.sent:
            return torch.empty(0)
        if self.vocoder.look_ahead is None:
            samples_N = self._faded_in(self._window(self.sent - self._frames(CONTEXT_SECONDS)), until)
        else:
            samples_N = self._window(self.sent - self.vocoder.look_ahead)[: (until - self.sent) * self._hop]
        self.sent = until
        return faded_end(samples_N, self._rate) if ended else samples_N

    def _window(self, start: int) -> Tensor:
        """Samples of all frames from those that have left on; the vocoder sees those from `start` on."""
        start, mel_BMT = max(0, start), self._mel_BMT.to(self.device)
        if isinstance(self.vocoder, Continuing):
            return self.vocoder.samples_from(mel_BMT, self.sent)[0].cpu().clamp(-1, 1)
        return self.vocoder(mel_BMT[:, :, start:])[0].cpu().clamp(-1, 1)[(self.sent - start) * self._hop :]

    def _faded_in(self, window_N: Tensor, until: int) -> Tensor:
        """The window up to frame `until`, its beginning mixed with what the last one said of it; the rest is kept."""
        overlap = min(len(self._tail_N), len(window_N))
        # the two gains add up to 1: both windows say nearly the same, so power is kept
        rising_N = torch.linspace(0, 1, overlap + 2)[1:-1]
        mixed_N = rising_N * window_N[:overlap] + (1 - rising_N) * self._tail_N[:overlap]
        window_N = torch.cat([mixed_N, window_N[overlap:]])
        length = (until - self.sent) * self._hop
        self._tail_N = window_N[length:]
        return window_N[:length]

    def _frames(self, seconds: float) -> int:
        return round(seconds * self._rate / self._hop)
