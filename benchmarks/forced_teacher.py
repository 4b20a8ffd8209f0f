"""The forced Mandarin readings of phoneme_in.py as the teacher speaks them: what this judge lets a model reach.

    PYTHONPATH=recipes/mini python benchmarks/forced_teacher.py --whisper whisper-base \\
        --model kokoro-v1.0.int8.onnx --vocab vocab.json --voices voices/

Kokoro, from whose speech `mini` learnt, reads each sentence of `data/forced.tsv` with a character of the forced reading
written in its place. Whisper hears these recordings, and what `mini` makes of their speech tokens by its flow and its
vocoder: the language model has no part in either. Needs the extra [eval], onnxruntime and misaki[zh]; results go to
benchmarks/results/forced_teacher.json.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from closed_choice import heard_reading
from faster_whisper import WhisperModel
from mini_quality import transcribe
from mini_stages import through_flow
from phoneme_in import WRITTEN, Heard, Row, forced_rows, is_chosen, readings_of, share
from report import environment, write_result
from teacher import Kokoro
from tqdm import tqdm

import glmtts
from glmtts.audio.resample import resample
from glmtts.synthesis.voice import voice_of

VOICES = ("zf_xiaoxiao", "zf_xiaoyi", "zm_yunjian", "zm_yunxi")  # of which the bundle's Mandarin voices are made
RATE = 24000  # Kokoro's


@torch.inference_mode()
def measure(tts: glmtts.Synthesizer, asr: WhisperModel, kokoro: Kokoro, rows: list[Row]) -> dict[str, Any]:
    """Shares of the readings of one kind that are heard, in the teacher's recordings and through `mini`'s stages."""
    heard: dict[str, list[Heard]] = {"teacher": [], "tokens_flow_vocoder": []}
    spoken = [(row, readings) for row in rows if (readings := readings_of(row))]
    own = tts.bundle.config.sample_rate
    for number, (row, readings) in enumerate(tqdm(spoken, desc=rows[0][0])):
        text = readings[row[2]][0]
        samples = torch.from_numpy(kokoro.speak(text, kokoro.voices[VOICES[number % len(VOICES)]], 1.0)[0])
        voice = voice_of(tts.bundle, resample(samples, RATE, own), text)
        versions = ((samples, RATE), (through_flow(tts, voice), own))
        for kept, (wave, rate) in zip(heard.values(), versions, strict=True):
            at_16k = resample(wave, rate, 16000).numpy()
            choice = heard_reading(asr, at_16k, "zh", readings)
            kept.append(Heard(transcribe(asr, at_16k, "zh").strip(), [], choice))
    judges = WRITTEN | {"chosen": is_chosen}
    return {"cases": len(spoken)} | {
        f"{stage}_{name}": share(judge, [row for row, _ in spoken], lines)
        for stage, lines in heard.items()
        for name, judge in judges.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--whisper", type=Path, required=True, help="folder of a CTranslate2 Whisper-base")
    parser.add_argument("--bundle", type=Path, help="a bundle; the embedded one by default")
    for name in ("model", "vocab", "voices"):
        parser.add_argument(
            f"--{name}", type=Path, required=True, help="Kokoro-82M, as recipes/mini/teacher.py takes it"
        )
    parser.add_argument("--lines", type=int, help="first lines of each kind of forced reading")
    arguments = parser.parse_args()
    tts = glmtts.load(arguments.bundle)
    asr = WhisperModel(str(arguments.whisper), compute_type="float32", cpu_threads=torch.get_num_threads())
    kokoro = Kokoro(arguments.model, arguments.vocab, arguments.voices)
    groups = forced_rows(arguments.lines)
    figures = {kind: measure(tts, asr, kokoro, rows) for kind, rows in groups.items() if kind != "english"}
    write_result("forced_teacher", environment() | {"lines": arguments.lines} | figures)


if __name__ == "__main__":
    main()
