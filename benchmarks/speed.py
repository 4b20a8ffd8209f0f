"""CPU time for a second of speech: `mini` with PyTorch and with ONNX Runtime beside its peers, in one run.

    glm-tts export-onnx MINI_ONNX --bits 8
    glm-tts export-onnx MINI_FLOAT
    python benchmarks/speed.py --onnx MINI_ONNX [--float MINI_FLOAT] \\
        [--kokoro kokoro.onnx --vocab vocab.json --voices voices/]

Every system speaks the first lines of `mini-en` or `mini-zh`, each with a seed of its own, in a process of its own with
one thread, after a line that is not counted. The systems take turns, three times, and the median of a system counts.
Counted is CPU time, since others share the machine; ratios are to `hibari-tts` on English lines, and to Kokoro's int8
export on Mandarin ones. The start is from the command to the first samples of a stream, wall time, the better of two. A
picture shows where the time of `mini` goes.

With `--model`, another bundle stands for the embedded one.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from report import RESULTS, environment, write_result

from glmtts.eval.lists import shipped_list
from glmtts.programs import a_folder, parser_of, run_program, whole_from, write_whole

LANGUAGES = {"en": "English", "zh": "Mandarin"}
# One turn alone gave ratios from 7 to 13 in runs of the same code: a shared machine is faster in one minute than in the
# next. Of six lines, one that the judge refuses is a sixth of the sample and speaks for a hundredth of everyday lines.
TURNS, LINES = 3, 40
Speak = Callable[[str, int], float]  # a line and a seed to the seconds that it is spoken in


def mini(tts: Any, language: str) -> Speak:
    voice = "heart" if language == "en" else "xiaoxiao"
    return lambda line, seed: tts.say(line, voice, seed=seed).seconds


def mini_torch(given: argparse.Namespace, language: str) -> Speak:
    import glmtts

    return mini(glmtts.load(given.model, threads=1), language)


def mini_onnx(given: argparse.Namespace, language: str) -> Speak:
    import glmtts

    return mini(glmtts.load_onnx(given.onnx, 1), language)


def mini_float(given: argparse.Namespace, language: str) -> Speak:
    import glmtts

    return mini(glmtts.load_onnx(given.float, 1), language)


def hibari(given: argparse.Namespace, language: str) -> Speak:
    from hibari import SAMPLE_RATE, Hibari

    tts = Hibari(threads=1)
    return lambda line, seed: len(tts(line)) / SAMPLE_RATE


def kokoro(given: argparse.Namespace, language: str) -> Speak:
    import onnxruntime
    from misaki import zh

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session, read = onnxruntime.InferenceSession(str(given.kokoro), options), zh.ZHG2P()
    vocab = json.loads(given.vocab.read_text(encoding="utf-8"))["vocab"]
    voice = np.fromfile(given.voices / "zf_xiaoxiao.bin", dtype=np.float32).reshape(-1, 1, 256)

    def speak(line: str, seed: int) -> float:
        ids = [vocab[symbol] for symbol in read(line)[0] if symbol in vocab]
        tokens, speed = np.array([[0, *ids, 0]], dtype=np.int64), np.array([1.0], np.float32)
        return session.run(None, {"tokens": tokens, "style": voice[len(ids)], "speed": speed})[0].size / 24000

    return speak


SYSTEMS: dict[str, tuple[Callable[[argparse.Namespace, str], Speak], tuple[str, ...]]] = {
    "mini (PyTorch)": (mini_torch, ("en", "zh")),
    "mini (ONNX Runtime)": (mini_onnx, ("en", "zh")),
    "mini (ONNX Runtime, float32)": (mini_float, ("en", "zh")),
    "hibari-tts": (hibari, ("en",)),
    "Kokoro int8": (kokoro, ("zh",)),
}


def spoken(language: str, count: int) -> list[str]:
    """The first lines of the list of a language that ships with the package."""
    return [item.text for item in shipped_list(f"mini-{language}").items[:count]]


def measured(given: argparse.Namespace) -> dict[str, Any]:
    """CPU seconds a second of speech of one system, and its peak memory."""
    make, _ = SYSTEMS[given.only]
    lines = spoken(given.language, given.lines)
    speak = make(given, given.language)
    speak(lines[1], 0)
    started = time.process_time()
    seconds = sum(speak(line, seed) for seed, line in enumerate(lines))
    rate = (time.process_time() - started) / seconds
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    peak = int(next(line for line in status if line.startswith("VmHWM")).split()[1]) * 1024 / 1e6
    return {"cpu_seconds_a_second": round(rate, 4), "peak_megabytes": round(peak)}


START = """
import sys, time, glmtts
tts = glmtts.load_onnx(sys.argv[1], 1) if sys.argv[1] else glmtts.load(threads=1)
next(tts.stream("Hello."))
print(time.clock_gettime(time.CLOCK_MONOTONIC))
"""


def start_up(onnx: Path | None) -> float:
    """Seconds from the start of an interpreter to the first samples, with a warm cache."""
    best = float("inf")
    for _ in range(2):
        started = time.clock_gettime(time.CLOCK_MONOTONIC)
        command = [sys.executable, "-c", START, str(onnx or "")]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        best = min(best, float(done.stdout) - started)
    return round(best, 2)


def flops() -> float:
    """GFLOP a second of a product of float32 matrices of 1024 × 1024, the best of five."""
    a, best = np.ones((1024, 1024), np.float32), float("inf")
    for _ in range(5):
        started = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - started)
    return round(2 * 1024**3 / best / 1e9, 1)


def parts(onnx: Path, lines: Sequence[str]) -> dict[str, float]:
    """CPU milliseconds of each stage of `mini` for a second of these English lines, with ONNX Runtime."""
    import glmtts

    tts, spent = glmtts.load_onnx(onnx, 1), Counter[str]()

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        started, before = time.process_time(), sum(spent.values())
        yield
        spent[name] += time.process_time() - started - (sum(spent.values()) - before)  # without the stages inside

    def watched(owner: Any, method: str, name: str) -> None:
        real = getattr(owner, method)

        def call(*arguments: Any, **named: Any) -> Any:
            with timed(name):
                return real(*arguments, **named)

        setattr(owner, method, call)

    tts.say(lines[1])
    for owner, method, name in (
        (tts.frontend, "prepare", "text"),
        (tts.bundle.lm, "prefill", "language model"),
        (tts.bundle.lm, "step", "language model"),
        (tts.bundle.recogniser, "log_probs", "judge of tokens"),
        (tts.bundle.flow, "sample", "flow"),
        (tts.bundle.vocoder, "_session", "vocoder"),
        (tts.bundle.speech_tokenizer, "tokenize", "judge of audio"),
    ):
        if method == "_session":
            tts.bundle.__dict__["vocoder"] = _Watched(owner, timed)
        else:
            watched(owner, method, name)
    seconds = 0.0
    with timed("sampling, choice, rest"):
        for seed, line in enumerate(lines):
            seconds += tts.say(line, seed=seed).seconds
    return {name: round(1000 * value / seconds, 1) for name, value in spent.most_common()}


class _Watched:
    """A vocoder that is timed: a call looks up the class, so it cannot be replaced in the object."""

    def __init__(self, vocoder: Callable[[np.ndarray], np.ndarray], timed: Callable[[str], Any]) -> None:
        self._vocoder, self._timed = vocoder, timed

    def __call__(self, mel: np.ndarray) -> np.ndarray:
        with self._timed("vocoder"):
            return self._vocoder(mel)


def draw(result: dict[str, Any], path: Path) -> None:
    """A picture: CPU time of the systems by language, and of the stages of `mini`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
    for language, colour in (("en", "#4477aa"), ("zh", "#ee6677")):
        systems = {name: one[language] for name, one in result["systems"].items() if language in one}
        widths = [1000 * one["cpu_seconds_a_second"] for one in systems.values()]
        left.barh([f"{name}, {language}" for name in systems], widths, color=colour, label=LANGUAGES[language])
    left.set(xlabel="CPU ms a second of speech, one thread", xscale="log")
    left.legend()
    names = list(result["stages_ms_a_second"])
    right.barh(names[::-1], [result["stages_ms_a_second"][name] for name in names[::-1]], color="#228833")
    right.set(xlabel="CPU ms a second of speech", title="mini (ONNX Runtime), English")
    write_whole(path, lambda part: figure.savefig(part, dpi=110))


