"""Speed on a GPU beside the CPU of the same machine: whole sentences, batches, streams, and each stage.

    python benchmarks/gpu.py [--model BUNDLE] [--lines 12]

Real-time factors are seconds of work a second of speech, after a warm-up; the GPU is waited for at each mark.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from report import environment, write_result

import glmtts
from glmtts.synthesis.rendering import Job

TEXTS = [
    "The rain in Spain stays mainly in the plain.",
    "今天天气很好，我们去公园散步吧。",
    "She opened the letter, read it twice, and put it away without a word.",
    "他每天早上六点起床，先跑步，再吃早饭。",
]


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of `work`, with everything that it put on the GPU."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def first_chunk(tts: glmtts.Synthesizer, text: str) -> float:
    """Seconds to the first samples of a stream."""
    chunks = tts.stream(text)
    taken = seconds(lambda: next(chunks))
    chunks.close()
    return taken


def stages(tts: glmtts.Synthesizer, text: str) -> dict[str, float]:
    """Real-time factors of the language model with its judge, and of flow and vocoder."""
    segments = tts.segments(tts.frontend.prepare(text), None, 0, {})
    generated: dict[int, list[list[int]]] = {}
    tokens = seconds(lambda: generated.update(tts.generator.generate(segments)))
    jobs = [Job(segment, generated[number][0]) for number, segment in enumerate(segments)]
    spoken = sum(len(job.tokens) for job in jobs) / tts.bundle.clock.token_rate
    return {"tokens": tokens / spoken, "rendering": seconds(lambda: tts.renderer.render(jobs)) / spoken}


def measure(tts: glmtts.Synthesizer, lines: int) -> dict[str, object]:
    """All figures on one device."""
    texts = [TEXTS[number % len(TEXTS)] for number in range(lines)]
    tts.say_batch(texts[:4])
    list(tts.stream(texts[0]))
    spoken: list[float] = []
    alone = seconds(lambda: spoken.extend(tts.say(text, seed=n).seconds for n, text in enumerate(texts)))
    together = seconds(lambda: tts.say_batch(texts, seeds=range(lines)))
    parts = [stages(tts, text) for text in TEXTS]
    return {
        "rtf_one_by_one": round(alone / sum(spoken), 4),
        "rtf_batch": round(together / sum(spoken), 4),
        "first_chunk_ms": round(1000 * statistics.median(first_chunk(tts, text) for text in texts)),
        "stages_rtf": {name: round(statistics.median(part[name] for part in parts), 4) for name in parts[0]},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path, help="a bundle; the embedded one by default")
    parser.add_argument("--lines", type=int, default=12)
    arguments = parser.parse_args()
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    result: dict[str, object] = {**environment(), "lines": arguments.lines}
    if len(devices) > 1:
        result["gpu"] = torch.cuda.get_device_name()
    for device in devices:
        with glmtts.load(arguments.model, device) as tts:
            result["model"], result[device] = tts.bundle.config.name, measure(tts, arguments.lines)
    write_result("gpu", result)


if __name__ == "__main__":
    main()
