"""Training batches of the speech tokenizer."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from glmtts.audio.resample import resample
from glmtts.data import Dataset, UtteranceRef
from glmtts.data.finite import Finite
from glmtts.data.readings import Transcripts
from glmtts.speech_tokenizer.model import SAMPLE_RATE, SAMPLES_PER_FRAME
from glmtts.text.labels import LABEL_IDS

MOST_LABELS = 24  # a second: a transcript with more cannot be that of its recording, and CTC has 25 tokens a second
WAVE_RATE = 24_000  # of the feature `wave`
MIRRORED = 40  # samples beyond a recording that its last frame of Whisper's features sees: half a window less a hop


@dataclass
class TokenizerBatch:
    """A padded batch: frozen layers' output at 50 Hz, its mask, F0 in Hz, log-mel, speaker, label ids with lengths.

    `hidden_BTD` may be 16 kHz samples (B, N) instead, from which the encoder then computes all of its layers.
    `tokens_N` are the real tokens' places among the flattened (B · S), found here on the CPU, so that the model need
    not ask the device how many there are.
    """

    hidden_BTD: Tensor
    mask_BT: Tensor
    tokens_N: Tensor
    f0_BT: Tensor
    mel_BTM: Tensor
    speaker_BD: Tensor
    labels_BL: Tensor
    label_lengths_B: Tensor


@dataclass(frozen=True)
class TokenizerExample:
    """One utterance: frozen layers' output (T, D), F0 (T,) in Hz, log-mel (T, M), speaker embedding (E,), labels.

    `hidden` may be 16 kHz samples (N,) instead.
    """

    hidden: np.ndarray
    f0: np.ndarray
    mel: np.ndarray
    speaker: np.ndarray
    labels: list[str]


@dataclass(frozen=True)
class TokenizerBatches:
    """Makes micro-batches, as the loader's processes do, of utterances whose transcripts can be read, and be theirs."""

    dataset: Dataset
    transcripts: Transcripts
    pooling: int
    finite: Finite = field(default_factory=Finite)

    def __call__(self, number: int, refs: Sequence[UtteranceRef]) -> TokenizerBatch | None:
        """The batch; None where no utterance can be used."""
        examples = []
        for ref in refs:
            item = self.dataset.load(ref)
            labels = self.transcripts.labels(item.utterance)
            if 0 < len(labels) < MOST_LABELS * ref.seconds and self.finite(item):
                f0, mel, speaker = (item.features[name] for name in ("f0", "mel", "speaker"))
                hidden = item.features["hidden"] if "hidden" in item.features else _resampled(item.features["wave"])
                example = TokenizerExample(hidden, f0, mel, speaker, labels)
                # of a recording without one whole token every mean is one of nothing, which is no number
                examples += [example] if whole_frames(example, self.pooling) else []
        return collate(examples, self.pooling) if examples else None


def _resampled(wave: np.ndarray) -> np.ndarray:
    """int16 samples at 24 kHz to float32 ones at 16 kHz."""
    samples = torch.from_numpy(wave.astype(np.float32) / 32768)
    return resample(samples, WAVE_RATE, SAMPLE_RATE).numpy()


def whole_frames(item: TokenizerExample, pooling: int) -> int:
    """Frames of an utterance, in whole groups of `pooling`."""
    per_frame = SAMPLES_PER_FRAME if item.hidden.ndim == 1 else 1
    # features differ by a frame, by the rounding of their hops; a token needs all of its frames
    return min(len(item.hidden) // per_frame, len(item.f0), len(item.mel)) // pooling * pooling


def collate(items: Sequence[TokenizerExample], pooling: int = 2) -> TokenizerBatch:
    """Batch several utterances, each cut to whole groups of `pooling` frames."""
    per_frame = SAMPLES_PER_FRAME if items[0].hidden.ndim == 1 else 1
    frames = [whole_frames(item, pooling) for item in items]
    longest = max(frames)
    hidden_BTD = torch.zeros(len(items), longest * per_frame, *items[0].hidden.shape[1:])
    mel_BTM = torch.zeros(len(items), longest, items[0].mel.shape[1])
    f0_BT, mask_BT = torch.zeros(len(items), longest), torch.zeros(len(items), longest)
    labels = [torch.tensor([LABEL_IDS[label] for label in item.labels]) for item in items]
    for row, (length, item) in enumerate(zip(frames, items, strict=True)):
        for padded, values, each in ((hidden_BTD, item.hidden, per_frame), (f0_BT, item.f0, 1), (mel_BTM, item.mel, 1)):
            padded[row, : length * each] = torch.from_numpy(np.array(values[: length * each], dtype=np.float32))
        if per_frame > 1 and length:
            # where a recording ends, an STFT sees a mirror of its end: before padding, in a batch as alone
            end = length * per_frame
            mirrored = hidden_BTD[row, end - 1 - MIRRORED : end - 1].flip(0)
            hidden_BTD[row, end : end + MIRRORED] = mirrored[: hidden_BTD.shape[1] - end]
        mask_BT[row, :length] = 1
    speaker_BD = torch.from_numpy(np.stack([item.speaker for item in items]).astype(np.float32))
    label_lengths_B = torch.tensor([len(label) for label in labels])
    labels_BL = nn.utils.rnn.pad_sequence(labels, batch_first=True)
    tokens_N = mask_BT[:, ::pooling].flatten().nonzero()[:, 0]
    return TokenizerBatch(hidden_BTD, mask_BT, tokens_N, f0_BT, mel_BTM, speaker_BD, labels_BL, label_lengths_B)