def in_turns(given: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The figures of every system by language: the median of its turns, and the highest peak."""
    there = {"Kokoro int8": all((given.kokoro, given.vocab, given.voices)), "mini (ONNX Runtime, float32)": given.float}
    asked = [
        (name, language) for name, (_, languages) in SYSTEMS.items() if there.get(name, True) for language in languages
    ]
    found: dict[tuple[str, str], list[dict[str, Any]]] = {one: [] for one in asked}
    for _ in range(TURNS):
        for name, language in asked:
            command = [sys.executable, __file__, *sys.argv[1:], "--only", name, "--language", language]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found[name, language].append(json.loads(done.stdout.strip().splitlines()[-1]))
    systems: dict[str, dict[str, Any]] = {}
    for (name, language), turns in found.items():
        systems.setdefault(name, {})[language] = {
            "cpu_seconds_a_second": round(statistics.median(one["cpu_seconds_a_second"] for one in turns), 4),
            "peak_megabytes": max(one["peak_megabytes"] for one in turns),
        }
    return systems


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--onnx", type=a_folder, required=True, help="what `glm-tts export-onnx` wrote")
    parser.add_argument("--float", type=a_folder, help="the same without --bits; left out without it")
    parser.add_argument("--model", type=a_folder, help="the bundle that was exported; the embedded one by default")
    for name in ("kokoro", "vocab", "voices"):
        parser.add_argument(f"--{name}", type=Path, help="of Kokoro-82M's ONNX export; left out without them")
    parser.add_argument("--only", choices=SYSTEMS, help=argparse.SUPPRESS)
    parser.add_argument("--language", choices=LANGUAGES, help=argparse.SUPPRESS)
    parser.add_argument("--lines", type=whole_from(), default=LINES, help="of each language; default %(default)s")
    given = parser.parse_args()
    if given.only:
        print(json.dumps(measured(given)))
        return
    systems = in_turns(given)
    result = {**environment(), "float32_gigaflop_a_second": flops(), "lines": given.lines, "systems": systems}
    peers = {"en": "hibari-tts", "zh": "Kokoro int8"}
    for language, peer in peers.items():
        if peer in systems:
            own = systems[peer][language]["cpu_seconds_a_second"]
            result[f"times_{peer}"] = {
                name: round(one[language]["cpu_seconds_a_second"] / own, 2)
                for name, one in systems.items()
                if language in one
            }
    result["start_to_first_samples_seconds"] = {"PyTorch": start_up(None), "ONNX Runtime": start_up(given.onnx)}
    result["stages_ms_a_second"] = parts(given.onnx, spoken("en", given.lines))
    write_result("speed", result)
    draw(result, RESULTS / "speed.png")


if __name__ == "__main__":
    run_program(main)
