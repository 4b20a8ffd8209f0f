"""Copy synthesis: a reference recording through a bundle's vocoder, or through its tokens, flow and vocoder.

The first is Table 8 of the report, the second says what the speech tokenizer loses (Table 2): the language model has no
part in either, and the flow gets neither prompt nor adaptation.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from glmtts.audio.io import load_audio
from glmtts.bundle import bundle_digest
from glmtts.errors import GlmTtsError
from glmtts.eval.items import Item
from glmtts.eval.systems.base import no_options
from glmtts.eval.systems.bundle import synthesizer
from glmtts.eval.systems.output import SystemOutput
from glmtts.stages import Conditions
from glmtts.synthesis.synthesizer import Synthesizer
from glmtts.synthesis.voice import Voice, voice_of


class _Copy:
    languages: frozenset[str] | None = None
    is_copy = True

    def __init__(self, argument: str | None, options: dict[str, str]) -> None:
        no_options(type(self).__name__, options)
        self.tts = synthesizer(Path(argument) if argument else None, "cpu")

    def speak(self, items: Sequence[Item]) -> list[SystemOutput]:
        """A copy of each reference recording."""
        return [self._copied(item) for item in items]

    def about(self) -> dict[str, Any]:
        """The bundle's name and the hash of its files."""
        bundle = self.tts.bundle
        return {"bundle": bundle.config.name, "sha256": bundle_digest(bundle.folder)}

    def through(self, voice: Voice, seed: int) -> Tensor:
        """Samples (T,) of what the recording became."""
        raise NotImplementedError

    @torch.inference_mode()
    def _copied(self, item: Item) -> SystemOutput:
        rate = self.tts.bundle.config.sample_rate
        if item.reference_audio is None:
            return SystemOutput(None, rate, "there is no recording of this line to copy")
        try:
            voice = voice_of(self.tts.bundle, load_audio(item.reference_audio, rate), item.text)
            return SystemOutput(self.through(voice, item.number).clamp(-1, 1).numpy(), rate)
        except GlmTtsError as error:
            return SystemOutput(None, rate, str(error))


class VocoderCopy(_Copy):
    """`vocoder[:BUNDLE]`: mel and vocoder."""

    def through(self, voice: Voice, seed: int) -> Tensor:
        """Samples (T,) of the recording's own mel."""
        return self.tts.bundle.vocoder(voice.mel[None])[0]


class TokenCopy(_Copy):
    """`tokens[:BUNDLE]`: speech tokens, flow and vocoder."""

    def through(self, voice: Voice, seed: int) -> Tensor:
        """Samples (T,) of the recording's own tokens."""
        return through_flow(self.tts, voice, seed)


@torch.inference_mode()
def through_flow(tts: Synthesizer, voice: Voice, seed: int = 0) -> Tensor:
    """Samples (T,) of a voice's own tokens by flow and vocoder, from noise of a seed."""
    return tts.bundle.vocoder(flow_mel(tts, voice, seed))[0]


@torch.inference_mode()
def flow_mel(tts: Synthesizer, voice: Voice, seed: int) -> Tensor:
    """The mel (1, M, T) of a voice's own tokens, speaker and F0 by the flow, without a prompt."""
    clock, generator = tts.bundle.clock, torch.Generator().manual_seed(seed)
    noise = torch.randn(1, clock.frames_per_token * len(voice.tokens), clock.mel.n_mels, generator=generator)
    # a mel of no frames (1, M, 0): no prompt
    conditions = Conditions(voice.tokens[None], voice.embedding[None], voice.mel[None, :, :0], voice.f0[None])
    return tts.bundle.flow.sample(conditions, noise, tts.defaults.solver)[0]
