"""What the server needs of synthesis: one small class, so that a faster way of speaking changes only this file."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from glmtts import load, load_onnx
from glmtts.onnx.choice import check_cpu, is_exported
from glmtts.synthesis.speaker import Speaker
from glmtts.synthesis.timing import Timed
from glmtts.text.explain import Part, explain_parts
from glmtts.text.frontend import Piece
from glmtts.text.reader import Sentence
from glmtts.threads import use_threads


class ServedVoice(Protocol):
    """A voice of either runtime."""

    def save(self, path: Path) -> None:
        """Write it as one file. Raises VoiceError where the path cannot be written."""
        ...


@dataclass(frozen=True)
class SpeechRequest:
    """A text as `Engine.read` gives it, its voice and manner; `options` are those of `Synthesizer.stream_pieces`.

    `timed`: with the times of its words, see `Engine.timed`.
    """

    pieces: Sequence[Piece]
    voice: ServedVoice
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
    """Speaks on the thread that calls it, by PyTorch; onnx_engine.py has the one that speaks by ONNX Runtime."""

    def __init__(self, tts: Speaker[Any]) -> None:
        self._tts = tts
        self.folder, self.name = tts.bundle.folder, tts.bundle.config.name
        self.rate, self.token_rate = tts.bundle.clock.sample_rate, tts.bundle.clock.token_rate
        self.default_voice = tts.defaults.voice
        self.pause = tts.defaults.pause_seconds

    @property
    def voices(self) -> dict[str, str]:
        """Names and descriptions of the bundled voices."""
        return self._tts.voices

    def use_threads(self, requests: int) -> int:
        """Share the cores among so many requests; gives the threads of an operation."""
        return use_threads(self.folder, requests)

    def bundled_voice(self, name: str) -> ServedVoice:
        """One of the bundled voices."""
        voice: ServedVoice = self._tts.voice(name)
        return voice

    def saved_voice(self, path: Path) -> ServedVoice:
        """A voice that was kept earlier, a cloned one (`.safetensors`) or a trained one (`.glmvoice`).

        Raises:
            VoiceError: it is damaged, or another model's.
        """
        voice: ServedVoice = self._tts.voice(path)
        return voice

    def try_trained(self, path: Path) -> None:
        """Let the models compute with a `.glmvoice` once. Raises VoiceError where requests could not be served."""
        from glmtts.synthesis.trial import try_trained

        try_trained(self._tts, path)

    def clone(self, recording: Path, text: str | None) -> Iterator[ServedVoice | None]:
        """A voice from a recording, in steps between which it can be given up; the last one is the voice.

        Raises:
            AudioError, VoiceError: the recording does not serve.
        """
        from glmtts.synthesis.voice import adapted_voice, recorded_voice

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
        """Samples (T,) float32 at `rate`, a part at a time; whoever closes the iterator ends the speaking.

        All requests in flight share the decoding of tokens.
        """
        with closing(self._tts.stream_pieces(request.pieces, request.voice, **_options(request))) as parts:
            for part in parts:
                yield np.asarray(part.samples)

    def timed(self, request: SpeechRequest) -> Iterator[np.ndarray | Words]:
        """The samples of `stream`, and the words of each piece of text once its tokens are known, before its last ones.

        None are told of a piece in which the recogniser does not find every word.
        """
        with closing(self._tts.stream_timed(request.pieces, request.voice, **_options(request))) as parts:
            for part in parts:
                if isinstance(part, list):
                    yield from [Words(part)] if part else []
                else:
                    yield np.asarray(part.samples)

    def warm_up(self) -> None:
        """Load every model and speak a word, so that the first request need not wait for that."""
        self._tts.bundle.load_all()
        if self.default_voice:
            for _ in self.stream(SpeechRequest(self.read("Hello.", "en"), self.bundled_voice(self.default_voice))):
                pass


def _options(request: SpeechRequest) -> dict[str, Any]:
    return {**request.options, "speed": request.speed}


def open_engine(model: str | Path | None, device: str, allow_program: bool = False) -> Engine:
    """The engine of a bundle, or of one that was exported for ONNX Runtime.

    Raises:
        BundleError: it is none, or holds a program that is not allowed.
        ConfigError: there is no such device, or ONNX Runtime cannot use it.
    """
    if model is not None and is_exported(Path(model)):
        from glmtts.server.onnx_engine import OnnxEngine

        check_cpu(device, allow_program)
        return OnnxEngine(load_onnx(model))
    return Engine(load(model, device, allow_program))
