"""The forced Mandarin readings as the teacher speaks them: what a judge lets a model reach.

    python recipes/mini/forced_teacher.py --model kokoro-v1.0.int8.onnx --vocab vocab.json --voices voices/ --out FOLDER
    glm-tts eval forced --asr whisper:FOLDER_OF_WHISPER -s mini -s teacher=recordings:FOLDER

Kokoro, from whose speech `mini` learnt, reads each sentence of the forced readings with a character of the reading
written in its place. Lines for whose reading there is no frequent character are left out. Needs onnxruntime and
misaki[zh].
"""

import torch
from teacher import Kokoro, add_kokoro
from tqdm import tqdm

from glmtts.audio.io import write_audio
from glmtts.eval.protocols import load
from glmtts.eval.protocols.base import Settings
from glmtts.eval.protocols.forced import readings_of
from glmtts.programs import folder_to_fill, parser_of, run_program

VOICES = ("zf_xiaoxiao", "zf_xiaoyi", "zm_yunjian", "zm_yunxi")  # of which the bundle's Mandarin voices are made
RATE = 24000  # Kokoro's


def main() -> None:
    parser = parser_of(__doc__)
    add_kokoro(parser)
    parser.add_argument("--out", type=folder_to_fill, required=True, help="where the recordings go")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    kokoro = Kokoro(arguments.model, arguments.vocab, arguments.voices)
    items = [item for one in load("forced").lists(Settings()) for item in one.items if item.language == "zh"]
    for item in tqdm(items, desc="teacher", unit="line"):
        path = arguments.out / f"{item.id}.flac"
        readings = readings_of([item.labels["kind"], item.labels["marked"], item.labels["forced"]])
        if readings is None or path.is_file():
            continue
        voice = kokoro.voices[VOICES[item.number % len(VOICES)]]
        samples, _ = kokoro.speak(readings[item.labels["unit"]][0], voice, 1.0)
        write_audio(path, torch.from_numpy(samples), RATE)


if __name__ == "__main__":
    run_program(main)
