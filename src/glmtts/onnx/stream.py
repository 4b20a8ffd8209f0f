"""One piece of text as a stream without PyTorch: the blocks of synthesis/stream.py, the samples of vocoding.py."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from glmtts.audio.fade import faded
from glmtts.audio.short import slowed
from glmtts.flow.blocks import block_causal_mask
from glmtts.onnx.bundle import OnnxBundle
from glmtts.synthesis.segment import Segment
from glmtts.synthesis.token_blocks import TokenBlocks


@dataclass
class ChunkState(TokenBlocks):
    """What a stream holds between chunks: noise (T, M) of prompt and speech, and what the flow left."""

    rng: np.random.Generator
    noise: np.ndarray
    steps: list[np.ndarray] | None = None


class MelStream:
    """The samples of one utterance, whose mel (M, T) comes in parts; those of `sent` frames have left."""

    def __init__(self, bundle: OnnxBundle) -> None:
        self._bundle, self._mel = bundle, np.zeros((bundle.config.mel.n_mels, 0), np.float32)
        self._hop, self._margin, self.sent = bundle.config.mel.hop_length, bundle.config.look_ahead, 0

    def feed(self, fresh_MT: np.ndarray, ended: bool) -> np.ndarray:
        """Samples (N,) that are final now that the frames are there; all the rest where it has `ended`."""
        self._mel = np.concatenate([self._mel, fresh_MT], axis=1)
        frames = self._mel.shape[1]
        # the last frames wait until all that their samples depend on is there; all, where nobody knows how far that is
        margin = frames if self._margin is None else self._margin
        until = frames if ended else max(self.sent, frames - margin)
        if until == self.sent:
            return np.zeros(0, np.float32)
        samples = self._bundle.vocoder.samples_from(self._mel, self.sent).clip(-1, 1)
        samples = samples[: (until - self.sent) * self._hop]
        self.sent = until
        return faded(samples, self._bundle.config.mel.sample_rate) if ended else samples


def stream_segment(bundle: OnnxBundle, tokens: Iterator[int], segment: Segment) -> Iterator[np.ndarray]:
    """Yield samples (T,) as the speech tokens of a segment arrive; together they are the whole segment."""
    rng = np.random.default_rng(segment.seed)
    state, waves = ChunkState(rng, bundle.noise(0, 0)), MelStream(bundle)
    ended = False
    while not ended:
        upto, ended = state.take(tokens, segment.settings.blocks, bundle.clock.frames_per_token)
        first = not waves.sent
        # (M, 0): no frame is new, and what waits may leave at the end
        fresh = _finish(bundle, state, segment, upto) if upto > state.finished else state.noise[:0].T
        samples = waves.feed(fresh, ended)
        if first and ended and segment.lone_word:
            samples = slowed(samples, bundle.clock.sample_rate)
        if len(samples):
            yield samples


def _finish(bundle: OnnxBundle, state: ChunkState, segment: Segment, upto: int) -> np.ndarray:
    """The mel (M, T) of the tokens from `state.finished` to `upto`."""
    per_token, shown = bundle.clock.frames_per_token, segment.settings.show_prompt
    voice: Any = segment.voice
    prompt_S, prompt_mel = voice.prompt(shown)
    tokens = np.concatenate([np.asarray(prompt_S, np.int64), np.asarray(state.tokens, np.int64)])
    missing = per_token * len(tokens) - len(state.noise)
    # one generator for all chunks: the noise does not depend on where they are cut
    fresh = state.rng.standard_normal((missing, bundle.config.mel.n_mels), np.float32)
    state.noise = np.concatenate([state.noise, fresh])
    frames, done = state.begin(upto, prompt_mel.shape[1], per_token)
    mask = block_causal_mask(frames, len(state.noise))
    finished = None if state.steps is None else (state.steps, done)
    solver = segment.settings.solver
    mel, state.steps = bundle.flow.sample(voice, tokens, state.noise, solver, shown, mask, finished)
    state.finished = upto
    # without the prompt and the blocks before
    return mel[:, done : sum(frames)]
