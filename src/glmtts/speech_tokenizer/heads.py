"""The speech tokenizer with the heads that stand after its codebook in training: ASR, pitch, mel."""

from collections.abc import Collection, Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glmtts.audio.mel_head import MelHead
from glmtts.audio.pitch import PitchEstimator
from glmtts.speech_tokenizer.asr import AsrHead
from glmtts.speech_tokenizer.batches import TokenizerBatch
from glmtts.speech_tokenizer.codebook import straight_through
from glmtts.speech_tokenizer.codebook_training import CodebookTraining
from glmtts.speech_tokenizer.model import SpeechTokenizer, SpeechTokenizerConfig

Phase = Literal["warmup", "frozen", "trained"]


class SpeechTokenizerTraining(nn.Module):
    """What is trained; the tokenizer and its recogniser are taken out of it in the end.

    In the phase "warmup" the vectors pass unquantised: the encoder then moves fast, and a codebook that follows by
    moving averages would lag behind and collapse (seen: 42 codes in use after eight steps). In "frozen" the codes stay
    as they are while new heads learn to read them. Heads among `probes` give no gradient to what they read: they tell
    what codes keep that were not trained for it.
    """

    def __init__(
        self,
        config: SpeechTokenizerConfig,
        frozen_layers: int,
        pitch: bool,
        mel: bool,
        warmup: bool = False,
        probes: Collection[str] = (),
    ) -> None:
        super().__init__()
        self.config, self.frozen_layers, self.probes = config, frozen_layers, frozenset(probes)
        self.tokenizer = SpeechTokenizer(config)
        lower = [self.tokenizer.conv1, self.tokenizer.conv2, self.tokenizer.embed_positions]
        for module in [*lower, *self.tokenizer.layers[:frozen_layers]]:
            module.requires_grad_(False)
        width, code_width = config.d_model, config.code_width
        learnt = config.levels is None
        self.moving = CodebookTraining(config.codes, code_width or width, warmup) if learnt else None
        self.asr = AsrHead(config)
        self.expand = nn.Identity() if code_width is None else nn.Linear(code_width, width)
        self.pitch = PitchEstimator(width, config.pooling) if pitch else None
        self.mel = MelHead(width, config.pooling) if mel else None

    @torch.no_grad()
    def start_from(self, tokenizer: Mapping[str, Tensor], recogniser: Mapping[str, Tensor]) -> None:
        """Begin as a trained tokenizer and its recogniser, given by their weights; pitch and mel heads are new.

        What expands the codes is solved, by least squares, from the recogniser's vectors of the codes.
        """
        self.tokenizer.load_state_dict(tokenizer)
        head = {name.removeprefix("head."): value for name, value in recogniser.items() if name.startswith("head.")}
        self.asr.load_state_dict(head)
        if isinstance(self.expand, nn.Linear):
            codes = self.tokenizer.codebook.weight.float()
            known = torch.cat([codes, torch.ones(len(codes), 1)], dim=1)
            solved = torch.linalg.lstsq(known, recogniser["codes.weight"].float()).solution
            self.expand.weight.copy_(solved[:-1].T)
            self.expand.bias.copy_(solved[-1])

    @torch.no_grad()
    def code_vectors(self) -> Tensor:
        """The vectors of all codes as the heads see them, (C, D)."""
        return self.expand(self.tokenizer.codebook.weight)

    def _quantise(self, vectors_ND: Tensor, phase: Phase) -> tuple[Tensor, Tensor, Tensor]:
        codebook = self.tokenizer.codebook
        if self.moving is None:  # a grid
            # a grid never moves, and tanh bounds the vectors to it: there is nothing to commit to
            codes, ids = straight_through(codebook, vectors_ND)
            return codes, ids, codes.new_zeros(())
        if phase == "warmup":
            self.moving.remember(vectors_ND)
            ids = torch.zeros(len(vectors_ND), dtype=torch.long, device=vectors_ND.device)
            return vectors_ND, ids, vectors_ND.new_zeros(())
        if phase == "frozen":
            ids = codebook.nearest(vectors_ND.detach())
            none = 0 * vectors_ND  # a gradient of zero, which processes that train together can still gather
            return F.embedding(ids, codebook.weight) + none, ids, none.sum()
        return self.moving.quantise(codebook, vectors_ND)

    def forward(self, batch: TokenizerBatch, phase: Phase = "trained") -> dict[str, Tensor]:
        """Everything the loss and the evaluation read: logits, tokens, commitment, pitch and voicing, mel."""
        tokenizer = self.tokenizer
        first, hidden_BTD = self.frozen_layers, batch.hidden_BTD
        if hidden_BTD.ndim == 2:
            # two frames of features, at 100 Hz, for each of the mask's
            features_BMT, real_BT = tokenizer.features(hidden_BTD), batch.mask_BT.repeat_interleave(2, dim=1)
            first, hidden_BTD = 0, tokenizer.embed(features_BMT, real_BT)
        hidden, _ = tokenizer.encode_layers(hidden_BTD, batch.mask_BT, first)
        pooled_BSD, mask_BS = tokenizer.project(tokenizer.pool(hidden)), batch.mask_BT[:, :: self.config.pooling].bool()
        # real tokens alone: padding would draw codes to itself, and count as used
        quantised_ND, ids_N, commitment = self._quantise(pooled_BSD.flatten(0, 1)[batch.tokens_N], phase)
        expanded_ND = self.expand(quantised_ND)
        flat = expanded_ND.new_zeros(mask_BS.numel(), expanded_ND.shape[-1])
        # back to (B, S, D), with zeros where padding was
        quantised_BSD = flat.index_copy(0, batch.tokens_N, expanded_ND).view(*mask_BS.shape, -1)
        tokens = torch.full((mask_BS.numel(),), -1, device=ids_N.device).index_copy(0, batch.tokens_N, ids_N)
        output = {"logits_BSV": self.asr(quantised_BSD, mask_BS), "tokens_BS": tokens.view_as(mask_BS)}
        output["logits_mask_BS"] = mask_BS.repeat_interleave(self.config.labels_per_token, 1)
        output |= {"mask_BS": mask_BS, "ids_N": ids_N, "commitment": commitment}
        if self.pitch is not None:
            output["pitch_BT"], output["voicing_BT"] = self.pitch(self._read_by("pitch", quantised_BSD), mask_BS)
        if self.mel is not None:
            speaker_BD = F.normalize(batch.speaker_BD, dim=-1)
            output["mel_BTM"] = self.mel(self._read_by("mel", quantised_BSD), speaker_BD, mask_BS)
        return output

    def _read_by(self, head: str, quantised_BSD: Tensor) -> Tensor:
        return quantised_BSD.detach() if head in self.probes else quantised_BSD
