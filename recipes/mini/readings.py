"""What the language model of `mini` reads of a transcript: mostly all phonemes, else hybrid text (section 2.6)."""

import random
from dataclasses import dataclass

from stage import Place, spoken_text

from glmtts.lm.train import Spoken
from glmtts.text.frontend import TextFrontend
from glmtts.text.hybrid import Span
from glmtts.text.hybrid_training import HybridCollate
from glmtts.text.placement import place_phonemes

ALL_PHONEMES = 0.75


@dataclass(frozen=True)
class Reading:
    """One utterance with the spans of its transcript, from which each epoch draws what stays text."""

    front: TextFrontend
    spans: list[Span]
    tokens: list[int]
    speaker: str
    language: str
    phonemes: list[int]

    def as_phonemes(self) -> Spoken:
        """Every reading as phonemes."""
        return self._spoken(frozenset())

    def hybrid(self, collate: HybridCollate) -> Spoken:
        """Text, with the characters that `collate` draws as phonemes."""
        chosen = collate.choose("".join(span.text for span in self.spans))
        position, kept = 0, set()
        for number, span in enumerate(self.spans):
            if position not in chosen or len(span.text) > 1:
                kept.add(number)
            position += len(span.text)
        return self._spoken(frozenset(kept))

    def draw(self, rng: random.Random, collate: HybridCollate) -> Spoken:
        """`as_phonemes` with probability `ALL_PHONEMES`, else `hybrid`."""
        return self.as_phonemes() if rng.random() < ALL_PHONEMES else self.hybrid(collate)

    def _spoken(self, as_text: frozenset[int]) -> Spoken:
        ids, places = place_phonemes(self.front.tokenizer, self.spans, as_text)
        same_reading = max(self.phonemes, default=-1) + 1 == len(places)
        alignment = [places[phoneme] for phoneme in self.phonemes] if same_reading else []
        return Spoken(ids, self.tokens, self.speaker, alignment)


def reading(front: TextFrontend, place: Place) -> Reading | None:
    """An utterance as the language model sees it; None where its reading is open."""
    store, number = place
    entry = store.entries[number]
    text = spoken_text(front, entry)
    if not text:
        return None
    spans = front.spans(text)
    tokens, phonemes = store.get(number, "tokens").tolist(), store.get(number, "alignment").tolist()
    return Reading(front, spans, tokens, entry["speaker"], entry["lang"], phonemes)
