"""Ten minutes of English read into a FLAC as `glm-tts read` does: whether memory stays flat and the voice the same.

    python benchmarks/long_form.py --minutes 10

The text comes from a small grammar, sentence by sentence, until there is enough speech. Resident memory is taken after
each piece; what comes after the first minute should stay within 10 % of what it was there. The voice is compared by
Resemblyzer (extra [eval]): cosine of the prompt with the first and with the last minute. The prompt of a bundled voice
is heard through the vocoder, since the recording itself is not kept.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import torch
from mini_quality import voice_embedder
from report import environment, resident_mib, write_result
from tqdm import tqdm

import glmtts
from glmtts.audio.io import load_audio
from glmtts.synthesis.reading import read_book
from glmtts.synthesis.synthesizer import AUDIO_SUFFIXES

WINDOW, FLAT = 60.0, 0.10
WHO = ["the old captain", "my younger sister", "the village doctor", "a tall stranger", "the gardener", "our neighbor"]
DID = ["walked slowly", "came back", "looked up", "waited quietly", "told a story", "sat down"]
WHERE = ["by the river", "near the stone bridge", "in the kitchen", "under the apple trees", "at the station"]
WHEN = ["In the morning", "After supper", "On the last day of May", "Before the rain came", "Late that night"]
THEN = ["and nobody said a word", "while the children were asleep", "because the road was long and dark"]
SHORT = ["It was cold.", "The bells rang twice.", "What a quiet evening it was!", "Who could have known?"]


def sentences(seed: int) -> Iterator[str]:
    """Sentences without end; every fifth is a short one."""
    draw = random.Random(seed)
    while True:
        for _ in range(4):
            when, who, did, where, then = (draw.choice(words) for words in (WHEN, WHO, DID, WHERE, THEN))
            yield f"{when} {who} {did} {where}, {then}. "
        yield f"{draw.choice(SHORT)}\n"


class Watch:
    """How much has been read, and the memory after each piece."""

    def __init__(self, out: Path, rate: int, seconds: float) -> None:
        self._audio, self._rate = out.with_name(f".{out.name}.part") / "audio.raw", rate
        self._bar = tqdm(total=round(seconds), unit="s", desc="reading")
        self.memory: list[tuple[float, float]] = []

    @property
    def seconds(self) -> float:
        """Seconds of audio on the disk."""
        return self._audio.stat().st_size / 2 / self._rate if self._audio.exists() else 0.0

    def piece(self, text: str) -> None:
        """Called after each piece."""
        self.memory.append((round(self.seconds, 1), round(resident_mib(), 1)))
        self._bar.update(int(self.seconds) - self._bar.n)

    def summary(self) -> dict[str, object]:
        """Memory at the first minute (of a shorter reading: at its half) and the least and most after it."""
        moment = min(WINDOW, self.memory[-1][0] / 2)
        after = [mib for seconds, mib in self.memory if seconds >= moment]
        flat = all(abs(mib / after[0] - 1) <= FLAT for mib in after)
        least_most = [min(after), max(after)]
        return {"memory_mib_at_one_minute": after[0], "memory_mib_least_most_after": least_most, "memory_flat": flat}


def similarities(tts: glmtts.Synthesizer, voice: str, out: Path) -> dict[str, float]:
    """Cosine of the prompt with the first and with the last minute of `out`."""
    embed = voice_embedder()
    with soundfile.SoundFile(out) as file:
        window, rate = min(int(WINDOW * file.samplerate), len(file)), file.samplerate
        first = embed(file.read(window, dtype="float32"), rate)
        file.seek(len(file) - window)
        last = embed(file.read(window, dtype="float32"), rate)
    prompt = embed(prompt_samples(tts, voice, rate), rate)
    return {
        "prompt_and_first_minute": round(float(prompt @ first), 3),
        "prompt_and_last_minute": round(float(prompt @ last), 3),
        "first_and_last_minute": round(float(first @ last), 3),
    }


@torch.inference_mode()
def prompt_samples(tts: glmtts.Synthesizer, voice: str, rate: int) -> np.ndarray:
    """Samples (T,) of the recording, or of the voice's mel through the vocoder."""
    if Path(voice).suffix.lower() in AUDIO_SUFFIXES:
        return load_audio(voice, rate).numpy()
    return tts.bundle.vocoder(tts.voice(voice).mel[None])[0].numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--model", type=Path, help="a bundle; the embedded one by default")
    parser.add_argument("--voice", default="heart", help="as of `glm-tts read`")
    parser.add_argument("--output", type=Path, help="where the FLAC stays; else it is removed")
    arguments = parser.parse_args()
    tts = glmtts.load(arguments.model)
    with tempfile.TemporaryDirectory() as folder:
        out = arguments.output or Path(folder) / "long.flac"
        watch = Watch(out, tts.bundle.config.sample_rate, 60 * arguments.minutes)

        def text() -> Iterator[str]:
            for sentence in sentences(0):
                if watch.seconds >= 60 * arguments.minutes:
                    return
                yield sentence

        started = time.perf_counter()
        seconds = read_book(tts, text(), out, arguments.voice, progress=watch.piece, restart=True)
        taken = time.perf_counter() - started
        result = {
            **environment(),
            "model": tts.bundle.config.name,
            "voice": arguments.voice,
            "seconds_of_audio": round(seconds, 1),
            "pieces": len(watch.memory),
            "real_time_factor": round(taken / seconds, 3),
            **watch.summary(),
            **similarities(tts, arguments.voice, out),
        }
    write_result("long_form", result)


if __name__ == "__main__":
    main()
