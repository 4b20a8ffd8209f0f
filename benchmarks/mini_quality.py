"""Measure `mini` on held-out sentences: error rates, similarity, lengths, speed, beside its teacher.

    python benchmarks/mini_quality.py --corpus CORPUS --whisper whisper-base --lines 100

Speed and memory are measured first, alone; then the languages run side by side, each in a process with its share of
the cores.

Needs the extra [eval]. CORPUS holds heldout_en.txt, heldout_zh.txt, heldout_teacher_en/ and heldout_teacher_zh/, and
the folders of held-out speakers. Whisper-base transcribes with beam 5. Mandarin is compared by toned syllables, both
sides read by pypinyin, and by characters. The teacher was asked for speeds of 0.9 to 1.15, which its index tells and
mini is not: lengths are compared as they are, and with the teacher's at the speed of 1. Results go to
benchmarks/results/mini_quality.json.
"""

import argparse
import json
import multiprocessing
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from faster_whisper import WhisperModel
from pypinyin import Style, lazy_pinyin
from report import RESULTS, environment, write_result
from tqdm import tqdm

import glmtts
from glmtts.audio.io import load_audio
from glmtts.audio.resample import resample
from glmtts.text.edits import edit_distance
from glmtts.text.mandarin import CHINESE
from glmtts.text.normalise import normalise

TEN_SECONDS = (
    "In the evening we walked along the river, and the children ran ahead of us to the old stone bridge, "
    "where they waited until the last light had gone behind the hills."
)
SENTENCE = {
    "en": "In the evening we walked along the river, and the children ran ahead of us to the old stone bridge.",
    "zh": "傍晚我们沿着河边散步，孩子们跑在前面，一直跑到那座古老的石桥上。",
}
PROMPT = {"zh": "以下是普通话的句子。", "en": None}
LENGTH_RANGE = (0.6, 1.7)
LONG_TIMES = 9


def words(text: str) -> list[str]:
    """English words, numbers spoken, without punctuation."""
    return re.findall(r"[a-z']+", normalise(text, "en").lower())


def characters(text: str) -> list[str]:
    """Chinese characters, numbers spoken."""
    return CHINESE.findall(normalise(text, "zh"))


def syllables(text: str) -> list[str]:
    """Toned pinyin of the Chinese characters."""
    return lazy_pinyin("".join(characters(text)), style=Style.TONE3, neutral_tone_with_five=True)


UNITS = {"en": {"wer": words}, "zh": {"toned_syllable_error": syllables, "cer": characters}}


def transcribe(model: WhisperModel, samples: np.ndarray, lang: str) -> str:
    """What Whisper hears in 16 kHz samples."""
    parts, _ = model.transcribe(samples, language=lang, beam_size=5, initial_prompt=PROMPT[lang])
    return "".join(part.text for part in parts)


def error_rate(pairs: Sequence[tuple[Sequence[str], Sequence[str]]]) -> float:
    """Edits of (heard, wanted) over the length of what was wanted, summed over all lines."""
    return round(sum(edit_distance(*pair) for pair in pairs) / sum(len(wanted) for _, wanted in pairs), 4)


def error_rates(lang: str, heard: Sequence[str], wanted: Sequence[str]) -> dict[str, float]:
    """Edits over reference length, summed over all lines."""
    rates = {}
    for name, cut in UNITS[lang].items():
        rates[name] = error_rate([(cut(h), cut(w)) for h, w in zip(heard, wanted, strict=True)])
    return rates


