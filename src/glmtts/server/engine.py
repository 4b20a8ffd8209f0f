"""What the server needs of synthesis: one small class, so that a faster way of speaking changes only this file."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from glmtts import load
from glmtts.audio.tempo import Tempo
from glmtts.synthesis.synthesizer import Synthesizer
from glmtts.synthesis.timing import Timed
from glmtts.synthesis.trial import try_trained
from glmtts.synthesis.voice import Voice, adapted_voice, recorded_voice
from glmtts.text.explain import Part, explain_parts
from glmtts.text.frontend import Piece
from glmtts.text.reader import Sentence


@dataclass(frozen=True)
class SpeechRequest:
    """A text as `Engine.read` gives it, its voice and manner; `options` are those of `Synthesizer.stream_pieces`.

    `timed`: with the times of its words, see `Engine.timed`.
    """

    pieces: Sequence[Piece]
    voice: Voice
    speed: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)
    timed: bool = False


@dataclass(frozen=True)
class Words:
    """The words of a piece of text, with their times in seconds from the first sample of the request's speech."""

    words: list[Timed]


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
        self.folder = tts.bundle.folder
        self.name, self.rate = tts.bundle.config.name, tts.bundle.config.sample_rate
        self.token_rate = tts.bundle.clock.token_rate
        self.default_voice = tts.defaults.voice
        self.pause = tts.defaults.pause_seconds

    @classmethod
    def open(cls, model: str | Path | None, device: str, allow_program: bool = False) -> Self:
        """The engine of a bundle. Raises BundleError where it is none, or holds a program that is not allowed."""
        return cls(load(model, device, allow_program))

    @property
    def voices(self) -> dict[str, str]:
        """Names and descriptions of the bundled voices."""
        return self._tts.voices

    def bundled_voice(self, name: str) -> Voice:
        """One of the bundled voices."""
        return self._tts.voice(name)

    def usable(self, voice: Voice) -> Voice:
        """A voice that was kept earlier, as the model can use it. Raises VoiceError where its sizes are another's."""
        return self._tts.voice(voice)

    def trained_voice(self, path: Path) -> Voice:
        """The voice of a `.glmvoice`. Raises VoiceError where it is damaged, or was trained for another model."""
        return self._tts.voice(path)

    def try_trained(self, path: Path) -> None:
        """Let the models compute with a `.glmvoice` once. Raises VoiceError where requests could not be served."""
        try_trained(self._tts, path)

    def clone(self, recording: Path, text: str | None) -> Iterator[Voice | None]:
        """A voice from a recording, in steps between which it can be given up; the last one is the voice.

        Raises:
            AudioError, VoiceError: the recording does not serve.
        """
        bundle = self._tts.bundle
        voice = recorded_voice(bundle, self._tts.frontend, recording, text)
        yield None
        yield adapted_voice(bundle, voice)

    def read(self, text: str, language: str | None) -> list[Piece]:
        """What is spoken at once, in order. Raises TextError where nothing can be spoken."""
        return self._tts.frontend.prepare(text, language)

    def read_sentence(self, sentence: Sentence, language: str | None) -> list[Piece]:
        """The same for one sentence of a text in parts, with the pause that follows it there. Raises as `read` does."""
        return self._tts.frontend.prepare_sentence(sentence, language)

    def encode(self, pieces: Sequence[Piece]) -> list[Encoded]:
        """Pieces with what the language model reads of them."""
        front = self._tts.frontend
        return [Encoded(piece.text, hybrid := front.to_hybrid(piece.closed), front.encode(hybrid)) for piece in pieces]

    def explain(self, text: str) -> list[Part]:
        """How every character of a text is pronounced. Raises TextError where a control is not valid."""
        return explain_parts(self._tts.frontend.with_mode("all"), text)

    def stream(self, request: SpeechRequest) -> Iterator[np.ndarray]:
        """Samples (T,) float32 at `rate`, a part at a time; whoever closes the iterator ends the speaking."""
        tempo = Tempo(self.rate, request.speed)
        for samples_T in self._parts(request):
            yield tempo.feed(samples_T)
        # what the change of tempo still holds
        yield tempo.finish()

    def timed(self, request: SpeechRequest) -> Iterator[np.ndarray | Words]:
        """The samples of `stream`, and the words of each piece of text once its tokens are known, before its last ones.

        None are told of a piece in which the recogniser does not find every word.
        """
        options = {**request.options, "speed": request.speed}
        with closing(self._tts.stream_timed(request.pieces, request.voice, **options)) as parts:
            for part in parts:
                if isinstance(part, list):
                    yield from [Words(part)] if part else []
                else:
                    yield part.samples.numpy()

    def _parts(self, request: SpeechRequest) -> Iterator[np.ndarray]:
        """Blocks of speech as they are made; all requests in flight share the decoding of tokens."""
        with closing(self._tts.stream_pieces(request.pieces, request.voice, **request.options)) as chunks:
            for audio in chunks:
                yield audio.samples.numpy()

    def warm_up(self) -> None:
        """Load every model and speak a word, so that the first request need not wait for that."""
        self._tts.bundle.load_all()
        if self.default_voice:
            for _ in self.stream(SpeechRequest(self.read("Hello.", "en"), self.bundled_voice(self.default_voice))):
                pass
