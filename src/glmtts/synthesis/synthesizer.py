"""The way from text and voice to audio: front end, language model, then flow and vocoder."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import numpy as np
import torch
from torch import Tensor

from glmtts.bundle import Bundle
from glmtts.errors import VoiceError
from glmtts.judging.judge import Judge
from glmtts.synthesis.adapter_pool import AdapterPool
from glmtts.synthesis.audio import Audio
from glmtts.synthesis.generator import TokenGenerator
from glmtts.synthesis.history import History
from glmtts.synthesis.options import Options
from glmtts.synthesis.preparing import check_voice_name, check_voice_text, is_recording
from glmtts.synthesis.rendering import Renderer
from glmtts.synthesis.segment import EarlierPiece, Segment
from glmtts.synthesis.settings import SynthesisDefaults
from glmtts.synthesis.speaker import Speaker
from glmtts.synthesis.stream import stream_segment
from glmtts.synthesis.suffixes import TRAINED_SUFFIX
from glmtts.synthesis.timing import Timed
from glmtts.synthesis.trained_voice import TrainedVoice, read_adapter
from glmtts.synthesis.voice import Voice, make_voice
from glmtts.text.frontend import Piece

AnyVoice = Voice | str | Path | None


class Synthesizer(Speaker[Voice]):
    """Speaks text with the models of one bundle; threads may share one.

    As a context manager, or by `close`, it ends the thread that serves streams and whatever its models run.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle, self.defaults = bundle, SynthesisDefaults.of(bundle)
        self.frontend = bundle.frontend()
        self.judge = Judge(bundle.recogniser, bundle.clock.token_rate)
        self.generator = TokenGenerator(bundle, self.frontend, self.judge)
        self.renderer = Renderer(bundle, self.judge)
        self.adapters = AdapterPool(read_adapter)
        self._voices: dict[str, Voice] = {}

    def close(self) -> None:
        """End threads and processes; the synthesizer may be used again, which starts new ones."""
        self.generator.close()
        self.bundle.close()

    def voice(self, name: AnyVoice = None, text: str | None = None) -> Voice:
        """A bundled voice by name, a saved or trained one, or a new one from a recording (and its text).

        A voice is itself.

        Raises:
            VoiceError: there is no such voice, the recording does not serve, or a text is given without a recording.
            AudioError: the recording cannot be read.
        """
        check_voice_text(name, text)
        if isinstance(name, Voice):
            return name.compatible_with(self.bundle)
        check_voice_name(name)
        chosen = name or self.defaults.voice
        if chosen is None:
            raise VoiceError("This model has no voice of its own. Give a recording as the voice.")
        key = str(chosen)
        path = Path(key)
        if is_recording(path):
            return make_voice(self.bundle, self.frontend, path, text)
        if path.suffix == TRAINED_SUFFIX:
            return TrainedVoice.open(path).voice(self.adapters).compatible_with(self.bundle)
        if path.suffix == ".safetensors":
            return Voice.load(path).compatible_with(self.bundle)
        if key not in self._voices:
            self._voices[key] = Voice.load(self.bundle.voice_path(key)).checked(self.bundle)
        return self._voices[key]

    def speak_timed(
        self,
        piece: Piece,
        voice: AnyVoice = None,
        seed: int = 0,
        history: History | None = None,
        **options: Unpack[Options],
    ) -> tuple[EarlierPiece | None, Tensor, tuple[int, int], list[Timed]]:
        """One prepared piece: what `history` keeps of it, samples (T,), samples of silence before and after it, words.

        It continues the pieces of `history`, where the model does that, and is added there.
        The words are those that the author wrote. The times are empty where the model has no recogniser or a word has
        no known reading.
        """
        history = History(0) if history is None else history
        segment = history.before(*self.segments([piece], voice, seed, options))
        ((samples, tokens),) = self._render([segment])
        speed = options.get("speed") or 1.0
        words = self._times(segment, tokens, speed)
        # elsewhere pauses go through the tempo with the speech; here they are only counted
        before, after = (round(pause / speed) for pause in self._pauses(piece))
        kept = history.add(segment, tokens)
        return kept, torch.from_numpy(self._at_speed(samples, speed)), (before, after), words

    def _render(self, segments: Sequence[Segment]) -> list[tuple[np.ndarray, list[int]]]:
        generated = dict(self.generator.generate(segments))
        found = self.renderer.best(segments, [generated[number] for number in range(len(segments))])
        return [(samples_T.numpy(), tokens) for samples_T, tokens in found]

    def _blocks(self, segment: Segment, tokens: Iterator[int]) -> Iterator[np.ndarray]:
        for samples_T in stream_segment(self.bundle, tokens, segment):
            yield samples_T.numpy()

    def _audio(self, samples_T: np.ndarray, warnings: Sequence[str] = ()) -> Audio:
        audio = super()._audio(samples_T, warnings)
        return replace(audio, samples=torch.from_numpy(audio.samples))
