"""Kaldi filter banks, the input of CAM++."""

from __future__ import annotations

from typing import TYPE_CHECKING

import kaldi_native_fbank
import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

SAMPLE_RATE = 16000


def kaldi_fbank(samples_T: Tensor, n_mels: int = 80) -> Tensor:
    """16 kHz samples (T,) to log filter banks (frames, n_mels) at 100 Hz, mean over time subtracted, no dither.

    Computed on the CPU, whatever the device of the samples; the result lies on theirs.
    """
    import torch

    return torch.from_numpy(fbank_of(samples_T.cpu().numpy(), n_mels)).to(samples_T.device)


def fbank_of(samples_T: np.ndarray, n_mels: int = 80) -> np.ndarray:
    """As `kaldi_fbank`, of an array, float32."""
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = SAMPLE_RATE
    options.frame_opts.dither = 0  # else an embedding would differ from call to call
    options.frame_opts.snip_edges = True  # Kaldi's default, with which CAM++ was trained
    options.mel_opts.num_bins = n_mels
    bank = kaldi_native_fbank.OnlineFbank(options)
    # ±1, where Kaldi has 16-bit values: a factor is a sum in the log, which the mean over time takes away
    bank.accept_waveform(SAMPLE_RATE, samples_T.astype(np.float32))
    bank.input_finished()
    if bank.num_frames_ready == 0:
        return np.zeros((0, n_mels), np.float32)
    features = np.stack([bank.get_frame(i) for i in range(bank.num_frames_ready)])
    return np.asarray(features - features.mean(axis=0), np.float32)
