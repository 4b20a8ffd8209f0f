"""A piece of text with all that decides how it sounds, and the prompt of the language model that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from glmtts.errors import TextError, VoiceError
from glmtts.judging.faults import Target
from glmtts.lm import rows
from glmtts.lm.prompt import build_prompt
from glmtts.lm.request import Request
from glmtts.stages import LanguageModel
from glmtts.synthesis.settings import SynthesisDefaults
from glmtts.text.audio_tokens import AudioTokens
from glmtts.text.frontend import Piece, TextFrontend, phonemes_of
from glmtts.text.labels import BOUNDARY
from glmtts.text.normalisation.languages import Language
from glmtts.text.phonemes import ENGLISH
from glmtts.text.split import join_pieces

if TYPE_CHECKING:
    from glmtts.synthesis.voice import Voice

_ENGLISH = frozenset(ENGLISH)
PROMPTS_KEPT = 64  # voices whose texts need not be read again


@dataclass(frozen=True)
class Segment:
    """A piece of text and the hybrid text that is read, who speaks it and how.

    `speaker_prompt` are the text ids of a fine-tuned speaker. `phonemes` are those that should be heard, "|" between
    words and syllables; they are whole where `hybrid` is partly text. `history` are earlier pieces of the same text,
    which the language model continues as well.
    """

    piece: Piece
    hybrid: str
    voice: Voice
    settings: SynthesisDefaults
    seed: int
    speaker_prompt: Sequence[int] = ()
    phonemes: Sequence[str] = ()
    history: Sequence[EarlierPiece] = ()

    @property
    def continues_prompt(self) -> bool:
        """Whether the language model continues the recording of the voice."""
        return bool(self.voice.text) and self.settings.continue_prompt

    @property
    def language(self) -> Language:
        """English where all phonemes are; Mandarin sentences with English words are Mandarin."""
        return "en" if is_english(self.phonemes) else "zh"

    @property
    def lone_word(self) -> bool:
        """Whether the text is one word, or one syllable of Mandarin."""
        return bool(self.phonemes) and BOUNDARY not in self.phonemes


@dataclass(frozen=True)
class EarlierPiece:
    """An earlier piece of a text: what was read, its phonemes, and its speech tokens."""

    hybrid: str
    phonemes: Sequence[str]
    tokens: Sequence[int]


def is_english(phonemes: Sequence[str]) -> bool:
    """Whether all phonemes are English ones."""
    return all(symbol in _ENGLISH for symbol in phonemes if symbol != BOUNDARY)


class Prompter:
    """Prompts of the language model for one vocabulary, and what should be heard after them."""

    def __init__(self, frontend: TextFrontend, layout: AudioTokens) -> None:
        self._frontend, self._layout = frontend, layout
        self._phonemes = lru_cache(PROMPTS_KEPT)(self._phonemes_of_prompt)

    def requests(self, segment: Segment, seeds: Sequence[int], model: LanguageModel) -> list[Request]:
        """One request a seed for a language model; they share their prompt, and the adapter of a trained voice.

        Raises:
            VoiceError: the voice's own text and speech leave no room for others.
            TextError: a piece of text alone leaves no room for its speech, as with a reading of thousands of phonemes.
        """
        text_ids = self._frontend.encode(segment.hybrid)
        ids = [*segment.speaker_prompt, *self._prompt(text_ids, segment)]
        alone = len(segment.speaker_prompt) + len(text_ids) + 1  # the begin of audio
        if alone >= model.max_positions:
            raise TextError(
                f"A piece of the text is {alone} tokens, and the language model takes {model.max_positions} with its "
                "speech. Split it into shorter sentences, or give shorter readings."
            )
        longest = segment.settings.sampling.max_ratio * len(text_ids)
        if segment.history and len(ids) + longest > model.max_positions:
            # `history_tokens` may be more than a model has room for beside the speech
            return self.requests(replace(segment, history=segment.history[1:]), seeds, model)
        if len(ids) >= model.max_positions:
            raise VoiceError(
                f"The voice's own text and speech are {len(ids)} tokens, and the language model takes "
                f"{model.max_positions}. Clone a shorter recording, and give the text of just that."
            )
        generators = [rows.generator(model.device, seed) for seed in seeds]
        stored, sampling = segment.voice.adapter, segment.settings.sampling
        # read here, so that a voice which leaves the pool meanwhile is held by its requests
        adapter = None if stored is None else stored.part("lm", model)
        return [Request(ids, sampling, len(text_ids), generator, adapter=adapter) for generator in generators]

    def target(self, segment: Segment) -> Target:
        """What should be heard, and the prompt that must not be."""
        if not segment.continues_prompt:
            return Target(segment.phonemes)
        voice = segment.voice
        # what stands last in the prompt is what may leak: the voice's own, where no earlier piece has found room
        if segment.history and (history := self._continued(segment, self._read(voice.text))):
            return Target(segment.phonemes, history[-1].tokens, history[-1].phonemes)
        return Target(segment.phonemes, voice.tokens.tolist(), self._phonemes(voice.text))

    def _prompt(self, text_ids: list[int], segment: Segment) -> list[int]:
        """Ids before the first speech token: with the voice's own text and tokens where they are continued."""
        if not segment.continues_prompt:
            return build_prompt(self._layout, text_ids)
        prompt_text_ids, tokens = self._read(segment.voice.text), segment.voice.tokens.tolist()
        history = self._continued(segment, prompt_text_ids)
        prompt_text_ids += [number for one in history for number in self._frontend.encode(one.hybrid)]
        return build_prompt(
            self._layout, text_ids, prompt_text_ids, [*tokens, *(t for one in history for t in one.tokens)]
        )

    def _continued(self, segment: Segment, prompt_text_ids: Sequence[int]) -> Sequence[EarlierPiece]:
        """The earlier pieces that stand in the prompt of a segment behind the voice's own text, `prompt_text_ids`."""
        if not segment.history:
            return ()
        text_ids, tokens = self._frontend.encode(segment.hybrid), segment.voice.tokens.tolist()
        history = [(self._frontend.encode(one.hybrid), one.tokens) for one in segment.history]
        most = segment.settings.history_tokens
        # the oldest piece goes first, and the voice's own prompt never, as in the release
        while history and _expected(prompt_text_ids, tokens, history, text_ids) > most:
            history.pop(0)
        return segment.history[len(segment.history) - len(history) :]

    def _read(self, prompt_text: str) -> list[int]:
        """Ids of a prompt's text and a blank; without phonemes for a released model, whose prompts have none."""
        front = self._frontend.with_mode("off") if self._frontend.config.release_form else self._frontend
        text = join_pieces([piece.text for piece in front.prepare(prompt_text)])
        return front.encode(front.to_hybrid(text) + " ")

    def _phonemes_of_prompt(self, text: str) -> list[str]:
        front = self._frontend.with_mode("all")
        return phonemes_of(" ".join(front.to_hybrid(piece.text) for piece in front.prepare(text)))


def _expected(
    prompt_text_ids: Sequence[int],
    prompt_tokens: Sequence[int],
    history: Sequence[tuple[Sequence[int], Sequence[int]]],
    text_ids: Sequence[int],
) -> float:
    """Speech tokens of prompt and history, and what the text will take at the pace of these."""
    known = len(prompt_tokens) + sum(len(tokens) for _, tokens in history)
    read = len(prompt_text_ids) + sum(len(ids) for ids, _ in history)
    return known * (1 + len(text_ids) / max(1, read))
