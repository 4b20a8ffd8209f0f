"""Held-out recordings as a speech tokenizer in training keeps them, for the log."""

from collections.abc import Sequence

import torch
from torch import Tensor

from glmtts.audio.pitch import median_f0
from glmtts.speech_tokenizer.batches import TokenizerBatch
from glmtts.speech_tokenizer.heads import SpeechTokenizerTraining
from glmtts.training.listening import Listening, Renderer, Sound, Speaker
from glmtts.training.weights import start_weights

SAMPLES = 2  # recordings; a choice
SAME_CODES = 0.9  # of a codebook, nearest to their own places in another: of one that began anew hardly any is


def samples(
    model: SpeechTokenizerTraining, batches: Sequence[TokenizerBatch], listening: Listening
) -> dict[str, Sound]:
    """Recordings, batches of one row, as their tokens sound through the flow of `log.sample_bundle`.

    Where that flow has learnt other codes, the run's own mel head is heard through its vocoder: `…_mel_head`.
    """
    if not batches or (renderer := listening.through(batches[0].mask_BT.device)) is None:
        return {}
    if _same_codes(model, renderer, str(listening.bundle)):
        return {f"held_out_{n}": _speech(model, batch, renderer) for n, batch in enumerate(batches)}
    bins = batches[0].mel_BTM.shape[2]
    if model.mel is None or bins != renderer.clock.mel.n_mels:
        missing = "it has no mel head" if model.mel is None else f"its mel head gives {bins} bins"
        listening.silent(f"the codes of this run are not those of {listening.bundle}, and {missing}.")
        return {}
    mels_BTM = (model(batch)["mel_BTM"] for batch in batches)
    return {f"held_out_{n}_mel_head": renderer.waveform(mel_BTM[0].T) for n, mel_BTM in enumerate(mels_BTM)}


def _speech(model: SpeechTokenizerTraining, batch: TokenizerBatch, renderer: Renderer) -> Sound:
    output = model(batch)
    tokens_S = output["tokens_BS"][0][output["mask_BS"][0]]
    return renderer.speech(tokens_S, Speaker(batch.speaker_BD[0], median_f0(batch.f0_BT)[0]))


def _same_codes(model: SpeechTokenizerTraining, renderer: Renderer, bundle: str) -> bool:
    """Whether codes mean what they mean to the bundle's flow: they do not where the codebook began anew, or moved far.

    As many codes alone would not tell: two codebooks of one size have nothing else in common.
    """
    own_CE: Tensor = model.tokenizer.codebook.weight
    known_CE = start_weights(bundle, "speech_tokenizer")["codebook.weight"].to(own_CE.device)
    if own_CE.shape != known_CE.shape or model.config.tokens_per_second != renderer.clock.token_rate:
        return False
    # codes that moved keep their order: each is then still nearest to its own old place
    places_C = torch.cdist(own_CE.float(), known_CE).argmin(1)
    return float((places_C == torch.arange(len(own_CE), device=own_CE.device)).float().mean()) >= SAME_CODES
