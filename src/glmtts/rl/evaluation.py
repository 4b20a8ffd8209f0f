"""What a run measures of its policy: one answer to each held-out text, drawn as the bundle speaks, no choice made."""

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

import torch

from glmtts.errors import AudioError
from glmtts.lm.model import Llama
from glmtts.rl.figures import audio_figures, token_figures
from glmtts.rl.prompts import Prompt
from glmtts.rl.rewards.base import Completion, Context
from glmtts.rl.rewards.pronunciation import transcribed, units_of
from glmtts.rl.rewards.similarity import Similarity
from glmtts.rl.rollout import Answer, answer_seed
from glmtts.text.edits import error_rate
from glmtts.text.labels import without_boundaries
from glmtts.training.listening import Sound

if TYPE_CHECKING:
    from glmtts.rl.base_task import RolloutTask

SAMPLES = 4  # held-out texts that are written as audio: nobody listens to more of every checkpoint
HEARD = 8  # held-out texts that are rendered and transcribed: two seconds of work for each


def held_out_prompts(task: "RolloutTask") -> list[Prompt]:
    """The held-out texts, voices in turn."""
    found = []
    for number, line in enumerate(task.prompts.held_out):
        voices = task.prompts.voices(line.language)
        found.append(task.prompts.prompt(line, voices[number % len(voices)], number))
    return found


def held_out_answers(task: "RolloutTask", model: Llama) -> list[Answer]:
    """One answer to each, the same seeds each time."""
    prompts = held_out_prompts(task)
    # 0, and not the run's seed: runs with other seeds are measured by the same draws
    seeds = [[answer_seed(0, place)] for place in range(len(prompts))]
    decode = task.decoder.with_policy(model, task.synthesizer.defaults.sampling)
    return [group[0] for group in decode(prompts, seeds)]


@torch.no_grad()
def evaluated(task: "RolloutTask", model: Llama) -> dict[str, float]:
    """Phoneme error by the token recogniser, and the figures of tokens and audio that guards watch."""
    answers = held_out_answers(task, model)
    figures = token_figures(answers)
    readings = task.synthesizer.judge.readings([answer.tokens for answer in answers])
    heard = [(a, reading) for a, reading in zip(answers, readings, strict=True) if reading is not None]
    if heard:
        rates = [
            error_rate(without_boundaries(a.segment.phonemes), without_boundaries(reading.labels))
            for a, reading in heard
        ]
        figures["phoneme_error"] = fmean(rates)
    completions = task.speak(answers[:HEARD], True)
    figures |= audio_figures(completions)
    figures |= _by_models(task, completions)
    return {f"eval/{name}": value for name, value in figures.items()}


def _by_models(task: "RolloutTask", completions: Sequence[Completion]) -> dict[str, float]:
    """Similarity, and what the guards' own models hear."""
    context, guards = Context(None, task.synthesizer), task.guards_config
    figures: dict[str, float] = {}
    # measured whether or not it is a reward: its fall is what a guard stops for
    similar = [value for value in Similarity(context).score(completions) if value is not None]
    if similar:
        figures["similarity"] = fmean(similar)
    if task.second_asr is not None:
        heard = transcribed(task.second_asr, completions)
        units = [
            [units_of(text, one.language, "characters") for text in (one.text, transcript.text)]
            for one, transcript in zip(completions, heard, strict=True)
        ]
        figures["second_asr_error"] = fmean(error_rate(wanted, said) for wanted, said in units)
    if guards.hears_dnsmos:
        from glmtts.eval import scorers
        from glmtts.rl.rewards.scorer import clip_of

        dnsmos = scorers.load("dnsmos")
        rows = dnsmos.score([clip_of(one) for one in completions])
        values = [value for row in rows if (value := row[dnsmos.columns[0]]) is not None]
        figures |= {"dnsmos": fmean(values)} if values else {}
    return figures


def rendered_samples(task: "RolloutTask", model: Llama) -> dict[str, Sound]:
    """The first held-out texts as audio."""
    try:
        completions = task.speak(held_out_answers(task, model)[:SAMPLES], True)
    except AudioError:
        return {}
    return {f"held_out_{place}": Sound(one.audio(), one.rate) for place, one in enumerate(completions)}
