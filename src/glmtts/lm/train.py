"""Next-token training of the language model: speech tokens after text, with and without a voice prompt.

Where the alignment of text and speech is known, attention is guided along it (alignment.py), and a share of the
speech tokens that the model reads is replaced by random ones, so that it leans on the text and recovers from slips.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from glmtts.lm.alignment import alignment_loss
from glmtts.lm.model import Llama
from glmtts.lm.prompt import build_prompt
from glmtts.text.audio_tokens import AudioTokens


@dataclass(frozen=True)
class Spoken:
    """One utterance: ids of its text, its speech tokens as codes from 0, who speaks.

    `alignment` holds for each speech token the place in `text_ids` that it speaks; empty where that is unknown.
    """

    text_ids: list[int]
    tokens: list[int]
    speaker: str
    alignment: list[int] = field(default_factory=list)


class Example(NamedTuple):
    """Ids, the targets that follow them, and for each id the place that attention should find (−1: anywhere)."""

    ids: list[int]
    targets: list[int]
    aligned: list[int]


@dataclass
class LMBatch:
    """Right-padded ids (B, L), the targets (B, L) that follow them, −100 where no loss is taken, and alignments."""

    ids_BL: Tensor
    targets_BL: Tensor
    aligned_BL: Tensor


def example(layout: AudioTokens, spoken: Spoken, prompt: Spoken | None) -> Example:
    """One sequence; with a prompt, its text and tokens come before, without a loss on them."""
    if prompt is None:
        head = build_prompt(layout, spoken.text_ids)
    else:
        head = build_prompt(layout, spoken.text_ids, prompt.text_ids, prompt.tokens)
    speech = [layout.first + token for token in spoken.tokens]
    before = len(head) - 1
    aligned = [-1] * (len(speech) + 1)
    if spoken.alignment:
        start = len(prompt.text_ids) if prompt else 0
        aligned = [start + place for place in (*spoken.alignment, len(spoken.text_ids) - 1)]
    return Example([*head, *speech], [*[-100] * before, *speech, layout.end], [*[-1] * before, *aligned])


def collate(layout: AudioTokens, examples: Sequence[Example]) -> LMBatch:
    """Pad a batch of examples."""
    longest = max(len(item.ids) for item in examples)
    ids_BL = torch.full((len(examples), longest), layout.padding)
    targets_BL = torch.full((len(examples), longest), -100)
    aligned_BL = torch.full((len(examples), longest), -1)
    for row, item in enumerate(examples):
        for padded, values in ((ids_BL, item.ids), (targets_BL, item.targets), (aligned_BL, item.aligned)):
            padded[row, : len(values)] = torch.tensor(values)
    return LMBatch(ids_BL, targets_BL, aligned_BL)


def batches(
    layout: AudioTokens,
    draw: Callable[[random.Random], Sequence[Spoken]],
    max_tokens: int,
    prompt_share: float,
    seed: int,
) -> Iterator[LMBatch]:
    """Endless batches of at most `max_tokens` ids, padding included; `draw` gives the utterances of each epoch.

    With probability `prompt_share` an utterance follows another of its speaker as prompt; else it stands alone,
    so that the model learns to speak with a voice prompt and without (prompt dropping).
    """
    rng = random.Random(seed)
    while True:
        data, examples = draw(rng), []
        by_speaker: dict[str, list[Spoken]] = {}
        for spoken in data:
            by_speaker.setdefault(spoken.speaker, []).append(spoken)
        for spoken in data:
            prompt = rng.choice(by_speaker[spoken.speaker]) if rng.random() < prompt_share else None
            examples.append(example(layout, spoken, prompt if prompt is not spoken else None))
        examples.sort(key=lambda item: len(item.ids) * rng.uniform(0.9, 1.1))
        groups: list[list[Example]] = [[]]
        for item in examples:
            longest = max(len(item.ids), *(len(other.ids) for other in groups[-1]), 1)
            if groups[-1] and longest * (len(groups[-1]) + 1) > max_tokens:
                groups.append([])
            groups[-1].append(item)
        rng.shuffle(groups)
        yield from (collate(layout, group) for group in groups)


def corrupted(layout: AudioTokens, batch: LMBatch, share: float) -> Tensor:
    """The ids of a batch with a share of the speech tokens that carry a loss replaced by random ones."""
    ids_BL = batch.ids_BL
    speech_BL = (ids_BL >= layout.first) & (ids_BL < layout.first + layout.count) & (batch.targets_BL != -100)
    chosen_BL = speech_BL & (torch.rand(ids_BL.shape, device=ids_BL.device) < share)
    random_BL = torch.randint_like(ids_BL, layout.first, layout.first + layout.count)
    return torch.where(chosen_BL, random_BL, ids_BL)


def lm_loss(
    model: Llama, layout: AudioTokens, batch: LMBatch, corruption: float = 0.0, alignment_scale: float = 0.0
) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy over speech tokens and the end of audio only, plus the scaled loss of the alignment."""
    taken_BL = batch.targets_BL != -100
    ids_BL = corrupted(layout, batch, corruption) if corruption else batch.ids_BL
    inputs: list[Tensor] | None = [] if alignment_scale else None
    hidden_ND = model.hidden(ids_BL, inputs=inputs)[taken_BL]
    targets_N = batch.targets_BL[taken_BL]
    logits_NC = (hidden_ND @ layout.choices(model.model.embed_tokens.weight).T).float()
    wanted_N = torch.where(targets_N == layout.end, layout.count, targets_N - layout.first)
    loss = F.cross_entropy(logits_NC, wanted_N)
    metrics = {"accuracy": float((logits_NC.argmax(-1) == wanted_N).float().mean())}
    if inputs is not None:
        metrics["cross_entropy"] = float(loss.detach())
        alignment = loss.new_zeros(())
        if bool((batch.aligned_BL >= 0).any()):
            alignment = alignment_loss(model, inputs, batch.aligned_BL)
        metrics["alignment"] = float(alignment.detach())
        loss = loss + alignment_scale * alignment
    return loss, metrics
