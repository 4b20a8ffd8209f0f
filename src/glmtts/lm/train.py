"""Next-token training of the language model: speech tokens after text, with and without a voice prompt."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from glmtts.lm.model import Llama
from glmtts.lm.prompt import AudioTokens, build_prompt


@dataclass(frozen=True)
class Spoken:
    """One utterance: ids of its text, its speech tokens as codes from 0, who speaks."""

    text_ids: list[int]
    tokens: list[int]
    speaker: str


@dataclass
class LMBatch:
    """Right-padded ids (B, L) and the targets (B, L) that follow them, −100 where no loss is taken."""

    ids_BL: Tensor
    targets_BL: Tensor


def example(layout: AudioTokens, spoken: Spoken, prompt: Spoken | None) -> tuple[list[int], list[int]]:
    """Ids and targets of one sequence; with a prompt, its text and tokens come before, without a loss on them."""
    if prompt is None:
        head = build_prompt(layout, spoken.text_ids)
    else:
        head = build_prompt(layout, spoken.text_ids, prompt.text_ids, prompt.tokens)
    speech = [layout.first + token for token in spoken.tokens]
    return [*head, *speech], [*[-100] * (len(head) - 1), *speech, layout.end]


def collate(layout: AudioTokens, examples: Sequence[tuple[list[int], list[int]]]) -> LMBatch:
    """Pad a batch of examples."""
    longest = max(len(ids) for ids, _ in examples)
    ids_BL = torch.full((len(examples), longest), layout.padding)
    targets_BL = torch.full((len(examples), longest), -100)
    for row, (ids, targets) in enumerate(examples):
        ids_BL[row, : len(ids)] = torch.tensor(ids)
        targets_BL[row, : len(targets)] = torch.tensor(targets)
    return LMBatch(ids_BL, targets_BL)


def batches(
    layout: AudioTokens, data: Sequence[Spoken], max_tokens: int, prompt_share: float, seed: int
) -> Iterator[LMBatch]:
    """Endless batches of at most `max_tokens` ids, padding included.

    With probability `prompt_share` an utterance follows another of its speaker as prompt; else it stands alone,
    so that the model learns to speak with a voice prompt and without (prompt dropping).
    """
    rng = random.Random(seed)
    by_speaker: dict[str, list[Spoken]] = {}
    for spoken in data:
        by_speaker.setdefault(spoken.speaker, []).append(spoken)
    while True:
        examples = []
        for spoken in data:
            prompt = rng.choice(by_speaker[spoken.speaker]) if rng.random() < prompt_share else None
            examples.append(example(layout, spoken, prompt if prompt is not spoken else None))
        examples.sort(key=lambda pair: len(pair[0]) * rng.uniform(0.9, 1.1))
        groups: list[list[tuple[list[int], list[int]]]] = [[]]
        for pair in examples:
            longest = max(len(pair[0]), *(len(ids) for ids, _ in groups[-1]), 1)
            if groups[-1] and longest * (len(groups[-1]) + 1) > max_tokens:
                groups.append([])
            groups[-1].append(pair)
        rng.shuffle(groups)
        yield from (collate(layout, group) for group in groups)


def lm_loss(model: Llama, layout: AudioTokens, batch: LMBatch) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy over speech tokens and the end of audio only; logits are computed for those alone."""
    taken_BL = batch.targets_BL != -100
    hidden_ND = model.hidden(batch.ids_BL)[taken_BL]
    targets_N = batch.targets_BL[taken_BL]
    choices = torch.cat(
        [
            model.model.embed_tokens.weight[layout.first : layout.first + layout.count],
            model.model.embed_tokens.weight[layout.end, None],
        ]
    )
    logits_NC = (hidden_ND @ choices.T).float()
    wanted_N = torch.where(targets_N == layout.end, layout.count, targets_N - layout.first)
    loss = F.cross_entropy(logits_NC, wanted_N)
    accuracy = (logits_NC.argmax(-1) == wanted_N).float().mean()
    return loss, {"accuracy": float(accuracy)}
