"""Quality over share: train one voice for each share and measure it, beside a clone, all weights, and the speaker.

    python recipes/voices/curve.py --work WORK --folder ljspeech_20 --whisper whisper-base \\
        --variants real clone 1 15 full 0.3 5 30 --seeds 0 1 2 --epochs 30

`--folder` is one that folders.py wrote. A variant is a share in percent, `full` for all weights, `clone` for a voice
from a single recording of those to train on, `real` for the recordings themselves. What is done is kept in
WORK/FOLDER/runs and WORK/FOLDER/results: run it again to go on. Several may work in one folder once the first has made
its takes. table.py makes the table and the curve.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from glmtts.errors import VoiceError
from glmtts.programs import a_file, a_folder, number_from, parser_of, read_index, run_program, whole_from

VARIANTS = ("real", "clone", "0.3", "1", "5", "15", "30", "full")
HERE = Path(__file__).parent
CONSENT = "A corpus that is free for this use; the voice is measured and not published."


def trained(folder: Path, variant: str, seed: int, chosen: argparse.Namespace) -> Path:
    """The voice or bundle of a variant, trained unless it is there."""
    name = f"{variant.replace('.', '')}_{seed}"
    work = folder / "runs" / name
    out = work / (name if variant == "full" else f"{name}.glmvoice")
    if out.exists():
        return out
    work.mkdir(parents=True, exist_ok=True)
    takes = folder / "takes"
    takes.mkdir(exist_ok=True)
    if not (work / "takes").exists():
        (work / "takes").symlink_to(takes.resolve())
    how = ["--method", "full"] if variant == "full" else ["--share", str(float(variant) / 100)]
    command = ["voice", "train", str(folder / "recordings"), "-o", str(out), "--work", str(work), *how]
    length = ["--epochs", str(chosen.epochs), "--patience", str(chosen.patience), "--seed", str(seed)]
    subprocess.run([sys.executable, "-m", "glmtts", *command, *length, "--consent", CONSENT], check=True)
    return out


def clone_of(folder: Path) -> tuple[str, str]:
    """A recording of those to train on, of a handy length, and its text."""
    records = read_index(folder / "recordings", ("file", "text"))
    lengths = [(len(record["text"]), record) for record in records]
    _, record = sorted(lengths, key=lambda pair: pair[0])[len(lengths) // 2]
    return record["file"], record["text"]


def measure(folder: Path, variant: str, seed: int, chosen: argparse.Namespace) -> None:
    """Measure a variant; what was measured before is kept."""
    out = folder / "results" / f"{variant}_{seed}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    if variant == "real":
        which = ["--real"]
    elif variant == "clone":
        recording, text = clone_of(folder)
        which = ["--clone", recording, "--clone-text", text]
    else:
        which = ["--model" if variant == "full" else "--voice", str(trained(folder, variant, seed, chosen))]
    given = ["--test", str(folder / "test.jsonl"), "--whisper", str(chosen.whisper), "--out", str(out)]
    size = ["--lines", str(chosen.lines), "--words", str(chosen.words)]
    if chosen.nisqa:
        size += ["--nisqa", str(chosen.nisqa)]
    subprocess.run([sys.executable, str(HERE / "measure.py"), *given, *which, *size], check=True)


def variant_of(text: str) -> str:
    """A type of arguments: a share in per cent, or the name of another variant."""
    return text if text in ("real", "clone", "full") else f"{number_from(0, 100, above=True)(text):g}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--work", type=a_folder, required=True)
    parser.add_argument("--folder", required=True, help="ljspeech_20, S0252_20, …")
    parser.add_argument("--whisper", type=a_folder, required=True, help="folder of a CTranslate2 Whisper-base")
    parser.add_argument("--variants", type=variant_of, nargs="+", default=VARIANTS)
    parser.add_argument("--seeds", type=whole_from(0), nargs="+", default=[0])
    parser.add_argument("--epochs", type=number_from(above=True), default=30)
    parser.add_argument("--patience", type=whole_from(), default=4)
    parser.add_argument("--lines", type=whole_from(), default=40, help="held-out lines")
    parser.add_argument("--words", type=whole_from(), default=30, help="lines of one word")
    parser.add_argument("--nisqa", type=a_file, help="nisqa.safetensors, as measure.py takes it")
    parser.add_argument("--train-only", action="store_true")
    chosen = parser.parse_args(arguments)
    if not (chosen.work / chosen.folder / "test.jsonl").is_file():
        raise VoiceError(f"{chosen.work / chosen.folder} has no test.jsonl. Make it with folders.py first.")
    for seed in chosen.seeds:
        for variant in chosen.variants:
            if not chosen.train_only:
                measure(chosen.work / chosen.folder, variant, seed, chosen)
            elif variant not in ("real", "clone"):
                trained(chosen.work / chosen.folder, variant, seed, chosen)


if __name__ == "__main__":
    run_program(main)
