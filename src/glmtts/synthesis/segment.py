"""A piece of text with all that decides how it sounds, and the prompt of the language model that follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch

from glmtts.judging.faults import Target
from glmtts.lm.prompt import build_prompt
from glmtts.lm.sampling import Request
from glmtts.synthesis.settings import SynthesisDefaults
from glmtts.synthesis.voice import Voice
from glmtts.text.audio_tokens import AudioTokens
from glmtts.text.frontend import Piece, TextFrontend, phonemes_of

PROMPTS_KEPT = 64  # voices whose texts need not be read again


@dataclass(frozen=True)
class Segment:
    """A piece of text and the hybrid text that is read, who speaks it and how.

    `speaker_prompt` are the text ids of a fine-tuned speaker. `phonemes` are those that should be heard, "|" between
    words and syllables; they are whole where `hybrid` is partly text.
    """

    piece: Piece
    hybrid: str
    voice: Voice
    settings: SynthesisDefaults
    seed: int
    speaker_prompt: Sequence[int] = ()
    phonemes: Sequence[str] = ()

    @property
    def continues_prompt(self) -> bool:
        """Whether the language model continues the recording of the voice."""
        return bool(self.voice.text) and self.settings.continue_prompt


class Prompter:
    """Prompts of the language model for one vocabulary, and what should be heard after them."""

    def __init__(self, frontend: TextFrontend, layout: AudioTokens) -> None:
        self._frontend, self._layout = frontend, layout
        self._phonemes = lru_cache(PROMPTS_KEPT)(self._phonemes_of_prompt)

    def requests(self, segment: Segment, seeds: Sequence[int], device: torch.device) -> list[Request]:
        """One request a seed; they share their prompt."""
        text_ids = self._frontend.encode(segment.hybrid)
        ids = [*segment.speaker_prompt, *self._prompt(text_ids, segment)]
        generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]
        return [Request(ids, segment.settings.sampling, len(text_ids), generator) for generator in generators]

    def target(self, segment: Segment) -> Target:
        """What should be heard, and the prompt that must not be."""
        if not segment.continues_prompt:
            return Target(segment.phonemes)
        voice = segment.voice
        return Target(segment.phonemes, voice.tokens.tolist(), self._phonemes(voice.text))

    def _prompt(self, text_ids: list[int], segment: Segment) -> list[int]:
        """Ids before the first speech token: with the voice's own text and tokens where they are continued."""
        if not segment.continues_prompt:
            return build_prompt(self._layout, text_ids)
        pieces = self._frontend.prepare(segment.voice.text)
        prompt_text_ids = self._frontend.ids(" ".join(piece.text for piece in pieces) + " ")
        return build_prompt(self._layout, text_ids, prompt_text_ids, segment.voice.tokens.tolist())

    def _phonemes_of_prompt(self, text: str) -> list[str]:
        front = self._frontend.with_mode("all")
        return phonemes_of(" ".join(front.to_hybrid(piece.text) for piece in front.prepare(text)))