def measure_language(model: Path | None, whisper: Path, corpus: Path, lang: str, lines: int) -> dict[str, Any]:
    """Error rates of mini and its teacher, length ratios, real-time factor."""
    threads = max(1, (os.cpu_count() or 1) // len(UNITS))
    torch.set_num_threads(threads)
    tts = glmtts.load(model)
    asr = WhisperModel(str(whisper), compute_type="float32", cpu_threads=threads)
    texts = (corpus / f"heldout_{lang}.txt").read_text(encoding="utf-8").splitlines()[:lines]
    voices = [n for n, d in tts.voices.items() if ("Mandarin" in d) == (lang == "zh")]
    heard: dict[str, list[str]] = {"mini": [], "teacher": []}
    folder = corpus / f"heldout_teacher_{lang}"
    index = [json.loads(line) for line in (folder / "index.jsonl").read_text(encoding="utf-8").splitlines()]
    ratios, at_same_speed, taken, spoken = [], [], 0.0, 0.0
    for number, text in enumerate(tqdm(texts, desc=lang)):
        started = time.perf_counter()
        audio = tts.say(text, voices[number % len(voices)], seed=number)
        taken, spoken = taken + time.perf_counter() - started, spoken + audio.seconds
        assert index[number]["text"] == text
        teacher = load_audio(folder / f"{index[number]['id']}.opus", 16000)
        ratios.append(audio.seconds / (len(teacher) / 16000))
        at_same_speed.append(ratios[-1] / index[number]["speed"])
        heard["mini"].append(transcribe(asr, resample(audio.samples, audio.rate, 16000).numpy(), lang))
        heard["teacher"].append(transcribe(asr, teacher.numpy(), lang))
    return {
        "lines": len(texts),
        "mini": error_rates(lang, heard["mini"], texts),
        "teacher": error_rates(lang, heard["teacher"], texts),
        "length_to_teacher": _lengths(ratios),
        "length_to_teacher_at_same_speed": _lengths(at_same_speed),
        "real_time_factor": round(taken / spoken, 3),
    }


def _lengths(ratios: Sequence[float]) -> dict[str, Any]:
    low, high = LENGTH_RANGE
    return {
        "min_median_max": [round(float(np.quantile(ratios, q)), 3) for q in (0, 0.5, 1)],
        "lines_outside": sum(not low <= ratio <= high for ratio in ratios),
    }


def voice_embedder() -> Callable[[np.ndarray, int], np.ndarray]:
    """Resemblyzer: samples (T,) float32 and their rate to a unit vector (256,)."""
    from resemblyzer import VoiceEncoder, preprocess_wav

    encoder = VoiceEncoder("cpu", verbose=False)
    return lambda samples, rate: encoder.embed_utterance(preprocess_wav(samples, source_sr=rate))


def similarity(tts: glmtts.Synthesizer, asr: WhisperModel, corpus: Path) -> dict[str, Any]:
    """Resemblyzer cosine of prompt and output for speakers held out of training, beside same and different ones.

    Each says one sentence of his own language, about as long as his recordings are; its errors are there too.
    """
    embed = voice_embedder()
    by_speaker: dict[str, list[tuple[Path, str]]] = {}
    for folder in ("ljspeech", "aishell", "speechocean762"):
        for line in (corpus / folder / "index.jsonl").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            held_out = folder == "ljspeech" or record["speaker"] == "S0252" or record["speaker"].endswith("7")
            if held_out and 3 <= record["seconds"] <= 8:
                path = corpus / folder / f"{record['id']}.opus"
                by_speaker.setdefault(f"{record['lang']} {record['speaker']}", []).append((path, record["text"]))
    speakers = [speaker for speaker, recordings in by_speaker.items() if len(recordings) > 1][:10]
    chosen, langs = [by_speaker[speaker][:2] for speaker in speakers], [speaker[:2] for speaker in speakers]

    prompts = [embed(load_audio(first[0], 16000).numpy(), 16000) for first, _ in chosen]
    seconds = [embed(load_audio(second[0], 16000).numpy(), 16000) for _, second in chosen]
    started = time.perf_counter()
    voices = [tts.voice(path, text) for (path, text), _ in chosen]
    taken = (time.perf_counter() - started) / len(voices)
    spoken = [tts.say(SENTENCE[lang], voice) for voice, lang in zip(voices, langs, strict=True)]
    heard = [
        transcribe(asr, resample(audio.samples, audio.rate, 16000).numpy(), lang)
        for audio, lang in zip(spoken, langs, strict=True)
    ]
    outputs = [embed(audio.samples.numpy(), audio.rate) for audio in spoken]
    return {
        "speakers": len(chosen),
        "seconds_to_make_a_voice": round(taken, 2),
        "prompt_and_output": round(float(np.mean([p @ o for p, o in zip(prompts, outputs, strict=True)])), 3),
        "same_speaker": round(float(np.mean([p @ s for p, s in zip(prompts, seconds, strict=True)])), 3),
        "different_speakers": round(float(np.mean([p @ q for p, q in zip(prompts, seconds[1:], strict=False)])), 3),
        "errors": {
            lang: error_rates(lang, [h for h, its in zip(heard, langs, strict=True) if its == lang], wanted)
            for lang, wanted in ((lang, [SENTENCE[lang]] * langs.count(lang)) for lang in sorted(set(langs)))
        },
    }


def seconds_to_first_sample(model: Path | None) -> float:
    """From the start of an interpreter, the second time, with a warm cache."""
    program = (
        "import sys, time, glmtts; next(glmtts.load(sys.argv[1] or None).stream('Hello.'));"
        "print(time.clock_gettime(time.CLOCK_MONOTONIC))"
    )
    for _ in range(2):
        started = time.clock_gettime(time.CLOCK_MONOTONIC)
        command = [sys.executable, "-c", program, str(model or "")]
        taken = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) - started
    return taken


