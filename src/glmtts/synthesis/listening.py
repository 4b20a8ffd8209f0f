"""A bundle's flow and vocoder as training hears itself through them (training/listening.py)."""

from functools import cached_property

import torch
from torch import Tensor

from glmtts.bundle import Bundle
from glmtts.stages import Clock
from glmtts.synthesis.conditions import flow_conditions
from glmtts.synthesis.settings import SynthesisDefaults
from glmtts.synthesis.voice import Voice, voice_of_features
from glmtts.training.listening import Sound, Speaker


class BundleRenderer:
    """Renders as the bundle speaks: with its solver, and without a prompt in front."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    @property
    def clock(self) -> Clock:
        """Rates and mel geometry."""
        return self.bundle.clock

    @property
    def codes(self) -> int:
        """How many speech tokens its tokenizer has."""
        return self.bundle.config.modules["speech_tokenizer"].parsed().codes

    @cached_property
    def speaker(self) -> Speaker | None:
        """Its default voice, or the first that it has."""
        names = [*self.bundle.config.voices]
        name = SynthesisDefaults.of(self.bundle).voice or next(iter(names), None)
        if name is None:
            return None
        voice = Voice.load(self.bundle.voice_path(name))
        return Speaker(voice.embedding, voice.f0)

    @torch.no_grad()
    def speech(self, tokens_S: Tensor, speaker: Speaker) -> Sound:
        """Speech tokens (S,), at least one, through flow and vocoder; the same tokens sound the same."""
        clock, device = self.clock, self.bundle.device
        no_mel_MT = torch.zeros(clock.mel.n_mels, 0)
        who = voice_of_features(
            self.bundle, "", tokens_S[:0].cpu(), no_mel_MT, speaker.embedding_D.cpu(), speaker.f0.cpu()
        )
        conditions = flow_conditions(self.bundle, [who], [tokens_S.tolist()], show_prompt=False)
        # the same noise at each step of a training, so that what is heard differs by the weights alone
        generator = torch.Generator().manual_seed(0)
        noise_BTM = torch.randn(1, len(tokens_S) * clock.frames_per_token, clock.mel.n_mels, generator=generator)
        solver = SynthesisDefaults.of(self.bundle).solver
        mel_BMT, _ = self.bundle.flow.sample(conditions, noise_BTM.to(device), solver)
        return self.waveform(mel_BMT[0])

    @torch.no_grad()
    def waveform(self, mel_MT: Tensor) -> Sound:
        """A log-mel (M, T) through the vocoder."""
        wave_T = self.bundle.vocoder(mel_MT[None].to(self.bundle.device))[0].float().clamp(-1, 1)
        return Sound(wave_T.cpu().numpy(), self.clock.sample_rate)
