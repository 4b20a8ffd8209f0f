"""One stage alone on a folder: to hear and to read what it does, without a run."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from glmtts import durable
from glmtts.data.pipeline.clips import Clip
from glmtts.data.pipeline.config import StandardiseSection
from glmtts.data.pipeline.inputs import list_inputs
from glmtts.data.pipeline.plan import clips_of, drops_of, plan
from glmtts.data.pipeline.stage import Decision, Result, Stage, check, decisions
from glmtts.data.pipeline.standardise import standardise
from glmtts.errors import DataError

DECISIONS = "decisions.jsonl"


def run_alone(stage: Stage, folder: Path, out: Path, rate: int = 24000) -> tuple[float, float]:
    """Put the clips that a stage keeps of a folder's recordings into `out`, with every decision in decisions.jsonl.

    Gives the seconds that were kept and dropped.

    Raises:
        GlmTtsError: the folder cannot be read, the stage cannot work, or `out` cannot be written.
    """
    section = StandardiseSection()
    try:
        out.mkdir(parents=True, exist_ok=True)
        part = out / f"{DECISIONS}.part"
        with tempfile.TemporaryDirectory() as work, part.open("w", encoding="utf-8") as rows:
            kept = dropped = 0.0
            for number, entry in enumerate(list_inputs(folder)):
                done = standardise(folder, entry, number, Path(work), rate, section.max_hours)
                lines: list[dict[str, object]] = []
                if done.refused:
                    lines.append({"path": done.source.path, "refused": done.refused})
                lines += [_row(one, done.source.path) for one in drops_of(done)]
                dropped += sum(one.span.samples for one in drops_of(done)) / rate
                for unit in plan([(number, done)], Path(work), section):
                    clips = clips_of(unit, Path(work))
                    results = stage.process(clips)
                    check(stage.name, clips, results)
                    lines += [_row(one, done.source.path) for one in decisions(stage.name, results)]
                    kept += _write(out, results)
                    dropped += sum(one.span.samples for result in results for one in result.dropped) / rate
                rows.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        durable.replace(part, out / DECISIONS)
    except OSError as error:
        raise DataError(f"{out} cannot be written: {error.strerror or error}. Choose another folder.") from None
    return kept, dropped


def _row(one: Decision, path: str) -> dict[str, object]:
    span = {"source": one.span.source, "start": one.span.start, "end": one.span.end}
    return {"path": path, **vars(one), "span": span, "detail": dict(one.detail)}


def _write(out: Path, results: list[Result]) -> float:
    seconds = 0.0
    for clip in _kept(results):
        samples = (clip.wave.clip(-1, 1) * 32767).astype(np.int16)
        soundfile.write(str(out / f"{clip.id}.wav"), samples, clip.sample_rate, subtype="PCM_16")
        seconds += clip.seconds
        labels = json.dumps(dict(clip.labels), ensure_ascii=False, indent=1)
        (out / f"{clip.id}.json").write_text(labels, encoding="utf-8")
    return seconds


def _kept(results: list[Result]) -> Iterator[Clip]:
    for result in results:
        yield from result.kept
