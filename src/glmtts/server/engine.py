"""What the server needs of synthesis: one small class, so that a faster way of speaking changes only this file."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from glmtts.audio.tempo import Tempo
from glmtts.synthesis.synthesizer import Synthesizer
from glmtts.synthesis.voice import Voice
from glmtts.text.explain import Part, explain_parts
from glmtts.text.frontend import Piece


@dataclass(frozen=True)
class Utterance:
    """A text as `Engine.read` gives it, its voice and manner; `options` are those of `Synthesizer.stream_pieces`."""

    pieces: Sequence[Piece]
    voice: Voice
    speed: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Encoded:
    """A normalised piece of text and what the language model reads of it."""

    text: str
    hybrid: str
    ids: list[int]


class Engine:
    """Speaks on the thread that calls it."""

    def __init__(self, tts: Synthesizer) -> None:
        self._tts = tts
        self.name, self.rate = tts.bundle.config.name, tts.bundle.config.sample_rate
        self.token_rate = tts.bundle.clock.token_rate
        self.default_voice = tts.defaults.voice
        self.pause = tts.defaults.pause_seconds

    @property
    def voices(self) -> dict[str, str]:
        """Names and descriptions of the bundled voices."""
        return self._tts.voices

    def bundled_voice(self, name: str) -> Voice:
        """One of the bundled voices."""
        return self._tts.voice(name)

    def clone(self, recording: Path, text: str | None) -> Voice:
        """A voice from a recording. Raises AudioError or VoiceError where it does not serve."""
        return self._tts.voice(recording, text)

    def read(self, text: str, language: str | None) -> list[Piece]:
        """What is spoken at once, in order. Raises TextError where nothing can be spoken."""
        return self._tts.frontend.prepare(text, language)

    def encode(self, pieces: Sequence[Piece]) -> list[Encoded]:
        """Pieces with what the language model reads of them."""
        front = self._tts.frontend
        return [Encoded(piece.text, hybrid := front.to_hybrid(piece.text), front.encode(hybrid)) for piece in pieces]

    def explain(self, text: str) -> list[Part]:
        """How every character of a text is pronounced. Raises TextError where a control is not valid."""
        return explain_parts(self._tts.frontend.with_mode("all"), text)

    def stream(self, utterance: Utterance) -> Iterator[np.ndarray]:
        """Samples (T,) float32 at `rate`, a part at a time; whoever closes the iterator ends the speaking."""
        tempo = Tempo(self.rate, utterance.speed)
        for samples_T in self._parts(utterance):
            yield tempo.feed(samples_T)
        yield tempo.finish()

    def _parts(self, utterance: Utterance) -> Iterator[np.ndarray]:
        """Blocks of speech as they are made; all requests in flight share the decoding of tokens."""
        with closing(self._tts.stream_pieces(utterance.pieces, utterance.voice, **utterance.options)) as chunks:
            for audio in chunks:
                yield audio.samples.numpy()

    def warm_up(self) -> None:
        """Load every model and speak a word, so that the first request need not wait for that."""
        self._tts.bundle.load_all()
        if self.default_voice:
            for _ in self.stream(Utterance(self.read("Hello.", "en"), self.bundled_voice(self.default_voice))):
                pass
