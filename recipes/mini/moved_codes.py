"""Where the codes of a tokenizer that was trained on have gone, so that models of the old codes go on with the new.

A new code stands for the old ones that the tokenizer before wrote in its place; a row of a table of codes becomes the
mean of their rows. Before any training, the flow and the language model then lose little of what they know.
"""

from collections.abc import Sequence

import torch
from corpora import TEACHER
from prepare import FROZEN_LAYERS
from stage import AUDIO_CODES
from torch import Tensor
from tqdm import tqdm

from glmtts.features import FeatureStore
from glmtts.speech_tokenizer.model import SpeechTokenizer
from glmtts.speech_tokenizer.train import tokens_from_hidden

MOST = 400  # utterances of a corpus that are looked at
TABLES = {
    "flow": ("text_emb_layer.text_embed.weight", "prior.codes.weight", "prior.pitch.codes.weight"),
    "lm": ("model.embed_tokens.weight",),
}


def shares_of_old(before: SpeechTokenizer, stores: Sequence[FeatureStore]) -> Tensor:
    """How often each old code (column) stands where a new one (row) does, (C, C); a row that is not seen is its own."""
    pairs = [torch.zeros(0, dtype=torch.long)]
    for store in stores:
        if store.folder.name not in TEACHER:
            continue
        for number in tqdm(range(0, len(store), 1 + len(store) // MOST), desc=f"codes of {store.folder.name}"):
            old = tokens_from_hidden(before, FROZEN_LAYERS, store.get(number, "hidden"))
            new = torch.from_numpy(store.get(number, "tokens").astype("int64"))
            pairs.append(new * AUDIO_CODES + torch.from_numpy(old).long())
    counts_CC = torch.bincount(torch.cat(pairs), minlength=AUDIO_CODES**2).view(AUDIO_CODES, AUDIO_CODES).float()
    if counts_CC.equal(counts_CC.diag().diag()):
        raise SystemExit("No code has moved. Train the speech tokenizer to its end first, which writes its tokens.")
    unseen = counts_CC.sum(1) == 0
    counts_CC[unseen] = torch.eye(AUDIO_CODES)[unseen]
    return counts_CC / counts_CC.sum(1, keepdim=True)


def carried(stage: str, weights: dict[str, Tensor], shares_CC: Tensor, first: int) -> dict[str, Tensor]:
    """The weights of a stage with its tables for the new codes, whose rows begin at `first`."""
    changed = dict(weights)
    for name in TABLES[stage]:
        changed[name] = weights[name].clone()
        changed[name][first : first + len(shares_CC)] = shares_CC @ weights[name][first : first + len(shares_CC)]
    return changed
