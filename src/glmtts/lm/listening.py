"""Held-out lines that a language model in training says, for the log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from glmtts.audio.pitch import median_f0
from glmtts.data import Item
from glmtts.lm.batch import DecodingBatch
from glmtts.lm.model import Llama
from glmtts.lm.request import Request, SamplingConfig
from glmtts.lm.sequences import LMBatch, TokenizedUtterance
from glmtts.stages import LanguageModel
from glmtts.text.audio_tokens import AudioTokens
from glmtts.training.listening import Listening, Sound, Speaker

SAMPLES = 2  # lines; a choice
LONGEST = 2  # times the speaker's own length: what has not ended there does not end, and would cost the run its time


@dataclass(frozen=True)
class Line:
    """A text as a batch of one row, with what the speaker made of it; `speaker` is None where the data name nobody."""

    batch: LMBatch
    speaker: Speaker | None


Read = tuple[Item, TokenizedUtterance]
Collate = Callable[[TokenizedUtterance, TokenizedUtterance | None], LMBatch]


def lines_of(read: Sequence[Read], collate: Collate, prompted: bool) -> list[Line]:
    """The first utterances as lines: each in its own voice, or with `prompted` all continue the very first one."""
    if not prompted or len(read) < 2:
        return [Line(collate(spoken, None), _speaker(item)) for item, spoken in read[:SAMPLES]]
    (voice, prompt), *others = read[: SAMPLES + 1]
    return [Line(collate(spoken, prompt), _speaker(voice)) for _, spoken in others]


def _speaker(item: Item) -> Speaker | None:
    if not {"speaker", "f0"} <= item.features.keys():
        return None
    embedding, f0 = (torch.tensor(item.features[name], dtype=torch.float32) for name in ("speaker", "f0"))
    return Speaker(embedding, median_f0(f0[None])[0])


def samples(model: Llama, layout: AudioTokens, lines: Sequence[Line], listening: Listening) -> dict[str, Sound]:
    """Lines as the model says them, through the flow of `log.sample_bundle`, in whose voice nobody else speaks."""
    renderer = listening.through(model.device, codes=layout.count)
    if renderer is None:
        return {}
    sounds = {}
    for number, (line, tokens) in enumerate(zip(lines, said(model, layout, [one.batch for one in lines]), strict=True)):
        speaker = line.speaker or renderer.speaker
        if speaker is None:
            listening.silent(f"the data have no features `speaker` and `f0`, and {listening.bundle} has no voice.")
        elif tokens:
            sounds[f"held_out_{number}"] = renderer.speech(torch.tensor(tokens), speaker)
    return sounds


def said(model: LanguageModel, layout: AudioTokens, lines: Sequence[LMBatch]) -> list[list[int]]:
    """The tokens (codes from 0) that a model draws for each line, a batch of one row; each time the same draws."""
    requests = [_request(model.device, number, line) for number, line in enumerate(lines)]
    batch = DecodingBatch(model, layout)
    for request in requests:
        batch.join([request])
    while batch.requests:
        batch.step()
    return [request.tokens for request in requests]


def _request(device: torch.device | None, number: int, line: LMBatch) -> Request:
    """A request for the text of a line, of at most `LONGEST` times its length."""
    # the first position with a target is the head's last id, and the last target the end of audio, which is no token
    length = int(line.positions_N[0]) + 1
    head, spoken = line.ids_BL[0, :length].tolist(), len(line.targets_N) - 1
    sampling = SamplingConfig(min_ratio=0.0, max_ratio=LONGEST * spoken / max(1, length - 1))
    return Request(head, sampling, length - 1, torch.Generator(device or "cpu").manual_seed(number))