def speed(model: Path | None) -> dict[str, Any]:
    """Start, real-time factor of one long sentence, memory and size; to be measured on a machine that rests."""
    start_up = seconds_to_first_sample(model)
    tts = glmtts.load(model)
    tts.say("Hello.")
    factors, lengths = [], []
    for seed in range(LONG_TIMES):  # some are decoded again, and take longer
        started = time.perf_counter()
        lengths.append(tts.say(TEN_SECONDS, seed=seed).seconds)
        factors.append((time.perf_counter() - started) / lengths[-1])
    return {
        **environment(),
        "bundle_megabytes": round(sum(f.stat().st_size for f in tts.bundle.folder.rglob("*") if f.is_file()) / 1e6, 1),
        "start_to_first_sample_seconds": round(start_up, 2),
        "long_sentence_seconds": round(float(np.median(lengths)), 1),
        "long_sentence_real_time_factor": round(float(np.median(factors)), 3),
        "long_sentence_real_time_factor_max": round(max(factors), 3),
        "peak_gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
    }


def quality(model: Path | None, whisper: Path, corpus: Path, lines: int) -> dict[str, Any]:
    """Errors and lengths of both languages, a process each, and the similarity of clones."""
    with ProcessPoolExecutor(len(UNITS), multiprocessing.get_context("spawn")) as pool:
        runs = {lang: pool.submit(measure_language, model, whisper, corpus, lang, lines) for lang in UNITS}
        languages = {lang: run.result() for lang, run in runs.items()}
    tts = glmtts.load(model)
    asr = WhisperModel(str(whisper), compute_type="float32")
    return {**environment(), "model": tts.bundle.config.name, **languages, "similarity": similarity(tts, asr, corpus)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--whisper", type=Path, required=True, help="folder of a CTranslate2 Whisper-base")
    parser.add_argument("--lines", type=int, default=100, help="lines a language")
    parser.add_argument("--model", type=Path, help="a bundle; the embedded one by default")
    parser.add_argument("--part", choices=("speed", "quality"), help="measure this part, and keep the other's figures")
    given = parser.parse_args()
    parts = {
        "speed": lambda: speed(given.model),
        "quality": lambda: quality(given.model, given.whisper, given.corpus, given.lines),
    }
    path = RESULTS / "mini_quality.json"
    result = json.loads(path.read_text(encoding="utf-8")) if given.part else {}
    write_result("mini_quality", result | {name: parts[name]() for name in ([given.part] if given.part else parts)})


if __name__ == "__main__":
    main()
