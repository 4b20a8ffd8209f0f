"""The second stage: flow and vocoder turn speech tokens into audio, and of several tries the best is kept.

Good tokens may still render poorly in a small flow. So the audio is turned into tokens again, by the speech tokenizer,
and the judge says how well the wanted phonemes are found in those: analysis by synthesis. The report has no such step.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from glmtts.audio.fade import faded_end
from glmtts.audio.resample import resample
from glmtts.audio.short import long_enough
from glmtts.bundle import Bundle
from glmtts.errors import AudioError
from glmtts.judging.faults import Target
from glmtts.judging.judge import Judge
from glmtts.synthesis.conditions import flow_conditions
from glmtts.synthesis.segment import Segment

MOST_FRAMES = 3000  # of one batch, padding included: bounds memory at about a minute of speech


@dataclass(frozen=True)
class Job:
    """Speech tokens of a segment that are to be rendered, at least one."""

    segment: Segment
    tokens: Sequence[int]

    @property
    def length(self) -> int:
        """Tokens of prompt and speech."""
        return len(self.segment.voice.prompt(self.segment.settings.show_prompt)[0]) + len(self.tokens)


class Renderer:
    """Flow and vocoder of one bundle."""

    def __init__(self, bundle: Bundle, judge: Judge) -> None:
        self.bundle, self.judge = bundle, judge

    def best(self, segments: Sequence[Segment], choices: Sequence[list[list[int]]]) -> list[tuple[Tensor, list[int]]]:
        """Of each segment's choices the samples (T,) in which its phonemes are heard best, and their tokens.

        Choices are tried in their order until one costs no more than `max_audio_nll`; one alone is not judged.
        """
        tried: list[list[tuple[float, Tensor, list[int]]]] = [[] for _ in segments]
        open_ = [(number, 0) for number in range(len(segments))]
        while open_:
            rendered = self.render([Job(segments[number], choices[number][place]) for number, place in open_])
            again = []
            for (number, place), samples in zip(open_, rendered, strict=True):
                segment, tokens = segments[number], choices[number]
                cost = self.cost(segment, samples) if self._judged(segment, tokens) else 0.0
                tried[number].append((cost, samples, tokens[place]))
                if cost > segment.settings.max_audio_nll and place + 1 < len(tokens):
                    again.append((number, place + 1))
            open_ = again
        return [min(one, key=lambda rendering: rendering[0])[1:] for one in tried]

    def render(self, jobs: Sequence[Job]) -> list[Tensor]:
        """Samples (T,) of each job; those of like length go through the flow together, each as if alone."""
        samples: dict[int, Tensor] = {}
        for numbers in self._batches(jobs):
            mels = self._mels([jobs[number] for number in numbers])
            for number, mel_MT in zip(numbers, mels, strict=True):
                wave_T = self._wave(mel_MT)
                lone = jobs[number].segment.lone_word
                samples[number] = long_enough(wave_T, self.bundle.clock.sample_rate) if lone else wave_T
        return [samples[number] for number in range(len(jobs))]

    def cost(self, segment: Segment, samples_T: Tensor) -> float:
        """Nats a phoneme to find the segment in samples (T,); infinite where it cannot be told."""
        tokenizer = self.bundle.speech_tokenizer
        try:
            heard = resample(samples_T, self.bundle.clock.sample_rate, tokenizer.sample_rate)
            tokens = tokenizer.tokenize(heard.to(self.bundle.device)).tolist()
        except AudioError:
            return float("inf")
        return self.judge.nll(tokens, Target(segment.phonemes))

    def _judged(self, segment: Segment, choices: list[list[int]]) -> bool:
        return len(choices) > 1 and bool(segment.phonemes) and self.judge.recogniser is not None

    def _batches(self, jobs: Sequence[Job]) -> Iterator[list[int]]:
        """Numbers of jobs that are integrated alike, of like length, at most `MOST_FRAMES` together."""
        per_token = self.bundle.clock.frames_per_token
        # neighbours in length waste least on padding
        by_length = sorted(range(len(jobs)), key=lambda number: jobs[number].length)
        batch: list[int] = []
        for number in by_length:
            frames = per_token * jobs[number].length * (len(batch) + 1)
            if batch and (frames > MOST_FRAMES or jobs[number].segment.settings != jobs[batch[0]].segment.settings):
                yield batch
                batch = []
            batch.append(number)
        if batch:
            yield batch

    @torch.inference_mode()
    def _mels(self, jobs: Sequence[Job]) -> list[Tensor]:
        """Log-mels (M, T) of jobs, each without its prompt."""
        per_token, settings = self.bundle.clock.frames_per_token, jobs[0].segment.settings
        lengths = [job.length for job in jobs]
        noise_BTM = torch.stack([self._noise(job, max(lengths)) for job in jobs]).to(self.bundle.device)
        voices, tokens = [job.segment.voice for job in jobs], [job.tokens for job in jobs]
        conditions = flow_conditions(self.bundle, voices, tokens, settings.show_prompt)
        mel_BMT, _ = self.bundle.flow.sample(conditions, noise_BTM, settings.solver)
        ends = [per_token * length for length in lengths]
        # counted from the end: a prompt stands in front, and is not spoken again
        starts = [end - per_token * len(job.tokens) for end, job in zip(ends, jobs, strict=True)]
        return [mel_MT[:, start:end] for mel_MT, start, end in zip(mel_BMT, starts, ends, strict=True)]

    def _noise(self, job: Job, longest: int) -> Tensor:
        """Noise (T, M) of a job by its own seed, zeros up to the longest."""
        per_token, bins = self.bundle.clock.frames_per_token, self.bundle.clock.mel.n_mels
        # on the CPU and by the job's own seed: the same noise in any batch and on any device
        generator = torch.Generator().manual_seed(job.segment.seed)
        noise_TM = torch.randn(per_token * job.length, bins, generator=generator)
        return F.pad(noise_TM, (0, 0, 0, per_token * longest - len(noise_TM)))

    @torch.inference_mode()
    def _wave(self, mel_MT: Tensor) -> Tensor:
        wave = self.bundle.vocoder(mel_MT[None])[0].cpu().clamp(-1, 1)
        return faded_end(wave, self.bundle.clock.sample_rate)
