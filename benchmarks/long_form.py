"""Ten minutes of English read into a FLAC as `glm-tts read` does: whether memory stays flat, and how fast it is.

    python benchmarks/long_form.py --minutes 10

The text comes from a small grammar, sentence by sentence, until there is enough speech. Resident memory is taken after
each piece; what comes after the first minute should stay within 10 % of what it was there. Whether the voice drifts is
`glm-tts eval long-form`.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from report import environment, resident_mib, write_result
from tqdm import tqdm

import glmtts
from glmtts.eval.long_text import sentences
from glmtts.programs import a_folder, file_to_write, number_from, parser_of, run_program
from glmtts.synthesis.reading import read_book

WINDOW, FLAT = 60.0, 0.10


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


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--minutes", type=number_from(above=True), default=10)
    parser.add_argument("--model", type=a_folder, help="a bundle; the embedded one by default")
    parser.add_argument("--voice", default="heart", help="as of `glm-tts read`")
    parser.add_argument("--output", type=file_to_write, help="where the FLAC stays; else it is removed")
    arguments = parser.parse_args()
    tts = glmtts.load(arguments.model)
    with tempfile.TemporaryDirectory() as folder:
        out = arguments.output or Path(folder) / "long.flac"
        watch = Watch(out, tts.bundle.config.sample_rate, 60 * arguments.minutes)

        def text() -> Iterator[str]:
            for sentence in sentences("en"):
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
        }
    write_result("long_form", result)


if __name__ == "__main__":
    run_program(main)
