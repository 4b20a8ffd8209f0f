"""Rollouts: several answers to each prompt, decoded together; the prompt is read once for all of its answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import torch
from torch import Tensor

from glmtts.lm.batch import bounds
from glmtts.lm.candidates import CandidateSet, decode_sets
from glmtts.lm.request import FinishReason, Request, SamplingConfig
from glmtts.lm.sequences import LMBatch, TokenizedUtterance, collate, example
from glmtts.rl.prompts import Prompt
from glmtts.stages import LanguageModel
from glmtts.synthesis.segment import Prompter, Segment
from glmtts.text.audio_tokens import AudioTokens

NEVER = 1 << 30  # tokens: no answer is cancelled because another ended first, since its length is part of its reward


@dataclass(frozen=True)
class Answer:
    """One answer: codes from 0, why it ended, and the prompt that it answers.

    `least` is the number of tokens before which the end of audio could not be drawn.
    """

    prompt: Prompt
    prompt_ids: tuple[int, ...]
    tokens: tuple[int, ...]
    finish_reason: FinishReason
    least: int

    @property
    def segment(self) -> Segment:
        """What should be said, by whom."""
        return self.prompt.segment

    @property
    def stopped(self) -> bool:
        """Whether the end of audio was drawn."""
        return self.finish_reason == "stop"

    def draws(self, layout: AudioTokens) -> list[int]:
        """What was drawn, as choices from 0: the codes, then the end of audio where it was drawn."""
        return [*self.tokens, layout.count] if self.stopped else list(self.tokens)


def answer_seed(*place: int) -> int:
    """A seed of 62 bits for one place in a run, such as (run's seed, rollout, attempt, prompt, answer)."""
    digest = blake2b("/".join(map(str, place)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 2


def roll_out(
    lm: LanguageModel,
    layout: AudioTokens,
    prompter: Prompter,
    prompts: Sequence[Prompt],
    sampling: SamplingConfig,
    seeds: Sequence[Sequence[int]],
    capacity: int = 64,
) -> list[list[Answer]]:
    """Answers to every prompt, one for each of its `seeds`; at most about `capacity` are decoded at a time.

    An answer depends on its prompt, its seed and the weights alone, not on what is decoded beside it.
    """
    sets, leasts = [], []
    for prompt, own in zip(prompts, seeds, strict=True):
        asked = replace(prompt.segment, settings=prompt.segment.settings.model_copy(update={"sampling": sampling}))
        requests = prompter.requests(asked, own, lm)
        sets.append(CandidateSet(requests, patience=NEVER))
        # of the prompt's text alone, so one bound holds for all of its answers
        leasts.append(bounds(lm, requests[0])[0])
    with torch.autocast(
        (lm.device or torch.device("cpu")).type, enabled=False
    ):  # what is sampled must be what is differentiated
        for _ in decode_sets(lm, layout, sets, capacity):
            pass
    groups = zip(prompts, sets, leasts, strict=True)
    return [[_answer(prompt, request, least) for request in one.requests] for prompt, one, least in groups]


def _answer(prompt: Prompt, request: Request, least: int) -> Answer:
    assert request.finish_reason is not None
    return Answer(prompt, tuple(request.prompt_ids), tuple(request.tokens), request.finish_reason, least)


@dataclass(frozen=True)
class DrawBatch:
    """Answers as one padded batch for the training forward, and where their N draws stand.

    `rows_N` is the answer of each draw, `drawn_N` what was drawn (from 0), `least_N` whether the end was not allowed.
    """

    ids_BL: Tensor
    positions_N: Tensor
    drawn_N: Tensor
    rows_N: Tensor
    least_N: Tensor
    drawn: list[list[int]]


def draw_batch(answers: Sequence[Answer], layout: AudioTokens, device: torch.device) -> DrawBatch:
    """The training batch of answers, at least one token each; the end of audio counts where it was drawn."""
    # the draws of an answer, in order, are the positions with a target: both count N in the same order
    batch = _collated(answers, layout)
    drawn = [answer.draws(layout) for answer in answers]
    counts = torch.tensor(list(map(len, drawn)))
    rows_N = torch.arange(len(answers)).repeat_interleave(counts)
    # the place of each draw in its own answer: 0, 1, … and from 0 again
    places_N = torch.cat([torch.arange(int(count)) for count in counts])
    least_N = places_N < torch.tensor([answer.least for answer in answers])[rows_N]
    drawn_N = torch.tensor([choice for one in drawn for choice in one])
    parts = (batch.ids_BL, batch.positions_N, drawn_N, rows_N, least_N)
    ids_BL, positions_N, drawn_N, rows_N, least_N = (tensor.to(device) for tensor in parts)
    return DrawBatch(ids_BL, positions_N, drawn_N, rows_N, least_N, drawn)


def _collated(answers: Sequence[Answer], layout: AudioTokens) -> LMBatch:
    """Right-padded ids whose targets are the draws; a truncated answer has none after its last token."""
    examples = []
    for answer in answers:
        one = example(layout, TokenizedUtterance([], list(answer.tokens)), None)
        head = list(answer.prompt_ids)
        # the last id of the prompt predicts the first draw; those before it predict nothing that was drawn
        targets = [*[-1] * (len(head) - 1), *one.targets]
        if not answer.stopped:
            # it ran into its bound and never drew the end of audio, which must not be learnt as if it had
            targets[-1] = -1
        # the example begins with a begin-of-audio of its own, and the prompt has one already
        ids = [*head, *one.ids[1:]]
        examples.append(one._replace(ids=ids, targets=targets, aligned=[-1] * len(ids)))
    return collate(layout, examples)
