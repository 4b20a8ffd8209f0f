"""A bundle as a listener of a stream meets it: when sound begins, whether it stalls, how far it is from the whole."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from glmtts.audio.mel import LogMel
from glmtts.errors import GlmTtsError
from glmtts.eval.items import Item
from glmtts.eval.systems.bundle import BundleSystem, synthesizer
from glmtts.eval.systems.output import SystemOutput
from glmtts.synthesis.options import reader
from glmtts.synthesis.rendering import Job


class StreamSystem:
    """`stream[:BUNDLE][?options]`: each line streamed, one after another, with the bundle's options.

    Details of a line: `first_chunk` (s), `longest_wait` of a listener who plays from the first chunk on (s),
    `mel_distance` of the log-mels of the streamed and of the whole wave, same tokens: the whole attends to all frames,
    the stream in blocks. A text of several pieces, between which only the stream has its pauses, has none.
    """

    languages: frozenset[str] | None = None
    is_copy = False

    def __init__(self, argument: str | None, options: dict[str, str]) -> None:
        self.bundle = BundleSystem(argument, options)
        # the same as the system's, which knows of it what every runtime has: the distance needs its renderer
        self.tts = synthesizer(Path(argument) if argument else None, options.get("device", "cpu"))
        self.warm = False

    def speak(self, items: Sequence[Item]) -> list[SystemOutput]:
        """Each line by a stream; the first of a process is spoken twice, since models warm up."""
        if not self.warm and items:
            self._alone(items[0])
            self.warm = True
        return [self._alone(item) for item in items]

    def about(self) -> dict[str, Any]:
        """The bundle's."""
        return self.bundle.about() | {"streamed": True}

    def _alone(self, item: Item) -> SystemOutput:
        tts = self.tts
        try:
            started = time.perf_counter()
            samples, first, wait = self._streamed(item)
            taken = time.perf_counter() - started
            distance = self._distance(item, samples)
        except GlmTtsError as error:
            return SystemOutput(None, tts.bundle.clock.sample_rate, str(error))
        details = {"first_chunk": round(first, 4), "longest_wait": round(wait, 4), "mel_distance": distance}
        return SystemOutput(samples.numpy(), tts.bundle.clock.sample_rate, details=details, taken=taken)

    def _streamed(self, item: Item) -> tuple[Tensor, float, float]:
        voice = self.bundle.voice(item)
        started, chunks, first, heard, wait = time.perf_counter(), list[Tensor](), 0.0, 0.0, 0.0
        for chunk in self.tts.stream(item.text, voice, seed=item.number, **self.bundle.options_of(item)):
            now = time.perf_counter() - started
            first = first or now
            # who plays from the first chunk on has `heard` seconds of sound; what comes later than that leaves him in
            # silence
            wait = max(wait, now - first - heard)
            heard += chunk.seconds
            chunks.append(chunk.samples)
        return torch.cat(chunks), first, wait

    def _distance(self, item: Item, streamed: Tensor) -> float | None:
        tts, options = self.tts, self.bundle.options_of(item)
        pieces = reader(tts.frontend, options).prepare(item.text, options.get("language"))
        if len(pieces) > 1:
            return None
        segments = tts.segments(pieces, self.bundle.voice(item), item.number, options)
        jobs = [Job(segment, list(tts.generator.stream(segment))) for segment in segments]
        mel = LogMel(tts.bundle.clock.mel)
        one, other = (mel(wave[None])[0] for wave in (streamed, torch.cat(tts.renderer.render(jobs))))
        return float((one - other).abs().mean()) if one.shape == other.shape else None
