"""Speak held-out lines with a voice and measure them, beside the speaker's own recordings of the same lines.

    python recipes/voices/measure.py --test WORK/ljspeech_20/test.jsonl --whisper whisper-base --out RESULT.json \\
        --voice VOICE.glmvoice | --model BUNDLE | --clone RECORDING --clone-text TEXT | --real

`--model` is a bundle that `--method full` wrote. `--real` measures the recordings themselves: what a perfect voice
would reach. Needs the extra [eval]. Whisper-base is a rough judge of Mandarin: its figures are compared by toned
syllables and beside those of the recordings. Similarity is measured by Resemblyzer, which no part of the model knows,
and by the bundle's CAM++, on whose embedding the flow is conditioned. Each line is measured once and kept: run it again
to go on.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lines import WORDS, units
from torch import Tensor
from tqdm import tqdm

import glmtts
from glmtts.audio.f0 import estimate_f0
from glmtts.audio.io import load_audio
from glmtts.audio.resample import resample
from glmtts.config import read_json
from glmtts.eval.hardware import commit
from glmtts.eval.scorers.clip import Clip
from glmtts.eval.scorers.nisqa import Nisqa
from glmtts.programs import a_file, a_folder, file_to_write, parser_of, read_index, run_program, whole_from, write_text
from glmtts.speaker.embed import SHORTEST_SECONDS
from glmtts.text.edits import edit_distance

RATE = 16000
OPINION_RATE = 24000  # of what the voices speak; NISQA hears bandwidth
ONSET_SECONDS = 0.5
LOUD = 0.02  # of the peak: speech begins there
REFERENCES = 10  # recordings whose mean embedding stands for the speaker
PROMPT = {"zh": "以下是普通话的句子。", "en": None}


def onset(wave_T: Tensor) -> Tensor:
    """The first half second of speech in samples (T,) at 16 kHz."""
    loud = (wave_T.abs() > LOUD * wave_T.abs().max()).nonzero()
    first = int(loud[0]) if len(loud) else 0
    # a word may be so short that CAM++ takes no more of it: then its last half second
    if len(wave_T) - first < SHORTEST_SECONDS * RATE:
        first = max(0, len(wave_T) - int(ONSET_SECONDS * RATE))
    heard = wave_T[first : first + int(ONSET_SECONDS * RATE)]
    # a voice that swallows a word is measured by what it said, with silence behind it
    return torch.nn.functional.pad(heard, (0, max(0, int(SHORTEST_SECONDS * RATE) - len(heard))))


class Embedders:
    """Speaker embeddings by two models, of length 1, of samples (T,) at 16 kHz."""

    def __init__(self, tts: glmtts.Synthesizer) -> None:
        from resemblyzer import VoiceEncoder, preprocess_wav

        encoder, speaker = VoiceEncoder("cpu", verbose=False), tts.bundle.speaker
        self.of: dict[str, Callable[[Tensor], np.ndarray]] = {
            "resemblyzer": lambda wave: encoder.embed_utterance(preprocess_wav(wave.numpy(), source_sr=RATE)),
            "campplus": lambda wave: speaker.embed(wave).numpy(),
        }
        # half a second has no second window, and trimming could take all of it
        self.of_onset = {**self.of, "resemblyzer": lambda wave: encoder.embed_utterance(wave.numpy())}

    @staticmethod
    def centres(of: dict[str, Callable[[Tensor], np.ndarray]], waves: Sequence[Tensor]) -> dict[str, np.ndarray]:
        """The unit mean of several recordings by each model."""
        means = {name: np.mean([embed(wave) for wave in waves], axis=0) for name, embed in of.items()}
        return {name: mean / np.linalg.norm(mean) for name, mean in means.items()}


def f0_figures(wave_T: Tensor) -> dict[str, float]:
    """Median F0 in Hz, and its standard deviation in semitones."""
    f0 = estimate_f0(wave_T, RATE, 100)
    voiced = f0[f0 > 0]
    if len(voiced) < 2:
        return {}
    return {"f0_hz": float(voiced.median()), "f0_semitones": float(12 * voiced.log2().std())}


def measured(
    wave_T: Tensor, text: str, lang: str, asr: Any, embedders: Embedders, centres: dict[str, np.ndarray]
) -> dict[str, Any]:
    """What is measured of one spoken line (T,) at 16 kHz."""
    parts, _ = asr.transcribe(wave_T.numpy(), language=lang, beam_size=5, initial_prompt=PROMPT[lang])
    heard, wanted = units("".join(part.text for part in parts), lang), units(text, lang)
    likeness = {name: float(embed(wave_T) @ centres[name]) for name, embed in embedders.of.items()}
    errors = {"edits": edit_distance(heard, wanted), "units": len(wanted)}
    return {"seconds": len(wave_T) / RATE, **errors, **likeness, **f0_figures(wave_T)}


def add_opinions(lines: dict[str, dict[str, Any]], files: Sequence[Path], weights: Path) -> None:
    """Add `nisqa`, the predicted opinion from 1 to 5, to the lines that have none; all are heard at one sample rate."""
    scorer = Nisqa(weights)
    for number, file in enumerate(files):
        if "nisqa" not in lines[str(number)]:
            clip = Clip(str(number), load_audio(file, OPINION_RATE).numpy(), OPINION_RATE, "", "")
            lines[str(number)]["nisqa"] = scorer.score([clip])[0]["nisqa_mos_pred"]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--test", type=a_file, required=True)
    parser.add_argument("--whisper", type=a_folder, required=True, help="folder of a CTranslate2 Whisper-base")
    parser.add_argument("--out", type=file_to_write, required=True)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--voice", type=a_file)
    which.add_argument("--model", type=a_folder)
    which.add_argument("--clone", type=a_file)
    which.add_argument("--real", action="store_true")
    parser.add_argument("--clone-text")
    parser.add_argument("--nisqa", type=a_file, help="nisqa.safetensors: also the opinion of NISQA on the lines")
    parser.add_argument("--lines", type=whole_from(), default=40)
    parser.add_argument("--words", type=whole_from(), default=30)
    chosen = parser.parse_args(arguments)
    measure_all(chosen)


def measure_all(chosen: argparse.Namespace) -> None:
    """Measure lines and words that have not been measured yet."""
    from faster_whisper import WhisperModel

    tts = glmtts.load(chosen.model)
    asr, embedders = WhisperModel(str(chosen.whisper), compute_type="float32", cpu_threads=1), Embedders(tts)
    records = read_index(chosen.test.parent, ("file", "text", "lang"), chosen.test.name)
    references = [load_audio(record["file"], RATE) for record in records[-REFERENCES:]]
    centres = embedders.centres(embedders.of, references)
    onsets = embedders.centres(embedders.of_onset, [onset(wave) for wave in references])
    source = chosen.voice or chosen.clone
    voice = None if chosen.real else tts.voice(source, chosen.clone_text)
    result = read_json(chosen.out) if chosen.out.exists() else {"commit": commit(), "lines": {}, "words": {}}
    lines, lang = records[: chosen.lines], records[0]["lang"]
    sounds = chosen.out.with_suffix("")
    sounds.mkdir(parents=True, exist_ok=True)

    def spoken(name: str, text: str, seed: int) -> Tensor:
        audio = tts.say(text, voice, seed=seed)
        audio.save(sounds / f"{name}.flac")
        return resample(audio.samples, audio.rate, RATE)

    for number, record in enumerate(tqdm(lines, desc=f"{chosen.out.stem} lines")):
        if str(number) not in result["lines"]:
            own = load_audio(record["file"], RATE)
            wave = own if chosen.real else spoken(f"line{number:02d}", record["text"], number)
            figures = measured(wave, record["text"], lang, asr, embedders, centres)
            result["lines"][str(number)] = {**figures, "own_seconds": len(own) / RATE}
            write_text(chosen.out, json.dumps(result, indent=1))
    if chosen.nisqa:
        files = [
            records[number]["file"] if chosen.real else sounds / f"line{number:02d}.flac"
            for number in range(len(lines))
        ]
        add_opinions(result["lines"], [Path(file) for file in files], chosen.nisqa)
        write_text(chosen.out, json.dumps(result, indent=1))
    words = [] if chosen.real else WORDS[lang][: chosen.words]
    waves = [onset(load_audio(record["file"], RATE)) for record in lines[: chosen.words]] if chosen.real else []
    for number in tqdm(range(len(words) or len(waves)), desc=f"{chosen.out.stem} words"):
        if str(number) not in result["words"]:
            wave = waves[number] if chosen.real else onset(spoken(f"word{number:02d}", words[number], number))
            likeness = {name: float(embed(wave) @ onsets[name]) for name, embed in embedders.of_onset.items()}
            result["words"][str(number)] = likeness
            write_text(chosen.out, json.dumps(result, indent=1))


if __name__ == "__main__":
    torch.set_num_threads(1)
    run_program(main)
