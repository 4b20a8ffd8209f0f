"""Training of the speech tokenizer: ASR loss (CTC) + pitch loss + commitment (report section 2.3), and a mel loss.

The lower layers of Whisper stay frozen, and their output is computed once; what is trained starts from there. The
mel loss is ours: with hours of speech in place of the report's hundred thousand, the ASR loss alone leaves out of
the codes what a vocoder needs to be understood.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glmtts.audio.mel_head import MelHead, mel_loss
from glmtts.audio.pitch import PitchEstimator, octaves_of, pitch_loss
from glmtts.speech_tokenizer.asr import AsrHead, best_path
from glmtts.speech_tokenizer.model import SpeechTokenizer, SpeechTokenizerConfig
from glmtts.text.edits import edit_distance
from glmtts.text.labels import BOUNDARY, LABEL_IDS, LABELS, without_boundaries

START_BATCHES = 24


@dataclass
class TokenizerBatch:
    """A padded batch: frozen layers' output at 50 Hz, its mask, F0 in Hz, log-mel, speaker, label ids with lengths."""

    hidden_BTD: Tensor
    mask_BT: Tensor
    f0_BT: Tensor
    mel_BTM: Tensor
    speaker_BD: Tensor
    labels_BL: Tensor
    label_lengths_B: Tensor


@dataclass(frozen=True)
class TokenizerExample:
    """One utterance: frozen layers' output (T, D), F0 (T,) in Hz, log-mel (T, M), speaker embedding (E,), labels."""

    hidden: np.ndarray
    f0: np.ndarray
    mel: np.ndarray
    speaker: np.ndarray
    labels: list[str]


