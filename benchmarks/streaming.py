"""How soon a stream begins, whether it keeps ahead of its listener, and how far it lies from the whole.

    python benchmarks/streaming.py --corpus CORPUS --lines 25

For held-out lines of both languages: seconds to the first chunk, seconds of the whole utterance, the longest wait of
a listener after the first chunk, and the mean distance of the log-mels of the streamed and of the whole wave (same
tokens; the whole attends to all frames, the stream in blocks; a text of several pieces, between which
only the stream has its pauses, is not compared). Results go to benchmarks/results/streaming.json.
"""

import argparse
import time
from math import isnan
from pathlib import Path
from statistics import median

import torch
from report import environment, write_result
from tqdm import tqdm

import glmtts
from glmtts.audio.mel import LogMel
from glmtts.synthesis.rendering import Job


def stream(tts: glmtts.Synthesizer, text: str, voice: str, seed: int) -> tuple[torch.Tensor, float, float, float]:
    """Samples, seconds to the first chunk, seconds in all, longest wait of a listener who plays as chunks come."""
    started, chunks, first, heard, wait = time.perf_counter(), [], 0.0, 0.0, 0.0
    for chunk in tts.stream(text, voice, seed=seed):
        now = time.perf_counter() - started
        first = first or now
        wait = max(wait, now - first - heard)
        heard += chunk.seconds
        chunks.append(chunk.samples)
    return torch.cat(chunks), first, time.perf_counter() - started, wait


def at_once(tts: glmtts.Synthesizer, text: str, voice: str, seed: int) -> torch.Tensor:
    """Samples of the same tokens, each piece through flow and vocoder as a whole, without the pauses around pieces."""
    segments = tts.segments(tts.frontend.prepare(text), voice, seed, {})
    return torch.cat(tts.renderer.render([Job(segment, list(tts.generator.stream(segment))) for segment in segments]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--lines", type=int, default=25, help="lines a language")
    parser.add_argument("--model", type=Path, help="a bundle; the embedded one by default")
    arguments = parser.parse_args()
    tts = glmtts.load(arguments.model)
    mel = LogMel(tts.bundle.clock.mel)
    rows = []
    for lang, voice in (("en", "heart"), ("zh", "xiaoxiao")):
        texts = (arguments.corpus / f"heldout_{lang}.txt").read_text(encoding="utf-8").splitlines()
        stream(tts, texts[-1], voice, 0)
        for number, text in enumerate(tqdm(texts[: arguments.lines], desc=lang)):
            streamed, first, whole, wait = stream(tts, text, voice, number)
            pair = [mel(wave[None])[0] for wave in (streamed, at_once(tts, text, voice, number))]
            distance = float((pair[0] - pair[1]).abs().mean()) if pair[0].shape == pair[1].shape else float("nan")
            rows.append((first, whole, wait, len(streamed) / tts.bundle.config.sample_rate, distance))
    first, whole, wait, seconds, distance = zip(*rows, strict=True)
    compared = [value for value in distance if not isnan(value)]
    write_result(
        "streaming",
        {
            **environment(),
            "model": tts.bundle.config.name,
            "utterances": len(rows),
            "first_chunk_seconds_median": round(median(first), 3),
            "first_chunk_seconds_worst": round(max(first), 3),
            "whole_utterance_seconds_median": round(median(whole), 3),
            "real_time_factor": round(sum(whole) / sum(seconds), 3),
            "longest_wait_seconds_worst": round(max(wait), 3),
            "compared_to_whole": len(compared),
            "log_mel_distance_to_whole_median": round(median(compared), 3),
        },
    )


if __name__ == "__main__":
    main()
