"""Table 8 and its ablations: train every vocoder of configs/ablations/vocoder, and measure its copies of recordings.

    PYTHONPATH=recipes/ablations python recipes/ablations/vocoder.py --models MODELS --seeds 0 1 \\
        --lists CORPUS/ljspeech CORPUS/heldout_teacher_en

`--lists` are folders of recordings with an index.jsonl that no configuration trains on, `--models` holds nisqa/
(non-commercial weights, for measuring). Run it again to go on. It writes benchmarks/results/ablations/vocoder.json, the
table in docs/ablations.md, and docs/ablations_vocoder.png.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import soundfile
import torch
from page import write_section
from pictures import write_picture
from runs import WORK, Ablated, arguments_of, finished, runs_of
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from glmtts.audio.io import load_audio
from glmtts.audio.mel import LogMel
from glmtts.eval.hardware import environment
from glmtts.eval.lists import index_list
from glmtts.eval.report.cells import figure
from glmtts.eval.results import Results
from glmtts.eval.statistics import bootstrap_mean, paired
from glmtts.eval.work import write_text
from glmtts.programs import a_folder, check_names, run_program, whole_from, write_whole

TOLD = {
    "vocos": "Vocos, as many parameters",
    "vocos_wide": "Vocos, as many operations",
    "vocos2d": "**Vocos2D**",
    "with_periods": "+ discriminators of periods",
    "without_augmentation": "− augmentation",
    "without_shortcuts": "− mel in every block",
    "without_embedding": "− frequency embedding",
    "with_prior": "+ amplitude prior (FreeV)",
}
BASE = "vocos2d"  # what all others are compared with
COLUMNS = {  # of the evaluation: title and digits
    "nisqa_mos_pred": ("NISQA ↑", 2),
    "dnsmos_overall": ("DNSMOS ↑", 2),
    "distillmos": ("DistillMOS ↑", 2),
    "pesq": ("PESQ ↑", 2),
    "mr_stft": ("STFT distance ↓", 2),
    "f0_rmse": ("F0 error, Hz ↓", 1),
    "voicing_f1": ("voicing F1 ↑", 3),
    "band_8_12khz_difference": ("8–12 kHz, dB", 1),
}
TIMED_SECONDS, TIMES = 10, 5
RESULT = Path(__file__).parents[2] / "benchmarks" / "results" / "ablations" / "vocoder.json"


@torch.inference_mode()
def copy(run: Ablated, lists: Sequence[Path], lines: int) -> Path:
    """Copies of the recordings, each from its own mel; those that are there are kept."""
    folder = run.folder / "copies"
    folder.mkdir(exist_ok=True)
    model: Any = run.model()
    mel = LogMel(model.mel)
    items = [item for one in lists for item in index_list(one, lines).items]
    check_names(item.id for item in items)
    for item in tqdm(items, desc=run.label):
        target = folder / f"{item.id}.wav"
        if not target.exists() and item.reference_audio is not None:
            wave = load_audio(item.reference_audio, model.config.sample_rate)
            made = model(mel(wave[None]))[0].clamp(-1, 1)
            sound, rate = made.numpy(), model.config.sample_rate
            write_whole(target, lambda path, sound=sound, rate=rate: soundfile.write(path, sound, rate))
    return folder


@torch.inference_mode()
def size_of(run: Ablated) -> dict[str, float]:
    """Parameters, multiply-adds of a second of speech, and seconds of one thread for a second of speech."""
    model: Any = run.model()
    rate, hop = model.config.sample_rate, model.config.hop_length
    mel = torch.randn(1, model.config.n_mels, TIMED_SECONDS * rate // hop)
    with FlopCounterMode(display=False) as counter:
        model(mel)
    best = float("inf")
    for _ in range(TIMES):
        started = time.perf_counter()
        model(mel)
        best = min(best, time.perf_counter() - started)
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "multiply_adds": counter.get_total_flops() / 2 / TIMED_SECONDS,
        "real_time_factor": best / TIMED_SECONDS,
    }


def evaluate(runs: Sequence[Ablated], lists: Sequence[Path], models: Path, lines: int, processes: int) -> Results:
    """`glm-tts eval vocoder` of all copies beside the recordings; what is done is kept."""
    out = WORK / "vocoder" / "evaluation"
    scorers = (f"nisqa?weights={models}/nisqa/nisqa.safetensors", "dnsmos", "distillmos", "pesq", "mr_stft", "f0")
    systems = ["recordings", *(f"{run.label}=recordings:{(run.folder / 'copies').absolute()}" for run in runs)]
    options = [part for scorer in (*scorers, "band_energy") for part in ("--scorer", scorer)]
    options += [part for system in systems for part in ("-s", system)]
    command = [sys.executable, "-m", "glmtts", "eval", "vocoder", *map(str, lists), "-o", str(out), *options]
    subprocess.run([*command, "--lines", str(lines), "--processes", str(processes)], check=True)
    return Results.load(out)


def values_of(results: Results, name: str, column: str) -> dict[tuple[str, str], float]:
    """A value for each line: the mean of the configuration's seeds."""
    found: dict[tuple[str, str], list[float]] = {}
    for one in results.utterances:
        label = one["system"]
        value = one["values"].get(column)
        if value is not None and (label == name or (label.rpartition("_")[0] == name)):
            found.setdefault((one["list"], one["id"]), []).append(value)
    return {place: sum(values) / len(values) for place, values in found.items()}


