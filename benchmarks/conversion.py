"""A complete release converts, loads and speaks: time and peak memory, beside the size of its largest shard.

    python -m tests.official.synthetic_release RELEASE --full
    python benchmarks/conversion.py --release RELEASE --code RELEASE --out BUNDLE --voice me.wav

With the synthetic release the weights are random, so what it speaks is noise; its length is what is checked. Results
go to benchmarks/results/conversion.json.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import soundfile
from report import environment, write_result

from glmtts.errors import EvaluationError
from glmtts.places import check_new_folder
from glmtts.programs import a_file, a_folder, folder_to_fill, parser_of, run_program


def measured(arguments: list[str]) -> dict[str, float]:
    """Run `glm-tts` in a process of its own: seconds, and peak resident memory in gigabytes."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", "from glmtts.cli import main; main()", *arguments])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise EvaluationError(f"glm-tts {' '.join(arguments)} has failed, and says why above.")
    return {"seconds": round(time.perf_counter() - started, 1), "peak_gigabytes": round(usage.ru_maxrss / 1e6, 2)}


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--release", type=a_folder, required=True, help="the folder of the weights")
    parser.add_argument("--code", type=a_folder, required=True, help="the folder of the release's code")
    parser.add_argument("--out", type=folder_to_fill, required=True, help="the bundle to write; must not exist")
    parser.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), default="bfloat16")
    parser.add_argument("--voice", type=a_file, required=True, help="a recording of some seconds")
    parser.add_argument("--text", default="你好。")
    arguments = parser.parse_args()
    check_new_folder(arguments.out, EvaluationError, "bundle")
    shards = [path.stat().st_size for path in arguments.release.rglob("*") if path.is_file()]
    convert = ["convert", str(arguments.release), str(arguments.out), "--code", str(arguments.code)]
    result: dict[str, Any] = {
        **environment(),
        "dtype": arguments.dtype,
        "release_gigabytes": round(sum(shards) / 1e9, 2),
        "largest_shard_gigabytes": round(max(shards) / 1e9, 2),
        "convert": measured([*convert, "--dtype", arguments.dtype]),
    }
    result["convert"]["share_of_largest_shard"] = round(result["convert"]["peak_gigabytes"] * 1e9 / max(shards), 2)
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "out.wav"
        say = ["say", arguments.text, "--model", str(arguments.out), "--voice", str(arguments.voice)]
        result["say"] = measured([*say, "-o", str(wav)])
        spoken = soundfile.info(wav)
        result["say"] |= {"speech_seconds": round(spoken.duration, 2), "sample_rate": spoken.samplerate}
    write_result("conversion", result)


if __name__ == "__main__":
    run_program(main)
