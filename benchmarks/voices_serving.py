"""Serving many trained voices with one model: memory, first audio, switching, and errors.

    python benchmarks/voices_serving.py --voices 256 --requests 500

The voices have random adapters of the given share, as large as trained ones; what they say has no sense, so every text
is decoded once (one candidate, nothing judged), in the manner of a plain stream. Results go to
benchmarks/results/voices_serving.json.
"""

import random
import shutil
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from report import environment, resident_mib, write_result
from tqdm import tqdm

import glmtts
from glmtts.programs import number_from, parser_of, run_program, whole_from
from glmtts.synthesis.adapter_pool import base_of
from glmtts.synthesis.trained_voice import TrainedAdapter, TrainedVoice, VoiceCard, save_trained
from glmtts.synthesis.voice import Voice
from glmtts.voices.lora import put_in, take_out
from glmtts.voices.targets import solve_ranks

TEXT, BATCH, TIMES = "Good morning.", 16, 7


def random_voice(path: Path, tts: glmtts.Synthesizer, share: float) -> None:
    """A voice with random adapters that change little."""
    adapters: dict[str, TrainedAdapter] = {}
    for kind in ("lm", "flow"):
        network: Any = tts.bundle.network(kind)
        skeleton = type(network)(network.config)
        ranks = solve_ranks(skeleton, kind, share)
        put_in(skeleton, ranks)
        weights = {name: p.detach() for name, p in skeleton.named_parameters() if "lora_" in name}
        adapters[kind] = take_out(
            {n: w if "lora_A" in n else 1e-4 * torch.randn_like(w) for n, w in weights.items()}, ranks
        )
    card = VoiceCard(
        name="random", base_name=tts.bundle.config.name, base=base_of(tts.bundle), licence="", consent="none"
    )
    save_trained(path, replace(tts.voice(), adapter=None), card, adapters)


def switching(tts: glmtts.Synthesizer, paths: list[Path]) -> dict[str, float]:
    """Milliseconds of CPU time from a voice's name to its adapters in memory, each for the first time."""
    taken = []
    for path in paths:
        started = time.process_time()
        voice = tts.voice(path)
        assert voice.adapter is not None
        for module in ("lm", "flow"):
            voice.adapter.part(module, tts.bundle.network(module))
        taken.append(1000 * (time.process_time() - started))
    return {"median": round(statistics.median(taken), 2), "max": round(max(taken), 2)}


def first_audio(tts: glmtts.Synthesizer, voices: dict[str, Voice]) -> dict[str, float]:
    """Median milliseconds to the first chunk of a stream for each voice, taken in turns."""
    taken: dict[str, list[float]] = {name: [] for name in voices}
    for seed in range(TIMES):
        for name, voice in voices.items():
            started = time.process_time()
            stream = tts.stream(TEXT, voice, seed=seed)
            next(stream)
            taken[name].append(1000 * (time.process_time() - started))
            stream.close()
    return {name: round(statistics.median(times), 1) for name, times in taken.items()}


def errors_of(tts: glmtts.Synthesizer, paths: list[Path], requests: int) -> int:
    """Requests that failed or said nothing, of many with voices drawn at random, sixteen at a time."""
    rng, failed = random.Random(0), 0
    for start in tqdm(range(0, requests, BATCH), desc="requests"):
        count = min(BATCH, requests - start)
        chosen = [tts.voice(rng.choice(paths)) for _ in range(count)]
        spoken = tts.say_batch(["Yes."] * count, chosen, seeds=range(start, start + count))
        failed += sum(not len(audio.samples) or not torch.isfinite(audio.samples).all() for audio in spoken)
    return failed


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--voices", type=whole_from(), default=256)
    parser.add_argument("--requests", type=whole_from(), default=500)
    parser.add_argument("--share", type=number_from(0, 1, above=True), default=0.15)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    tts = glmtts.load()
    once = {"candidates": 1, "resampling": None, "max_nll": 1e9, "audio_best_of": 1}
    tts.defaults = tts.defaults.model_copy(update=once)
    tts.say("Hello.")
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"voice{number}.glmvoice" for number in range(chosen.voices)]
        random_voice(paths[0], tts, chosen.share)
        for path in paths[1:]:
            shutil.copy(paths[0], path)
        adapters = [TrainedVoice.open(paths[0]).adapter(module) for module in ("lm", "flow")]
        size = sum(adapter.bytes for adapter in adapters) / 2**20
        tts.say("Hello.", paths[0])
        before = resident_mib()
        result: dict[str, Any] = {**environment(), "voices": chosen.voices, "share": chosen.share}
        result["switching_cpu_ms"] = switching(tts, paths[1:])
        after = resident_mib()
        result["memory_mib"] = {
            "base": round(before), "with_all_voices_used": round(after), "pool": round(tts.adapters.bytes / 2**20),
            "adapter": round(size, 2), "bound": round(before + chosen.voices * size),
        }  # fmt: skip
        write_result("voices_serving", result)  # what is measured stays if the rest is interrupted
        plain = tts.voice()
        result["first_audio_cpu_ms"] = first_audio(tts, {"plain": plain, "adapter": tts.voice(paths[-1])})
        write_result("voices_serving", result)
        result["errors"] = {"requests": chosen.requests, "failed": errors_of(tts, paths, chosen.requests)}
    write_result("voices_serving", result)


if __name__ == "__main__":
    run_program(main)
