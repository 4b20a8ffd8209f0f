"""What every runtime's synthesizer has: texts together, streams, pauses, times of words; needs no PyTorch."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Generic, Self, TypeVar, Unpack

import numpy as np

from glmtts.audio.tempo import change_tempo
from glmtts.judging.judge import Judge
from glmtts.synthesis.audio import Audio
from glmtts.synthesis.generator import TokenGenerator
from glmtts.synthesis.history import History
from glmtts.synthesis.options import Options, check_options, checked_seed, reader
from glmtts.synthesis.parts import joined_parts
from glmtts.synthesis.preparing import one_each, pauses, segments_of
from glmtts.synthesis.segment import Segment
from glmtts.synthesis.settings import SynthesisDefaults
from glmtts.synthesis.text_stream import pieces_of
from glmtts.synthesis.timing import Timed, segment_times
from glmtts.synthesis.token_blocks import Heard
from glmtts.text.frontend import Piece, TextFrontend

V = TypeVar("V")


class Speaker(ABC, Generic[V]):
    """Speaks text; `V` is a voice of the runtime, which makes the samples of segments."""

    bundle: Any
    defaults: SynthesisDefaults
    frontend: TextFrontend
    judge: Judge
    generator: TokenGenerator

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """End threads and processes."""

    @abstractmethod
    def voice(self, name: V | str | Path | None = None, text: str | None = None) -> V:
        """A bundled voice by name, a saved one, or a new one from a recording (and its text)."""

    @abstractmethod
    def _render(self, segments: Sequence[Segment]) -> list[tuple[np.ndarray, list[int]]]:
        """Samples (T,) and speech tokens of segments, all decoded together."""

    @abstractmethod
    def _blocks(self, segment: Segment, tokens: Iterator[int]) -> Iterator[np.ndarray]:
        """Samples of a segment as its tokens come."""

    @property
    def voices(self) -> dict[str, str]:
        """Names of the bundled voices with their descriptions."""
        return {name: entry.description for name, entry in self.bundle.config.voices.items()}

    def say(
        self, text: str, voice: V | str | Path | None = None, *, seed: int = 0, **options: Unpack[Options]
    ) -> Audio:
        """Speak `text`; the same seed gives the same samples, each runtime its own.

        Raises:
            TextError: nothing in the text can be spoken, or it is too long, or no `str`.
            VoiceError: there is no such voice, or no such fine-tuned speaker.
            ConfigError: an option is out of its range.
        """
        check_options(options)  # `seeds` would be given twice below
        return self.say_batch([text], [voice], seeds=[seed], **options)[0]

    def say_batch(
        self,
        texts: Iterable[str],
        voices: Iterable[V | str | Path | None] | V | str | Path | None = None,
        *,
        seeds: Iterable[int] | None = None,
        **options: Unpack[Options],
    ) -> list[Audio]:
        """Speak many texts, decoded together; each is what `say` gives for its voice and seed.

        One voice serves all, or there is one for each text; seeds are 0 unless given.

        Raises: as `say` does, before anything is spoken; ConfigError too where `texts` is one text, or the lengths of
            the lists differ.
        """
        given = one_each(texts, voices, seeds)
        front = reader(self.frontend, options)
        prepared = [(front.prepare(text, options.get("language")), voice, seed) for text, voice, seed in given]
        segments = [self._segments(front, *one, options) for one in prepared]
        speed = options.get("speed") or 1.0
        return [self._joined(*spoken, speed) for spoken in zip(segments, self._spoken(segments), strict=True)]

    def stream(
        self,
        text: str | Iterable[str],
        voice: V | str | Path | None = None,
        *,
        seed: int = 0,
        **options: Unpack[Options],
    ) -> Generator[Audio, None, None]:
        """Speak `text`, or text that itself arrives in parts, chunk by chunk as soon as each is ready.

        A sentence of arriving text is spoken once its end is there. A stream cannot wait: it has fewer candidates than
        `say`, of which each resampling keeps one, or a single candidate where they do not compete, and decodes again
        only where the end of the prompt leaks into the first tokens. Warnings come with the chunk that follows them.

        Raises: as `say` does, when the first chunk is asked for.
        """
        pieces = pieces_of(reader(self.frontend, options), text, options.get("language"))
        yield from self.stream_pieces(pieces, voice, seed=seed, **options)

    def stream_pieces(
        self, pieces: Iterable[Piece], voice: V | str | Path | None = None, *, seed: int = 0, **options: Unpack[Options]
    ) -> Generator[Audio, None, None]:
        """Speak pieces of text that the front end has prepared, at least one, as `stream` does."""
        for part in self._stream(pieces, voice, seed, options, timed=False):
            if isinstance(part, Audio):
                yield part

    def stream_timed(
        self, pieces: Iterable[Piece], voice: V | str | Path | None = None, *, seed: int = 0, **options: Unpack[Options]
    ) -> Generator[Audio | list[Timed], None, None]:
        """The same audio, and between it the words of each piece with their times from the first sample, in seconds.

        They come when the last token of the piece is known: before its last audio, not always before its first. None
        come of a piece in which the recogniser does not find every word.
        """
        yield from self._stream(pieces, voice, seed, options, timed=True)

    def segments(
        self, pieces: Iterable[Piece], voice: V | str | Path | None, seed: int, options: Options
    ) -> list[Segment]:
        """Prepared pieces of text with their phonemes, voice, settings and seeds.

        Raises: as `say` does.
        """
        return self._segments(reader(self.frontend, options), pieces, voice, seed, options)

    def _segments(
        self, front: TextFrontend, pieces: Iterable[Piece], voice: V | str | Path | None, seed: int, options: Options
    ) -> list[Segment]:
        """As `segments`, with the front end that was made once for a call: one of another mode is costly."""
        seed = checked_seed(seed)
        known = self.bundle.config.speaker_prompts
        return segments_of(front, pieces, self.voice(voice), seed, options, self.defaults, known)

    def _stream(
        self, pieces: Iterable[Piece], voice: V | str | Path | None, seed: int, options: Options, timed: bool
    ) -> Generator[Audio | list[Timed], None, None]:
        seed = checked_seed(seed)
        chosen, front, speed = self.voice(voice), reader(self.frontend, options), options.get("speed") or 1.0
        warnings, history = list[str](), History(self.defaults.history_tokens)

        def speak(number: int, piece: Piece) -> Iterator[np.ndarray | list[Timed]]:
            warnings.extend(piece.warnings)
            (segment,) = self._segments(front, [piece], chosen, seed + number, options)
            yield from self._speak(segment, history, speed if timed else None)

        for part in joined_parts(pieces, self.bundle.clock.sample_rate, speed, self._pauses, speak):
            if isinstance(part, list):
                yield part
            else:
                yield self._audio(part, warnings)
                warnings.clear()

    def _speak(self, segment: Segment, history: History, timed_at: float | None) -> Iterator[np.ndarray | list[Timed]]:
        """Samples of a segment as its tokens come, and its words with their times at a speed, if one is given.

        The request is dropped where the caller goes away.
        """
        with closing(self.generator.stream(history.before(segment))) as tokens:
            heard = Heard(tokens)
            for samples in self._blocks(segment, heard):
                # all tokens are known here, and the last samples still to come
                if timed_at and heard.ended:
                    yield self._times(segment, heard.tokens, timed_at)
                    timed_at = None
                yield samples
            if timed_at and heard.tokens:  # the vocoder had sent all before the tokens were known to have ended
                yield self._times(segment, heard.tokens, timed_at)
        history.add(segment, heard.tokens)

    def _spoken(self, texts: Sequence[Sequence[Segment]]) -> list[list[np.ndarray]]:
        """Samples (T,) of every segment of every text: all together, or in turn where each continues the last."""
        if not self.defaults.history_tokens:
            rendered = iter(samples for samples, _ in self._render([segment for text in texts for segment in text]))
            return [[next(rendered) for _ in text] for text in texts]
        spoken: list[list[np.ndarray]] = [[] for _ in texts]
        history = [History(self.defaults.history_tokens) for _ in texts]
        for place in range(max(map(len, texts), default=0)):
            numbers = [number for number, text in enumerate(texts) if place < len(text)]
            segments = [history[number].before(texts[number][place]) for number in numbers]
            for number, segment, (samples, tokens) in zip(numbers, segments, self._render(segments), strict=True):
                spoken[number].append(samples)
                history[number].add(segment, tokens)
        return spoken

    def _times(self, segment: Segment, tokens: Sequence[int], speed: float) -> list[Timed]:
        """The words of a segment in its speech tokens; none where the model has no recogniser, or does not find all."""
        return segment_times(self.judge.reading(tokens), segment, self.bundle.clock.token_rate * speed)

    def _audio(self, samples_T: np.ndarray, warnings: Sequence[str] = ()) -> Audio:
        return Audio(samples_T, self.bundle.clock.sample_rate, self.bundle.config.name, tuple(warnings))

    def _at_speed(self, samples_T: np.ndarray, speed: float) -> np.ndarray:
        return samples_T if speed == 1 else change_tempo(samples_T, self.bundle.clock.sample_rate, speed)

    def _pauses(self, piece: Piece, last: bool = False) -> tuple[int, int]:
        """Samples of silence before and after a piece; after the last one only what the text asks for."""
        return pauses(piece, self.bundle.clock.sample_rate, 0.0 if last else self.defaults.pause_seconds)

    def _joined(self, segments: Sequence[Segment], waves: Sequence[np.ndarray], speed: float) -> Audio:
        """The waves of segments with pauses around them, at the wanted speed."""
        parts = list[np.ndarray]()
        for number, (segment, wave) in enumerate(zip(segments, waves, strict=True)):
            before, after = self._pauses(segment.piece, last=number == len(segments) - 1)
            parts += [np.zeros(before, np.float32), wave, np.zeros(after, np.float32)]
        warnings = [warning for segment in segments for warning in segment.piece.warnings]
        return self._audio(self._at_speed(np.concatenate(parts), speed), warnings)
