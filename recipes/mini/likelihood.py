"""How well words survive a vocoder: what Whisper gives the true text of copies, beside the embedded vocoder's copies.

    python recipes/mini/likelihood.py CORPUS --whisper WHISPER --out RESULT.json --lines 40 RUN [RUN ...]

CORPUS is a folder with an index.jsonl and recordings, RUN that of a training, WHISPER a model in CTranslate2's format.
Each recording goes through `mini`'s tokens and flow, and its mel through the embedded vocoder and through that of each
run. Measured is the mean negative log-likelihood a token of the true text: of forty lines it tells vocoders apart whose
error rates do not. Needs the extra [eval].
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

import glmtts
import glmtts.tasks
from glmtts.audio.io import load_audio
from glmtts.audio.resample import resample
from glmtts.eval.hardware import environment
from glmtts.eval.systems.copies import flow_mel
from glmtts.programs import (
    a_folder,
    file_to_write,
    parser_of,
    read_index,
    recording,
    run_program,
    whole_from,
    write_text,
)
from glmtts.synthesis.voice import voice_of
from glmtts.training.weights import trained_model

LEAST = 1e-6  # a probability that Whisper gives as 0


class Likelihood:
    """What Whisper gives a text where it hears samples."""

    def __init__(self, model: Path) -> None:
        from faster_whisper import WhisperModel

        self._whisper = WhisperModel(str(model), device="cpu", compute_type="float32", cpu_threads=1)

    def __call__(self, samples_T: Tensor, rate: int, text: str, language: str) -> float:
        """Mean negative log-likelihood a token."""
        from faster_whisper.audio import pad_or_trim
        from faster_whisper.tokenizer import Tokenizer

        whisper, wave_T = self._whisper, resample(samples_T, rate, 16000).numpy()
        encoded = whisper.encode(pad_or_trim(whisper.feature_extractor(wave_T)))
        tokenizer = Tokenizer(whisper.hf_tokenizer, True, task="transcribe", language=language)
        ids = tokenizer.encode(f" {text}" if language == "en" else text)
        found = whisper.model.align(encoded, tokenizer.sot_sequence, [ids], [len(wave_T) // 160])[0]
        return float(-np.log(np.maximum(LEAST, found.text_token_probs)).mean())


@torch.inference_mode()
def measure(corpus: Path, lines: int, vocoders: dict[str, Callable[[Tensor], Tensor]], heard: Likelihood) -> np.ndarray:
    """Negative log-likelihoods (recording and vocoders, lines)."""
    tts, found = glmtts.load(), []
    rate = tts.bundle.clock.sample_rate
    for seed, record in enumerate(tqdm(read_index(corpus)[:lines], corpus.name)):
        original, text = load_audio(recording(corpus, record), rate), record["text"]
        mel = flow_mel(tts, voice_of(tts.bundle, original, text), seed)
        copies = [vocoder(mel)[0].clamp(-1, 1) for vocoder in vocoders.values()]
        found.append([heard(one, rate, text, record["lang"]) for one in (original, *copies)])
    return np.array(found).T


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the means with the paired differences to the embedded vocoder and their standard errors."""
    parser = parser_of(__doc__)
    parser.add_argument("corpus", type=a_folder, help="a folder with an index.jsonl and recordings")
    parser.add_argument("runs", type=a_folder, help="folders of trainings", nargs="+")
    parser.add_argument("--whisper", type=a_folder, required=True)
    parser.add_argument("--out", type=file_to_write, required=True)
    parser.add_argument("--lines", type=whole_from(2), default=40)
    chosen = parser.parse_args(arguments)
    vocoders: dict[str, Any] = {"embedded": glmtts.load().bundle.vocoder}
    vocoders |= {run.name: trained_model(run).eval() for run in chosen.runs}
    recordings, embedded, *others = measure(chosen.corpus, chosen.lines, vocoders, Likelihood(chosen.whisper))
    result: dict[str, Any] = {"recordings": round(recordings.mean(), 4), "embedded": round(embedded.mean(), 4)}
    for run, one in zip(chosen.runs, others, strict=True):
        error = (one - embedded).std(ddof=1) / len(one) ** 0.5
        more = {"more_than_embedded": round((one - embedded).mean(), 4), "standard_error": round(error, 4)}
        result[run.name] = {"mean": round(one.mean(), 4), **more}
    result = {**environment(), "corpus": chosen.corpus.name, "lines": chosen.lines, **result}
    write_text(chosen.out, json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    run_program(main)
