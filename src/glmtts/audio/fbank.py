"""Kaldi filter banks, the input of CAM++."""

import kaldi_native_fbank
import numpy as np
import torch
from torch import Tensor

SAMPLE_RATE = 16000


def kaldi_fbank(samples_T: Tensor, n_mels: int = 80) -> Tensor:
    """16 kHz samples (T,) to log filter banks (frames, n_mels) at 100 Hz, mean over time subtracted, no dither.

    Computed on the CPU, whatever the device of the samples; the result lies on theirs.
    """
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = SAMPLE_RATE
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = True
    options.mel_opts.num_bins = n_mels
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(SAMPLE_RATE, samples_T.cpu().numpy().astype(np.float32))
    bank.input_finished()
    if bank.num_frames_ready == 0:
        return torch.zeros(0, n_mels, device=samples_T.device)
    features = torch.from_numpy(np.stack([bank.get_frame(i) for i in range(bank.num_frames_ready)]))
    return (features - features.mean(dim=0)).to(samples_T.device)
