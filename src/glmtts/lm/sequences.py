"""Training sequences of the language model: text and speech tokens of utterances, with and without a voice prompt."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from glmtts.data import Item
from glmtts.data.readings import Transcripts
from glmtts.lm.prompt import build_prompt
from glmtts.text.audio_tokens import AudioTokens
from glmtts.text.frontend import TextFrontend
from glmtts.text.hybrid import Span
from glmtts.text.hybrid_training import HybridCollate
from glmtts.text.placement import place_phonemes


@dataclass(frozen=True)
class TokenizedUtterance:
    """Ids of an utterance's text and its speech tokens as codes from 0.

    `alignment` holds for each speech token the place in `text_ids` that it speaks; empty where that is unknown.
    """

    text_ids: list[int]
    tokens: list[int]
    alignment: list[int] = field(default_factory=list)


class Example(NamedTuple):
    """Ids, the targets that follow them, and for each id the place that attention should find (−1: anywhere)."""

    ids: list[int]
    targets: list[int]
    aligned: list[int]


@dataclass
class LMBatch:
    """Right-padded ids (B, L), and where losses are taken, as indices into the flattened (B · L) positions.

    `positions_N` have the targets `targets_N`; attention at `aligned_A` should find `places_A` of the same row. Found
    here, on the CPU, so that the loss need not ask the device how many there are.
    """

    ids_BL: Tensor
    positions_N: Tensor
    targets_N: Tensor
    aligned_A: Tensor
    places_A: Tensor


def example(
    layout: AudioTokens, spoken: TokenizedUtterance, prompt: TokenizedUtterance | None, prefix: Sequence[int] = ()
) -> Example:
    """One sequence; with a prompt, its text and tokens come before, without a loss on them, and `prefix` before all."""
    before_text = [*prefix, *(prompt.text_ids if prompt else [])]
    head = build_prompt(layout, spoken.text_ids, before_text, prompt.tokens if prompt else ())
    speech = [layout.first + token for token in spoken.tokens]
    # target i follows id i: the last id of the head, begin of audio or the prompt's last token, has the first loss
    before = len(head) - 1
    aligned = [-1] * (len(speech) + 1)
    if spoken.alignment:
        # the end of audio looks at the last id of the text: it is over once that is said
        aligned = [len(before_text) + place for place in (*spoken.alignment, len(spoken.text_ids) - 1)]
    return Example([*head, *speech], [*[-1] * before, *speech, layout.end], [*[-1] * before, *aligned])


def collate(layout: AudioTokens, examples: Sequence[Example]) -> LMBatch:
    """Pad a batch of examples."""
    shape = (len(examples), max(len(item.ids) for item in examples))
    ids_BL = torch.full(shape, layout.padding)
    targets_BL, places_BL = torch.full(shape, -1), torch.full(shape, -1)
    for row, item in enumerate(examples):
        for padded, values in ((ids_BL, item.ids), (targets_BL, item.targets), (places_BL, item.aligned)):
            padded[row, : len(values)] = torch.tensor(values)
    # padding is on the right, where causal attention sees it from nowhere that has a target: no mask is needed
    positions_N = (targets_BL.flatten() >= 0).nonzero()[:, 0]
    aligned_A = (places_BL.flatten() >= 0).nonzero()[:, 0]
    return LMBatch(ids_BL, positions_N, targets_BL.flatten()[positions_N], aligned_A, places_BL.flatten()[aligned_A])


def text_view(transcripts: Transcripts, item: Item) -> "TextView | None":
    """An utterance as the language model may see it; None where its reading is open.

    The item has the features `tokens` (S,) and `alignment` (S,), the phoneme that each token speaks.
    """
    spans, tokens = transcripts.spans(item.utterance), item.features["tokens"].tolist()
    phonemes = item.features["alignment"].tolist()
    return TextView(transcripts.frontend, spans, tokens, phonemes) if spans and tokens else None


@dataclass(frozen=True)
class TextView:
    """One utterance with the spans of its transcript, from which each epoch draws what stays text."""

    frontend: TextFrontend
    spans: tuple[Span, ...]
    tokens: list[int]
    phonemes: list[int]

    def as_phonemes(self) -> TokenizedUtterance:
        """Every reading as phonemes."""
        return self._tokenized(frozenset())

    def hybrid(self, collate: HybridCollate) -> TokenizedUtterance:
        """Text, with the characters that `collate` draws as phonemes (report section 2.6)."""
        chosen = collate.choose("".join(span.text for span in self.spans))
        position, kept = 0, set()
        for number, span in enumerate(self.spans):
            # `chosen` counts characters: a span of several of them stays text
            if position not in chosen or len(span.text) > 1:
                kept.add(number)
            position += len(span.text)
        return self._tokenized(frozenset(kept))

    def draw(self, rng: np.random.Generator, all_phonemes: float, collate: HybridCollate) -> TokenizedUtterance:
        """`as_phonemes` with probability `all_phonemes`, else `hybrid`."""
        return self.as_phonemes() if rng.random() < all_phonemes else self.hybrid(collate)

    def _tokenized(self, as_text: frozenset[int]) -> TokenizedUtterance:
        ids, places = place_phonemes(self.frontend.tokenizer, self.spans, as_text)
        # an alignment of another reading counts other phonemes: then there is none, rather than a wrong one
        same_reading = max(self.phonemes, default=-1) + 1 == len(places)
        alignment = [places[phoneme] for phoneme in self.phonemes] if same_reading else []
        return TokenizedUtterance(ids, self.tokens, alignment)