def collate(items: Sequence[TokenizerExample]) -> TokenizerBatch:
    """Batch several utterances, each cut to whole pairs of frames."""
    frames = [min(len(item.hidden), len(item.f0), len(item.mel)) // 2 * 2 for item in items]
    longest = max(frames)
    hidden_BTD = torch.zeros(len(items), longest, items[0].hidden.shape[1])
    mel_BTM = torch.zeros(len(items), longest, items[0].mel.shape[1])
    f0_BT, mask_BT = torch.zeros(len(items), longest), torch.zeros(len(items), longest)
    labels = [torch.tensor([LABEL_IDS[label] for label in item.labels]) for item in items]
    for row, (length, item) in enumerate(zip(frames, items, strict=True)):
        for padded, values in ((hidden_BTD, item.hidden), (f0_BT, item.f0), (mel_BTM, item.mel)):
            padded[row, :length] = torch.from_numpy(np.array(values[:length], dtype=np.float32))
        mask_BT[row, :length] = 1
    speaker_BD = torch.from_numpy(np.stack([item.speaker for item in items]).astype(np.float32))
    lengths = torch.tensor([len(label) for label in labels])
    labels_BL = nn.utils.rnn.pad_sequence(labels, batch_first=True)
    return TokenizerBatch(hidden_BTD, mask_BT, f0_BT, mel_BTM, speaker_BD, labels_BL, lengths)


class SpeechTokenizerTraining(nn.Module):
    """The tokenizer with the heads that stand after its codebook in training: ASR, pitch, mel.

    For the first `continuous_steps` the vectors pass unquantised: the encoder then moves fast, and a codebook that
    follows by moving averages would lag behind and collapse. It begins as the k-means of the last of those vectors.

    Where a trained tokenizer goes on with heads that are new (`go_on`), these first learn to read its codes, while
    the codes stay as they are.
    """

    steps: Tensor
    heads_until: Tensor

    def __init__(self, config: SpeechTokenizerConfig, frozen_layers: int) -> None:
        super().__init__()
        self.config, self.frozen_layers = config, frozen_layers
        self.tokenizer = SpeechTokenizer(config)
        lower = [self.tokenizer.conv1, self.tokenizer.conv2, self.tokenizer.embed_positions]
        for module in [*lower, *self.tokenizer.layers[:frozen_layers]]:
            module.requires_grad_(False)
        width = config.d_model
        self.asr = AsrHead(config)
        self.expand = nn.Identity() if config.code_width is None else nn.Linear(config.code_width, width)
        self.pitch = PitchEstimator(width, config.pooling) if config.pitch else None
        self.mel = MelHead(width, config.pooling) if config.mel_scale else None
        self._seen: deque[Tensor] = deque(maxlen=START_BATCHES)
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.register_buffer("heads_until", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def go_on(self, tokenizer: SpeechTokenizer, asr: AsrHead, vectors_CD: Tensor, heads_steps: int = 300) -> None:
        """Begin as a trained tokenizer with its ASR head; the pitch and mel heads are new.

        What expands the codes is solved, by least squares, from `vectors_CD`, the vectors of the codes that the ASR
        head was given.
        """
        self.tokenizer.load_state_dict(tokenizer.state_dict())
        self.tokenizer.codebook.forget()
        self.asr.load_state_dict(asr.state_dict())
        if isinstance(self.expand, nn.Linear):
            codes = self.tokenizer.codebook.weight.float()
            known = torch.cat([codes, torch.ones(len(codes), 1)], dim=1)
            solved = torch.linalg.lstsq(known, vectors_CD.float()).solution
            self.expand.weight.copy_(solved[:-1].T)
            self.expand.bias.copy_(solved[-1])
        self.steps.fill_(self.config.continuous_steps)
        self.heads_until.fill_(self.config.continuous_steps + heads_steps)

    @torch.no_grad()
    def code_vectors(self) -> Tensor:
        """The vectors of all codes as the heads see them, (C, D)."""
        return self.expand(self.tokenizer.codebook.weight)

    def pooled(self, batch: TokenizerBatch) -> tuple[Tensor, Tensor]:
        """Vectors before the codebook (B, S, D) and their mask (B, S)."""
        hidden, _ = self.tokenizer.encode_layers(batch.hidden_BTD, batch.mask_BT, self.frozen_layers)
        return self.tokenizer.project(self.tokenizer.pool(hidden)), batch.mask_BT[:, :: self.config.pooling].bool()

    def _quantise(self, vectors_ND: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.steps += int(self.training)
        if self.training and self.steps <= self.config.continuous_steps:
            self._seen.append(vectors_ND.detach().float())
            ids = torch.zeros(len(vectors_ND), dtype=torch.long, device=vectors_ND.device)
            return vectors_ND, ids, vectors_ND.new_zeros(())
        if self.training and self._seen:
            self.tokenizer.codebook.start_from(torch.cat(list(self._seen)))
            self._seen.clear()
        if self.training and self.steps <= self.heads_until:
            ids = self.tokenizer.codebook.nearest(vectors_ND.detach())
            none = 0 * vectors_ND  # a gradient of zero, which processes that train together can still gather
            return F.embedding(ids, self.tokenizer.codebook.weight) + none, ids, none.sum()
        return self.tokenizer.codebook(vectors_ND)

    def forward(self, batch: TokenizerBatch) -> dict[str, Tensor]:
        """Everything the loss and the evaluation read: logits, tokens, commitment, pitch and voicing."""
        pooled_BSD, mask_BS = self.pooled(batch)
        quantised, ids, commitment = self._quantise(pooled_BSD[mask_BS])
        expanded = self.expand(quantised)
        quantised_BSD = expanded.new_zeros(*mask_BS.shape, expanded.shape[-1])
        quantised_BSD[mask_BS] = expanded
        tokens_BS = torch.full(mask_BS.shape, -1, device=ids.device)
        tokens_BS[mask_BS] = ids
        output = {"logits_BSV": self.asr(quantised_BSD, mask_BS), "tokens_BS": tokens_BS, "mask_BS": mask_BS}
        output["commitment"] = commitment
        if self.pitch is not None:
            output["pitch_BT"], output["voicing_BT"] = self.pitch(quantised_BSD)
        if self.mel is not None:
            output["mel_BTM"] = self.mel(quantised_BSD, F.normalize(batch.speaker_BD, dim=-1), mask_BS)
        return output


def tokenizer_loss(model: SpeechTokenizerTraining, batch: TokenizerBatch) -> tuple[Tensor, dict[str, float]]:
    """asr_scale · CTC + pitch_scale · pitch + mel_scale · mel + commitment_scale · commitment."""
    output = model(batch)
    config: SpeechTokenizerConfig = model.config
    log_probs = output["logits_BSV"].float().log_softmax(-1).transpose(0, 1)
    lengths = output["mask_BS"].sum(1)
    ctc = F.ctc_loss(log_probs, batch.labels_BL, lengths, batch.label_lengths_B, zero_infinity=True)
    loss = config.asr_scale * ctc + config.commitment_scale * output["commitment"]
    metrics = {"ctc": float(ctc.detach()), "commitment": float(output["commitment"].detach())}
    if "pitch_BT" in output:
        pitch = pitch_loss(output["pitch_BT"], output["voicing_BT"], batch.f0_BT, batch.mask_BT, config.relative_pitch)
        loss = loss + config.pitch_scale * pitch
        metrics["pitch"] = float(pitch.detach())
    if "mel_BTM" in output:
        mel = mel_loss(output["mel_BTM"], batch.mel_BTM, batch.mask_BT)
        loss = loss + config.mel_scale * mel
        metrics["mel"] = float(mel.detach())
    metrics["codes_in_batch"] = float(output["tokens_BS"].unique().numel())
    return loss, metrics


@torch.inference_mode()
def evaluate(model: SpeechTokenizerTraining, batches: Sequence[TokenizerBatch]) -> dict[str, float]:
    """Codebook use and perplexity, F0 correlation, voicing error, log-mel L1, phoneme and word errors of the ASR head.

    A word is what stands between word boundaries: an English word, or a toned Mandarin syllable.
    """
    counts = torch.zeros(model.config.codes)
    errors = {"phoneme": [0, 0], "word": [0, 0]}
    predicted, actual, voicing_wrong, mels = [], [], [], []
    for batch in batches:
        output = model(batch)
        tokens = output["tokens_BS"]
        counts += torch.bincount(tokens[tokens >= 0], minlength=len(counts)).cpu()
        for row, logits_SV in enumerate(output["logits_BSV"]):
            heard = best_path(logits_SV[output["mask_BS"][row]])
            wanted = [LABELS[label] for label in batch.labels_BL[row, : batch.label_lengths_B[row]].tolist()]
            _count(errors["phoneme"], without_boundaries(heard), without_boundaries(wanted))
            _count(errors["word"], _words(heard), _words(wanted))
        if "mel_BTM" in output:
            mels.append(float(mel_loss(output["mel_BTM"], batch.mel_BTM, batch.mask_BT)))
        if "pitch_BT" in output:
            valid = batch.mask_BT.bool()
            voiced = (batch.f0_BT > 0) & valid
            predicted.append(output["pitch_BT"][voiced].float())
            actual.append(octaves_of(batch.f0_BT, model.config.relative_pitch)[voiced])
            voicing_wrong.append(((output["voicing_BT"] > 0) != (batch.f0_BT > 0))[valid].float())
    shares = counts[counts > 0] / counts.sum()
    result = {
        "utterances": sum(len(batch.mask_BT) for batch in batches),
        "codes_used": float((counts > 0).sum() / len(counts)),
        "perplexity": float(torch.exp(-(shares * shares.log()).sum())),
        **{f"{unit}_error": wrong / max(1, total) for unit, (wrong, total) in errors.items()},
    }
    if mels:
        result["mel_l1"] = sum(mels) / len(mels)
    if predicted:
        both = torch.stack([torch.cat(predicted), torch.cat(actual)])
        result["f0_correlation"] = float(torch.corrcoef(both)[0, 1])
        result["voicing_error"] = float(torch.cat(voicing_wrong).mean())
    return result


def _words(labels: list[str]) -> list[str]:
    return " ".join(labels).split(BOUNDARY)


def _count(tally: list[int], heard: list[str], wanted: list[str]) -> None:
    tally[0] += edit_distance(heard, wanted)
    tally[1] += len(wanted)


@torch.inference_mode()
def tokens_from_hidden(tokenizer: SpeechTokenizer, first: int, hidden_TD: np.ndarray) -> np.ndarray:
    """Tokens (S,) int32 of one utterance's cached hidden states (T, D), which come before layer `first`."""
    hidden = torch.from_numpy(np.array(hidden_TD, dtype=np.float32))[None]
    whole = hidden[:, : hidden.shape[1] // 2 * 2]
    encoded, _ = tokenizer.encode_layers(whole, torch.ones(whole.shape[:2]), first)
    vectors = tokenizer.project(tokenizer.pool(encoded)[0])
    return tokenizer.codebook.nearest(vectors).numpy().astype(np.int32)