def row_of(results: Results, name: str, base: str) -> dict[str, Any]:
    """Means with intervals over lines, and p of the difference to `base` on the same lines."""
    row = {}
    for column in COLUMNS:
        own, other = values_of(results, name, column), values_of(results, base, column)
        shared = sorted(own.keys() & other.keys())
        if own:
            values = list(own.values())
            row[column] = {"mean": sum(values) / len(values), "interval": bootstrap_mean(values), "lines": len(values)}
        if shared and name != base:
            found = paired([other[place] for place in shared], [own[place] for place in shared])
            row[column] |= {"difference": found.difference, "p": found.p}
    return row


def cells(row: dict[str, Any], size: dict[str, float] | None) -> list[str]:
    """A line of the table; a star stands where the difference to Vocos2D has p < 0.05."""
    texts = []
    for column, (_, digits) in COLUMNS.items():
        found = row.get(column)
        star = "*" if found and found.get("p", 1) < 0.05 else ""
        texts.append(figure(found["mean"], found["interval"], digits) + star if found else "–")
    if size is None:
        return [*texts, "", "", ""]
    million, giga = size["parameters"] / 1e6, size["multiply_adds"] / 1e9
    return [*texts, f"{million:.2f}", f"{giga:.2f}", f"{size['real_time_factor']:.4f}"]


def main() -> None:
    parser = arguments_of(__doc__, seeds=[0, 1], lines=12)
    parser.add_argument("--models", type=a_folder, required=True, help="holds nisqa/")
    parser.add_argument("--processes", type=whole_from(), default=1)
    chosen = parser.parse_args()
    runs = finished(runs_of("vocoder", chosen.seeds, tuple(TOLD)), chosen.only_finished)
    for run in runs:
        copy(run, chosen.lists, chosen.lines)
    results = evaluate(runs, chosen.lists, chosen.models, chosen.lines, chosen.processes)
    names = list(dict.fromkeys(run.name for run in runs))
    torch.set_num_threads(1)
    sizes = {name: size_of(next(run for run in runs if run.name == name)) for name in names}
    rows = {name: row_of(results, name, BASE) for name in ("recordings", *names)}
    seeds = {name: [run.seed for run in runs if run.name == name] for name in names}
    steps = {run.settings().schedule.steps for run in runs}
    found = {**environment(), "steps": sorted(steps), "seeds": seeds, "sizes": sizes, "rows": rows}
    write_text(RESULT, json.dumps(found, indent=1) + "\n")
    heads = ["", *(title for title, _ in COLUMNS.values()), "parameters, M", "multiply-adds, G/s", "real-time factor"]
    told = [[TOLD.get(name, name), *cells(row, sizes.get(name))] for name, row in rows.items()]
    write_section("vocoder", heads, told, notes_of(found, chosen))
    first = [run for run in runs if run.seed == runs[0].seed]
    write_picture(first, index_list(chosen.lists[0], 1).items[0])


def notes_of(found: dict[str, Any], chosen: argparse.Namespace) -> list[str]:
    """What a reader must know of the table."""
    several = ", ".join(f"{TOLD[name]} {len(seeds)}" for name, seeds in found["seeds"].items())
    lists = ", ".join(path.name for path in chosen.lists)
    return [
        f"{found['steps'][0]} steps for each. Seeds: {several}; a line's value is the mean of its configuration's "
        f"seeds. {chosen.lines} recordings of each of {lists}.",
        "Intervals are 95 % by bootstrap over lines; a star marks p < 0.05 for the difference to Vocos2D on the same "
        "lines (sign-flip permutations).",
        f"Real-time factor: one thread, PyTorch, the best of {TIMES}; {found['hardware']} "
        f"({found['instruction_set']}, {found['read_gigabytes_a_second']} GB/s read). Commit {found['commit']}.",
    ]


if __name__ == "__main__":
    run_program(main)
