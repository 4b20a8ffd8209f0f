"""Speech from an exported bundle: `say` and `stream` of synthesis/synthesizer.py, without PyTorch."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self, Unpack

import numpy as np
import soxr

from glmtts.audio.fade import faded
from glmtts.audio.short import slowed
from glmtts.audio.tempo import change_tempo
from glmtts.errors import VoiceError
from glmtts.judging.faults import Target
from glmtts.judging.judge import Judge
from glmtts.onnx.bundle import OnnxBundle
from glmtts.onnx.clone import clone
from glmtts.onnx.features import SAMPLE_RATE
from glmtts.onnx.stream import stream_segment
from glmtts.onnx.voice import NumpyVoice
from glmtts.synthesis.audio import Audio
from glmtts.synthesis.generator import TokenGenerator
from glmtts.synthesis.options import Options, check_seed, reader
from glmtts.synthesis.parts import joined_parts
from glmtts.synthesis.preparing import check_voice_text, is_recording, one_each, pauses, segments_of
from glmtts.synthesis.segment import Segment
from glmtts.synthesis.settings import SynthesisDefaults
from glmtts.synthesis.text_stream import pieces_of
from glmtts.synthesis.timing import Timed, segment_times
from glmtts.synthesis.token_blocks import Heard
from glmtts.text.frontend import Piece, TextFrontend

AnyVoice = NumpyVoice | str | Path | None


class OnnxSynthesizer:
    """Speaks text with the exported stages of one bundle; threads may share one."""

    def __init__(self, bundle: OnnxBundle) -> None:
        self.bundle, self.frontend = bundle, bundle.frontend()
        self.defaults = SynthesisDefaults.parse(bundle.config.synthesis)
        self.judge = Judge(bundle.recogniser, bundle.clock.token_rate)  # type: ignore[arg-type]
        self.generator = TokenGenerator(bundle, self.frontend, self.judge)  # type: ignore[arg-type]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the thread that serves streams."""
        self.generator.close()

    @property
    def voices(self) -> dict[str, str]:
        """Names of the bundled voices with their descriptions."""
        return {name: entry.description for name, entry in self.bundle.config.voices.items()}

    def voice(self, name: AnyVoice = None, text: str | None = None) -> NumpyVoice:
        """A bundled voice by name, one that `glm-tts clone` saved, or a new one from a recording (and its text).

        Raises:
            VoiceError: there is no such voice, the recording does not serve, or a text is given without a recording.
            AudioError: the recording cannot be read.
        """
        check_voice_text(name, text)
        if isinstance(name, NumpyVoice):
            return name
        chosen = name or self.defaults.voice
        if chosen is None:
            raise VoiceError("This model has no voice of its own. Give a saved voice.")
        if is_recording(chosen):
            return clone(self.bundle, self.frontend, Path(chosen), text)
        return self.bundle.voice(str(chosen))

    def say(self, text: str, voice: AnyVoice = None, *, seed: int = 0, **options: Unpack[Options]) -> Audio:
        """Speak `text`; the same seed gives the same samples, which are not those that PyTorch gives.

        Raises:
            TextError: nothing in the text can be spoken, or it is too long.
            VoiceError: there is no such voice, or no such fine-tuned speaker.
            ConfigError: an option is out of its range.
        """
        return self.say_batch([text], [voice], seeds=[seed], **options)[0]

    def say_batch(
        self,
        texts: Sequence[str],
        voices: Sequence[AnyVoice] | AnyVoice = None,
        *,
        seeds: Sequence[int] | None = None,
        **options: Unpack[Options],
    ) -> list[Audio]:
        """Speak many texts, decoded together; each is what `say` gives for its voice and seed.

        One voice serves all, or there is one for each text; seeds are 0 unless given.

        Raises: as `say` does, before anything is spoken; ConfigError too where the lengths of the lists differ.
        """
        front, given = reader(self.frontend, options), one_each(texts, voices, seeds)
        prepared = [(front.prepare(text, options.get("language")), voice, seed) for text, voice, seed in given]
        spoken = [self._segments(front, pieces, self.voice(voice), seed, options) for pieces, voice, seed in prepared]
        generated = dict(self.generator.generate([segment for segments in spoken for segment in segments]))
        # one iterator for all texts, from which each takes those of its segments
        choices = (generated[number] for number in range(len(generated)))
        speed = options.get("speed") or 1.0
        return [self._joined(segments, choices, speed) for segments in spoken]

    def _joined(self, segments: Sequence[Segment], choices: Iterator[list[list[int]]], speed: float) -> Audio:
        """Segments, each rendered from the next of the choices, with pauses around them, at the wanted speed."""
        parts = list[np.ndarray]()
        for number, segment in enumerate(segments):
            before, after = self._pauses(segment.piece, last=number == len(segments) - 1)
            parts += [np.zeros(before, np.float32), self._best(segment, next(choices)), np.zeros(after, np.float32)]
        samples = np.concatenate(parts)
        samples = samples if speed == 1 else change_tempo(samples, self.bundle.clock.sample_rate, speed)
        return self._audio(samples, [warning for segment in segments for warning in segment.piece.warnings])

    def stream(
        self, text: str | Iterable[str], voice: AnyVoice = None, *, seed: int = 0, **options: Unpack[Options]
    ) -> Generator[Audio, None, None]:
        """Speak `text`, or text that itself arrives in parts, chunk by chunk as soon as each is ready.

        Warnings come with the chunk that follows them.

        Raises: as `say` does, when the first chunk is asked for.
        """
        pieces = pieces_of(reader(self.frontend, options), text, options.get("language"))
        yield from self.stream_pieces(pieces, voice, seed=seed, **options)

    def stream_pieces(
        self, pieces: Iterable[Piece], voice: AnyVoice = None, *, seed: int = 0, **options: Unpack[Options]
    ) -> Generator[Audio, None, None]:
        """Speak pieces of text that the front end has prepared, at least one, as `stream` does."""
        for part in self._stream(pieces, voice, seed, options, timed=False):
            if isinstance(part, Audio):
                yield part

    def stream_timed(
        self, pieces: Iterable[Piece], voice: AnyVoice = None, *, seed: int = 0, **options: Unpack[Options]
    ) -> Generator[Audio | list[Timed], None, None]:
        """The same audio, and between it the words of each piece; see `Synthesizer.stream_timed`."""
        yield from self._stream(pieces, voice, seed, options, timed=True)

    def _stream(
        self, pieces: Iterable[Piece], voice: AnyVoice, seed: int, options: Options, timed: bool
    ) -> Generator[Audio | list[Timed], None, None]:
        check_seed(seed)
        chosen, front, speed = self.voice(voice), reader(self.frontend, options), options.get("speed") or 1.0
        warnings = list[str]()

        def speak(number: int, piece: Piece) -> Iterator[np.ndarray | list[Timed]]:
            warnings.extend(piece.warnings)
            (segment,) = self._segments(front, [piece], chosen, seed + number, options)
            yield from self._speak(segment, speed if timed else None)

        for part in joined_parts(pieces, self.bundle.clock.sample_rate, speed, self._pauses, speak):
            if isinstance(part, list):
                yield part
            else:
                yield self._audio(part, warnings)
                warnings.clear()

    def _speak(self, segment: Segment, timed_at: float | None) -> Iterator[np.ndarray | list[Timed]]:
        """Samples of a segment as its tokens come, and its words with their times at a speed, if one is given."""
        with closing(self.generator.stream(segment)) as tokens:
            heard = Heard(tokens)
            for samples in stream_segment(self.bundle, heard, segment):
                if timed_at and heard.ended:
                    reading = self.judge.reading(heard.tokens)
                    # all tokens are known here, and the last samples still to come
                    yield segment_times(reading, segment, self.bundle.clock.token_rate * timed_at)
                    timed_at = None
                yield samples

    def _segments(
        self, front: TextFrontend, pieces: Iterable[Piece], voice: NumpyVoice, seed: int, options: Options
    ) -> list[Segment]:
        """Prepared pieces of text with their phonemes, voice, settings and seeds."""
        check_seed(seed)
        return segments_of(front, pieces, voice, seed, options, self.defaults, self.bundle.config.speaker_prompts)

    def _best(self, segment: Segment, choices: Sequence[list[int]]) -> np.ndarray:
        """The samples in which the phonemes are heard best, as synthesis/rendering.py chooses them."""
        tried = []
        for tokens in choices:
            samples = self._rendered(segment, tokens)
            # a single candidate, or what cannot be judged, is taken unheard
            judged = len(choices) > 1 and bool(segment.phonemes) and self.bundle.speech_tokenizer is not None
            tried.append((self._cost(segment, samples) if judged else 0.0, samples))
            # good enough: the others need not be rendered
            if tried[-1][0] <= segment.settings.max_audio_nll:
                break
        return min(tried, key=lambda one: one[0])[1]

    def _rendered(self, segment: Segment, tokens: Sequence[int]) -> np.ndarray:
        """Samples (T,) of speech tokens."""
        shown, clock = segment.settings.show_prompt, self.bundle.clock
        voice: Any = segment.voice
        whole = np.concatenate([voice.prompt(shown)[0], np.asarray(tokens, np.int64)])
        noise = self.bundle.noise(segment.seed, clock.frames_per_token * len(whole))
        mel, _ = self.bundle.flow.sample(voice, whole, noise, segment.settings.solver, shown)
        # the frames of the prompt come first
        spoken = mel[:, mel.shape[1] - clock.frames_per_token * len(tokens) :]
        samples = faded(self.bundle.vocoder(spoken).clip(-1, 1), clock.sample_rate)
        return slowed(samples, clock.sample_rate) if segment.lone_word else samples

    def _cost(self, segment: Segment, samples: np.ndarray) -> float:
        """Nats a phoneme to find the segment in samples (T,); infinite where it cannot be told."""
        tokenizer = self.bundle.speech_tokenizer
        assert tokenizer is not None
        tokens = tokenizer.tokenize(soxr.resample(samples, self.bundle.clock.sample_rate, SAMPLE_RATE))
        return self.judge.nll(tokens.tolist(), Target(segment.phonemes)) if len(tokens) else float("inf")

    def _pauses(self, piece: Piece, last: bool = False) -> tuple[int, int]:
        """Samples of silence before and after a piece; after the last one only what the text asks for."""
        return pauses(piece, self.bundle.clock.sample_rate, 0.0 if last else self.defaults.pause_seconds)

    def _audio(self, samples: np.ndarray, warnings: Sequence[str] = ()) -> Audio:
        return Audio(samples, self.bundle.clock.sample_rate, self.bundle.config.name, tuple(warnings))
