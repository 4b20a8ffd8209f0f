"""The second stage: flow and vocoder turn speech tokens into sound, and of several sounds the clearest is kept.

Tokens that read well can be blurred on their way through flow and vocoder. So the sound is turned into tokens again,
by the speech tokenizer, and its recogniser says how well the wanted phonemes are found in those: analysis by
synthesis. The report has no such step.
"""

import torch
from torch import Tensor

from glmtts.audio.resample import resample
from glmtts.bundle import Bundle
from glmtts.errors import AudioError
from glmtts.flow.cfm import sample
from glmtts.speech_tokenizer.model import SAMPLE_RATE
from glmtts.synthesis.writer import Segment


class Renderer:
    """Flow and vocoder of one bundle, with its recogniser as the judge."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    def clearest(self, piece: Segment, choices: list[list[int]]) -> tuple[Tensor, list[int]]:
        """Samples (T,) of the choice in which the phonemes of `piece` are heard best, and its tokens.

        Choices are tried in their order until one costs no more than `clear`; one alone is not judged.
        """
        if len(choices) == 1 or not piece.phonemes or self.bundle.optional("token_recogniser") is None:
            return self.render(piece, choices[0]), choices[0]
        tried = list[tuple[float, Tensor, list[int]]]()
        for tokens in choices:
            samples = self.render(piece, tokens)
            tried.append((self.cost(piece, samples), samples, tokens))
            if tried[-1][0] <= piece.settings.clear:
                break
        _, samples, tokens = min(tried, key=lambda one: one[0])
        return samples, tokens

    @torch.inference_mode()
    def render(self, piece: Segment, tokens: list[int]) -> Tensor:
        """Samples (T,) of a piece's speech tokens, at least one."""
        voice, device = piece.voice, self.bundle.device
        prompt_S, prompt_MT = voice.prompt(piece.settings.show_prompt)
        whole = torch.cat([prompt_S, torch.tensor(tokens)])[None].to(device)
        generator = torch.Generator().manual_seed(piece.seed)
        noise = torch.randn(1, 2 * whole.shape[1], voice.mel.shape[0], generator=generator).to(device)
        mel = sample(
            self.bundle.module("flow"),
            whole,
            voice.embedding[None].to(device),
            prompt_MT[None].to(device),
            noise,
            piece.settings.solver,
            **voice.conditions(device),
        )
        return self.bundle.module("vocoder")(mel)[0].cpu().clamp(-1, 1)

    def cost(self, piece: Segment, samples_T: Tensor) -> float:
        """Nats a phoneme that the recogniser needs to find the piece in samples (T,); infinite where it cannot tell."""
        try:
            heard = resample(samples_T, self.bundle.config.sample_rate, SAMPLE_RATE).to(self.bundle.device)
            tokens = self.bundle.module("speech_tokenizer").tokenize(heard)
        except AudioError:
            return float("inf")
        return self.bundle.module("token_recogniser").cost(tokens, list(piece.phonemes))
