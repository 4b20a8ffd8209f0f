"""Speak the samples of the README anew, with the code and the embedded model as they are.

    python docs/samples/make.py

The texts stand in samples.toml; recording.opus is LJ001-0005 of LJSpeech, in the public domain.
"""

import tomllib
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

import glmtts
from glmtts.programs import parser_of, run_program

FOLDER = Path(__file__).parent


def spoken(tts: glmtts.Synthesizer, sample: dict[str, Any]) -> glmtts.Audio:
    """A sample as its table says: whole or streamed, in a voice of the model or a cloned one."""
    cloned = "recording" in sample
    voice = tts.voice(FOLDER / sample["recording"], sample["recording_text"]) if cloned else tts.voice(sample["voice"])
    if not sample.get("stream"):
        return tts.say(sample["text"], voice)
    chunks = list(tts.stream(sample["text"], voice))
    return glmtts.Audio(torch.cat([chunk.samples for chunk in chunks]), chunks[0].rate, chunks[0].model)


def main() -> None:
    parser_of(__doc__).parse_args()
    tts = glmtts.load()
    table = tomllib.loads((FOLDER / "samples.toml").read_text(encoding="utf-8"))
    for sample in tqdm(table["sample"], unit="sample"):
        spoken(tts, sample).save(FOLDER / sample["file"])


if __name__ == "__main__":
    run_program(main)
