"""From answers to what rewards see: rendered where any of them needs audio."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import torch

from glmtts.bundle import bundle_digest
from glmtts.rl.rewards.base import Completion
from glmtts.rl.rollout import Answer
from glmtts.synthesis.rendering import Job
from glmtts.synthesis.segment import Segment
from glmtts.synthesis.synthesizer import Synthesizer


def completions_of(synthesizer: Synthesizer, answers: Sequence[Answer], audio: bool) -> list[Completion]:
    """Answers as rewards see them; with `audio`, all are rendered together, equal ones once."""
    waves: dict[str, np.ndarray] = {}
    made_by = bundle_digest(synthesizer.bundle.folder)
    keys = [key_of(answer, made_by) for answer in answers]
    if audio:
        # a group may hold the same tokens twice, and rendering costs more than all else
        distinct = dict(zip(keys, answers, strict=True))
        jobs = [Job(answer.segment, answer.tokens) for answer in distinct.values()]
        rendered = synthesizer.renderer.render(jobs)
        waves = {key: wave.float().numpy() for key, wave in zip(distinct, rendered, strict=True)}
    rate = synthesizer.bundle.clock.sample_rate
    return [
        Completion(
            key=key,
            text=answer.segment.piece.text,
            language=answer.prompt.line.language,
            phonemes=tuple(answer.segment.phonemes),
            tokens=answer.tokens,
            stopped=answer.stopped,
            wave=waves.get(key),
            rate=rate,
            speaker=answer.segment.voice.embedding.float().numpy(),
            reference=_reference(synthesizer, answer.segment) if audio else None,
            emotion=answer.prompt.line.emotion,
        )
        for key, answer in zip(keys, answers, strict=True)
    ]


def key_of(answer: Answer, bundle: str) -> str:
    """A digest of all that decides how an answer sounds and what it should be; `bundle` is that of the bundle.

    Ledgers outlive a run, so nothing may be left out that another run could have otherwise.
    """
    segment, settings = answer.segment, answer.segment.settings
    wanted = (tuple(answer.prompt.line), segment.piece.text, segment.hybrid, tuple(segment.phonemes))
    spoken = (segment.seed, answer.tokens, answer.stopped, settings.solver, settings.show_prompt)
    digest = blake2b(repr((bundle, wanted, spoken)).encode(), digest_size=16)
    for name, tensor in sorted(segment.voice.tensors().items()):
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()


def _reference(synthesizer: Synthesizer, segment: Segment) -> np.ndarray | None:
    """The recording of a voice, as the vocoder says its mel; None where the voice keeps none."""
    mel_MT = segment.voice.mel
    # a voice may be an embedding and an F0 alone
    if not mel_MT.numel():
        return None
    with torch.inference_mode():
        device = synthesizer.bundle.device
        return synthesizer.bundle.vocoder(mel_MT[None].to(device))[0].clamp(-1, 1).cpu().numpy()
