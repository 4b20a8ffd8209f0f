"""Folders that must not be trained on, made from two corpora, and what the checks say of each.

    python recipes/voices/bad_data.py --one CORPUS/ljspeech --other CORPUS/aishell --work WORK

Writes WORK/CASE with a few recordings each and prints one sentence a case.
"""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import soundfile
import torch
from torch import Tensor

from glmtts.audio.io import load_audio
from glmtts.bundle import Bundle
from glmtts.errors import DataError, VoiceError
from glmtts.programs import (
    a_folder,
    folder_to_fill,
    parser_of,
    read_index,
    recording,
    run_program,
    write_text,
    write_whole,
)
from glmtts.voices.train import prepare

RATE, FILES = 24000, 6
Line = tuple[Tensor, str]


def lines_of(corpus: Path, count: int, skipped: int = 0) -> list[Line]:
    """Recordings of four to eight seconds with their texts."""
    records = read_index(corpus)
    clear = (r for r in records if 4 <= r["seconds"] <= 8 and not any(sign.isdigit() for sign in r["text"]))
    chosen = list(itertools.islice(clear, skipped, skipped + count))
    if len(chosen) < count:
        raise DataError(f"{corpus} has too few recordings of 4 to 8 s without digits. Give another corpus.")
    return [(load_audio(recording(corpus, record), RATE), record["text"]) for record in chosen]


def music(number: int) -> Tensor:
    """Six seconds of chords that fade."""
    time = torch.arange(6 * RATE) / RATE
    roots = [110 * 2 ** ((note + number) / 12) for note in (0, 5, 7, 3)]
    chords = [sum(torch.sin(2 * torch.pi * f * k * time) / k for f in (a, 1.25 * a, 1.5 * a) for k in range(1, 8))
              for a in roots]  # fmt: skip
    beat = (time / (0.4 + 0.1 * number)).long() % 4
    wave = sum(chord * (beat == place) for place, chord in enumerate(chords))
    return 0.4 * wave / wave.abs().max() * torch.exp(-(time % (0.4 + 0.1 * number)))


def cases(one: Path, other: Path) -> dict[str, list[Line]]:
    """Recordings by what is wrong with them."""
    good, texts = lines_of(one, FILES), [text for _, text in lines_of(one, FILES, FILES)]
    change: Callable[[Callable[[Tensor], Tensor]], list[Line]] = lambda how: [(how(w), t) for w, t in good]  # noqa: E731
    return {
        "music": [(music(number), text) for number, text in enumerate(texts)],
        "two_speakers": [*good[: FILES // 2], *lines_of(other, FILES // 2)],
        "wrong_texts": [(wave, text) for (wave, _), text in zip(good, texts, strict=True)],
        "twenty_seconds": good[:3],
        "silence": change(torch.zeros_like),
        "clipped": change(lambda wave: (5 * wave / wave.abs().max()).clamp(-1, 1)),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--one", type=a_folder, required=True, help="a corpus of one speaker, with index.jsonl")
    parser.add_argument("--other", type=a_folder, required=True, help="a corpus of others")
    parser.add_argument("--work", type=folder_to_fill, required=True)
    chosen = parser.parse_args(arguments)
    bundle = Bundle.open()
    for case, lines in cases(chosen.one, chosen.other).items():
        folder = chosen.work / case / "recordings"
        folder.mkdir(parents=True, exist_ok=True)
        for number, (wave, text) in enumerate(lines):
            path = folder / f"line{number}.wav"
            if not path.exists():
                write_text(path.with_suffix(".txt"), text)
                write_whole(path, lambda part, wave=wave: soundfile.write(part, wave.numpy(), RATE))
        try:
            prepare(folder, chosen.work / case, bundle)
            print(f"{case}: NOT REFUSED")
        except VoiceError as error:
            print(f"{case}: {error}")


if __name__ == "__main__":
    run_program(main)
