"""The trials of a listening test: what is heard, under names that tell nothing, and the key that tells all.

MOS (ITU-T P.800, absolute category rating): one clip at a time, 1 to 5, the recordings hidden among the systems.
Preference: two systems' clips of one line, in an order that is drawn. Checks of attention are a clip of the first
system under heavy noise (MOS: it deserves 1 or 2) and a pair of it with that noise and without (preference: without is
better).
"""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from glmtts.audio.io import read_audio, write_audio
from glmtts.errors import EvaluationError
from glmtts.eval.results import Results
from glmtts.eval.work import writable

Kind = Literal["mos", "preference"]
LEVEL, CHECK_SNR = -26.0, -10.0  # dB: level of every clip, so that louder is not better; noise of a check
CHECK = "check"
Line = tuple[str, str]  # list and id: two lists may have the same ids


@dataclass(frozen=True)
class Clip:
    """A sound of the test: its system (or `check`), its line, and its file's name, which tells neither.

    The name is a hash of the samples too: a browser keeps what it has loaded under a name, also of an earlier test.
    """

    system: str
    line: Line
    file: str


@dataclass(frozen=True)
class Trials:
    """What the page is given (`public`), and what it must not be given (`key`)."""

    public: list[dict[str, Any]]
    key: list[dict[str, Any]]


def make_trials(
    results: Results, run: Path, systems: Sequence[str], kind: Kind, lines: int, out: Path, seed: int
) -> Trials:
    """Draw lines that every system has spoken, and write their clips at one level into `out`/audio.

    Raises:
        EvaluationError: a system is unknown, there are no lines that all have spoken, or `out` cannot be written.
    """
    spoken = _spoken(results, systems)
    # sorted: a seed must draw the same lines in every process, and sets have no order of their own
    common = sorted(set.intersection(*(set(found) for found in spoken.values())))
    if not common:
        raise EvaluationError("There is no line that all these systems have spoken. Choose others.")
    draw = random.Random(seed)
    chosen = draw.sample(common, min(lines, len(common)))
    with writable(out):
        (out / "audio").mkdir(parents=True, exist_ok=True)
    clips = {(name, line): _written(run / spoken[name][line], name, line, out) for name in systems for line in chosen}
    texts = {(one["list"], one["id"]): one["text"] for one in results.utterances}
    checks = [_check(run / spoken[systems[0]][line], line, out) for line in chosen[: max(1, len(chosen) // 10)]]
    build = _mos if kind == "mos" else _preference
    return build(clips, texts, systems, chosen, checks, draw)


def _mos(
    clips: dict, texts: dict, systems: Sequence[str], lines: Sequence[Line], checks: Sequence[Clip], draw: random.Random
) -> Trials:
    heard = [clips[name, line] for line in lines for name in systems] + list(checks)
    draw.shuffle(heard)
    public = [{"id": f"t{n}", "clips": [clip.file], "text": texts[clip.line]} for n, clip in enumerate(heard)]
    key = [{"id": f"t{n}", "systems": [clip.system], "line": "/".join(clip.line)} for n, clip in enumerate(heard)]
    return Trials(public, key)


def _preference(
    clips: dict, texts: dict, systems: Sequence[str], lines: Sequence[Line], checks: Sequence[Clip], draw: random.Random
) -> Trials:
    pairs = [[clips[a, line], clips[b, line]] for line in lines for a, b in combinations(systems, 2)]
    pairs += [[clip, clips[systems[0], clip.line]] for clip in checks]
    draw.shuffle(pairs)
    for pair in pairs:
        draw.shuffle(pair)
    public = [
        {"id": f"t{n}", "clips": [c.file for c in pair], "text": texts[pair[0].line]} for n, pair in enumerate(pairs)
    ]
    key = [
        {"id": f"t{n}", "systems": [c.system for c in pair], "line": "/".join(pair[0].line)}
        for n, pair in enumerate(pairs)
    ]
    return Trials(public, key)


def _spoken(results: Results, systems: Sequence[str]) -> dict[str, dict[Line, str]]:
    found: dict[str, dict[Line, str]] = {name: {} for name in systems}
    for one in results.utterances:
        if one["system"] in found and one["audio"] is not None and one["error"] is None:
            found[one["system"]][one["list"], one["id"]] = one["audio"]
    if silent := [name for name, lines in found.items() if not lines]:
        labels = ", ".join(dict.fromkeys(one["system"] for one in results.utterances))
        raise EvaluationError(f"The run has nothing of '{silent[0]}'. It has: {labels}.")
    return found


def _written(path: Path, system: str, line: Line, out: Path) -> Clip:
    samples, rate = read_audio(path)
    return _saved(samples.numpy(), rate, system, line, out)


def _check(path: Path, line: Line, out: Path) -> Clip:
    samples, rate = read_audio(path)
    wave = samples.numpy()
    noise = np.random.default_rng(0).standard_normal(len(wave)) * np.sqrt(np.mean(wave**2)) * 10 ** (-CHECK_SNR / 20)
    return _saved((wave + noise).astype(np.float32), rate, CHECK, line, out)


def _saved(wave: np.ndarray, rate: int, system: str, line: Line, out: Path) -> Clip:
    # a clip of zeros has no level and no peak to divide by
    level = 10 ** (LEVEL / 20) / max(1e-6, float(np.sqrt(np.mean(wave**2))))
    # a clip of high peaks stays softer, rather than be cut off
    loud = wave * min(level, 0.99 / max(1e-6, float(abs(wave).max())))
    samples = np.ascontiguousarray(loud, dtype=np.float32)
    name = hashlib.sha256("/".join((system, *line)).encode() + samples.tobytes()).hexdigest()[:16]
    clip = Clip(system, line, f"audio/{name}.wav")
    write_audio(out / clip.file, torch.from_numpy(samples), rate, {})
    return clip
