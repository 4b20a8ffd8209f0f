"""Speech from an exported bundle: `say` and `stream` of synthesis/synthesizer.py, without PyTorch."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from glmtts.audio.fade import faded
from glmtts.audio.short import slowed
from glmtts.errors import VoiceError
from glmtts.judging.faults import Target
from glmtts.judging.judge import Judge
from glmtts.onnx.bundle import OnnxBundle
from glmtts.onnx.clone import clone
from glmtts.onnx.features import SAMPLE_RATE
from glmtts.onnx.stream import stream_segment
from glmtts.onnx.voice import NumpyVoice
from glmtts.synthesis.generator import TokenGenerator
from glmtts.synthesis.preparing import check_voice_name, check_voice_text, is_recording
from glmtts.synthesis.segment import Segment
from glmtts.synthesis.settings import SynthesisDefaults
from glmtts.synthesis.speaker import Speaker

AnyVoice = NumpyVoice | str | Path | None


class OnnxSynthesizer(Speaker[NumpyVoice]):
    """Speaks text with the exported stages of one bundle; threads may share one."""

    def __init__(self, bundle: OnnxBundle) -> None:
        self.bundle, self.frontend = bundle, bundle.frontend()
        self.defaults = SynthesisDefaults.of(bundle)  # type: ignore[arg-type]
        self.judge = Judge(bundle.recogniser, bundle.clock.token_rate)  # type: ignore[arg-type]
        self.generator = TokenGenerator(bundle, self.frontend, self.judge)  # type: ignore[arg-type]

    def close(self) -> None:
        """End the thread that serves streams."""
        self.generator.close()

    def voice(self, name: AnyVoice = None, text: str | None = None) -> NumpyVoice:
        """A bundled voice by name, one that `glm-tts clone` saved, or a new one from a recording (and its text).

        Raises:
            VoiceError: there is no such voice, the recording does not serve, or a text is given without a recording.
            AudioError: the recording cannot be read.
        """
        check_voice_text(name, text)
        if isinstance(name, NumpyVoice):
            return self.bundle.usable(name)
        check_voice_name(name)
        chosen = name or self.defaults.voice
        if chosen is None:
            raise VoiceError("This model has no voice of its own. Give a saved voice.")
        if is_recording(chosen):
            return clone(self.bundle, self.frontend, Path(chosen), text)
        return self.bundle.voice(str(chosen))

    def _render(self, segments: Sequence[Segment]) -> list[tuple[np.ndarray, list[int]]]:
        generated = dict(self.generator.generate(segments))
        return [self._best(segment, generated[number]) for number, segment in enumerate(segments)]

    def _blocks(self, segment: Segment, tokens: Iterator[int]) -> Iterator[np.ndarray]:
        yield from stream_segment(self.bundle, tokens, segment)

    def _best(self, segment: Segment, choices: Sequence[list[int]]) -> tuple[np.ndarray, list[int]]:
        """Samples (T,) and tokens in which the phonemes are heard best, as synthesis/rendering.py chooses them."""
        tried = []
        for tokens in choices:
            samples = self._rendered(segment, tokens)
            # a single candidate, or what cannot be judged, is taken unheard
            judged = len(choices) > 1 and bool(segment.phonemes) and self.bundle.speech_tokenizer is not None
            tried.append((self._cost(segment, samples) if judged else 0.0, samples, tokens))
            # good enough: the others need not be rendered
            if tried[-1][0] <= segment.settings.max_audio_nll:
                break
        _, best, its_tokens = min(tried, key=lambda one: one[0])
        return best, list(its_tokens)

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
