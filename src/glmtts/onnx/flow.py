"""The flow without PyTorch: two graphs, and the Euler loop of flow/cfm.py around them."""

from itertools import pairwise
from typing import Any

import numpy as np

from glmtts.errors import ConfigError
from glmtts.onnx.config import FlowGraphConfig
from glmtts.onnx.voice import NumpyVoice
from glmtts.stages import Solver


class OnnxFlow:
    """Speech tokens of one voice to log-mel; `inputs` embeds tokens, `velocity` is integrated."""

    def __init__(self, inputs: Any, velocity: Any, config: FlowGraphConfig) -> None:
        self._inputs, self._velocity, self.config = inputs, velocity, config
        self._taken = {one.name for one in inputs.get_inputs()}  # without F0 where the prior knows of no pitch

    @property
    def speaker_width(self) -> int:
        """Numbers of a speaker embedding."""
        return next(one.shape[1] for one in self._velocity.get_inputs() if one.name == "speaker")

    def sample(
        self,
        voice: NumpyVoice,
        tokens_S: np.ndarray,
        noise_TM: np.ndarray,
        solver: Solver,
        show_prompt: bool = False,
        attention_mask: np.ndarray | None = None,
        finished: tuple[list[np.ndarray], int] | None = None,
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """The log-mel (M, T) of prompt and speech, and x before every step, for a next chunk (stages.Flow).

        `tokens_S` are those of prompt and speech.
        """
        config, frames = self.config, len(noise_TM)
        embedded = self._embedded(voice, tokens_S)
        speaker = _unit(voice.embedding)[None]
        prompt = np.zeros((1, frames, config.n_mels), np.float32)
        shown = voice.prompt(show_prompt)[1]
        prompt[0, : shown.shape[1]] = (shown.T - config.mel_mean) / config.mel_std
        # an utterance that is whole attends to all of itself
        mask = np.ones((frames, frames), bool) if attention_mask is None else attention_mask
        x, kept = self._begin(embedded, noise_TM[None], solver), []
        for step, (now, then) in enumerate(pairwise(times(solver))):
            if finished is not None:
                # in place: every step makes a new x, so none that was kept is written over
                x[:, : finished[1]] = finished[0][step][:, : finished[1]]
            kept.append(x)
            x = x + (then - now) * self._guided(x, now, embedded, prompt, speaker, mask, solver.guidance)
        return (x[0] * np.float32(config.mel_std) + np.float32(config.mel_mean)).T, kept

    def _embedded(self, voice: NumpyVoice, tokens_S: np.ndarray) -> np.ndarray:
        """Tokens with the mel prior, at the frame rate (1, T, E)."""
        given: dict[str, np.ndarray] = {"tokens": tokens_S[None].astype(np.int64)}
        if self.config.prior is not None:
            given |= {"speaker": _unit(voice.embedding)[None], "f0": np.array([voice.f0], np.float32)}
        if self.config.adaptation is not None:
            own = np.zeros(self.config.adaptation, np.float32) if voice.adaptation is None else voice.adaptation
            given["adaptation"] = own[None]
        return np.asarray(self._inputs.run(None, {name: given[name] for name in given.keys() & self._taken})[0])

    def _begin(self, embedded: np.ndarray, noise: np.ndarray, solver: Solver) -> np.ndarray:
        """x at the time `t_start`. Raises ConfigError where the model has no prior to start from."""
        x = np.float32((1 - solver.t_start) * solver.temperature) * noise
        if not solver.t_start:
            return x
        if self.config.prior is None:
            raise ConfigError("This flow model has no prior to start from. Set t_start to 0.")
        # the prior stands behind the tokens, and is normalised as x is
        return x + np.float32(solver.t_start) * embedded[..., self.config.prior :]

    def _guided(
        self,
        x: np.ndarray,
        t: np.float32,
        embedded: np.ndarray,
        prompt: np.ndarray,
        speaker: np.ndarray,
        mask: np.ndarray,
        guidance: float,
    ) -> np.ndarray:
        """v + w (v − v_uncond); without condition the prompt mel and the speaker are zero."""
        if guidance == 0:
            return self._at(x, t, embedded, prompt, speaker, mask)
        pairs = (x, x), (embedded, embedded), (prompt, 0 * prompt), (speaker, 0 * speaker)
        # (2, T, …): with its conditions, then without
        doubled_x, doubled, prompts, speakers = (np.concatenate(pair) for pair in pairs)
        conditioned, unconditioned = np.split(self._at(doubled_x, t, doubled, prompts, speakers, mask), 2)
        return np.asarray(conditioned + np.float32(guidance) * (conditioned - unconditioned))

    def _at(
        self,
        x: np.ndarray,
        t: np.float32,
        embedded: np.ndarray,
        prompt: np.ndarray,
        speaker: np.ndarray,
        mask: np.ndarray,
    ) -> np.ndarray:
        given = {"noisy": x, "t": np.full(len(x), t), "embedded": embedded, "prompt": prompt, "speaker": speaker}
        return np.asarray(self._velocity.run(None, {**given, "attention_mask": mask})[0])


def times(solver: Solver) -> np.ndarray:
    """t = t_start + (1 − t_start) (1 − cos(π s / 2)) at steps + 1 points s of 0 … 1 (the release's schedule)."""
    s = np.linspace(0, 1, solver.steps + 1, dtype=np.float32)
    return np.asarray(solver.t_start + (1 - solver.t_start) * (1 - np.cos(s * np.pi / 2)), np.float32)


def _unit(vector_D: np.ndarray) -> np.ndarray:
    # the floor of F.normalize
    return np.asarray(vector_D / max(float(np.linalg.norm(vector_D)), 1e-12), np.float32)
