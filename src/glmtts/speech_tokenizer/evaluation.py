"""What a speech tokenizer's codes keep, measured on held-out speech with the heads of its training."""

from collections.abc import Sequence

import torch
from torch import Tensor

from glmtts.audio.mel_head import mel_loss
from glmtts.audio.pitch import octaves_of
from glmtts.speech_tokenizer.asr import best_path
from glmtts.speech_tokenizer.batches import TokenizerBatch
from glmtts.speech_tokenizer.heads import SpeechTokenizerTraining
from glmtts.text.edits import edit_distance
from glmtts.text.labels import BOUNDARY, LABELS, without_boundaries


@torch.no_grad()
def evaluate(
    model: SpeechTokenizerTraining, batches: Sequence[TokenizerBatch], relative_pitch: bool = True
) -> dict[str, float]:
    """Codebook use and perplexity, F0 correlation, voicing error, log-mel L1, phoneme and word errors of the ASR head.

    A word is what stands between word boundaries: an English word, or a toned Mandarin syllable.
    """
    counts = torch.zeros(model.config.codes)
    errors = {"phoneme": [0, 0], "word": [0, 0]}
    pitch, mels = _Pitch(relative_pitch), []
    for batch in batches:
        output = model(batch)
        counts += torch.bincount(output["ids_N"], minlength=len(counts)).cpu()
        for row, logits_SV in enumerate(output["logits_BSV"]):
            heard = best_path(logits_SV[output["logits_mask_BS"][row]])
            wanted = [LABELS[label] for label in batch.labels_BL[row, : batch.label_lengths_B[row]].tolist()]
            _count(errors["phoneme"], without_boundaries(heard), without_boundaries(wanted))
            _count(errors["word"], _words(heard), _words(wanted))
        if "mel_BTM" in output:
            mels.append(float(mel_loss(output["mel_BTM"], batch.mel_BTM, batch.mask_BT)))
        if "pitch_BT" in output:
            pitch.add(output, batch)
    # of codes in use alone: 0 · log 0 is NaN
    shares = counts[counts > 0] / counts.sum()
    return {
        "utterances": float(sum(len(batch.mask_BT) for batch in batches)),
        "codes_used": float((counts > 0).sum() / len(counts)),
        "perplexity": float(torch.exp(-(shares * shares.log()).sum())),
        **{f"{unit}_error": wrong / max(1, total) for unit, (wrong, total) in errors.items()},
        **({"mel_l1": sum(mels) / len(mels)} if mels else {}),
        **pitch.figures(),
    }


class _Pitch:
    """Predicted and real pitch of voiced frames, and voicing of all, over several batches."""

    def __init__(self, relative: bool) -> None:
        self.relative = relative
        self.predicted: list[Tensor] = []
        self.actual: list[Tensor] = []
        self.wrong: list[Tensor] = []

    def add(self, output: dict[str, Tensor], batch: TokenizerBatch) -> None:
        valid = batch.mask_BT.bool()
        voiced = (batch.f0_BT > 0) & valid
        self.predicted.append(output["pitch_BT"][voiced].float())
        self.actual.append(octaves_of(batch.f0_BT, self.relative)[voiced])
        self.wrong.append(((output["voicing_BT"] > 0) != (batch.f0_BT > 0))[valid].float())

    def figures(self) -> dict[str, float]:
        if not self.predicted:
            return {}
        both = torch.stack([torch.cat(self.predicted), torch.cat(self.actual)])
        correlation, wrong = torch.corrcoef(both)[0, 1], torch.cat(self.wrong).mean()
        return {"f0_correlation": float(correlation), "voicing_error": float(wrong)}


def _words(labels: list[str]) -> list[str]:
    return " ".join(labels).split(BOUNDARY)


def _count(tally: list[int], heard: list[str], wanted: list[str]) -> None:
    tally[0] += edit_distance(heard, wanted)
    tally[1] += len(wanted)
