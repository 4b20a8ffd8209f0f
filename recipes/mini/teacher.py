"""Speak more Mandarin with the open Kokoro-82M (Apache-2.0), to train `mini` on.

    python recipes/mini/teacher.py --model kokoro-v1.0.int8.onnx --vocab vocab.json \
        --voices voices/ --sentences sentences.json --exclude heldout_zh.txt --out more_zh

With `--scramble 0.35` that share of the characters, and most polyphones, give way to others that have one reading: a
model that learns from such lines says the phonemes that it is given, not the word that it expects.

With `--short`, lines are clauses of at most five characters and the sentences' single words.

Writes one Opus file a line and an `index.jsonl` in the format of the other corpora. Resumable: lines that
are in the index already are not spoken again. Several processes may share the work (`--shard 0/2`).
"""

import json
import random
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from corpora import add_recording
from sentences import read_sentences
from short_lines import clauses_of, short_lines
from tqdm import tqdm

from glmtts.errors import DataError
from glmtts.eval.text.tables import read_text
from glmtts.programs import a_file, a_folder, folder_to_fill, number_from, parser_of, read_rows, run_program, whole_from
from glmtts.text.vocabulary import polyphones, safe_characters

MAX_PHONEMES = 400
PARTICLES, POLYPHONE_SHARE = "的了不一得地着们吗呢吧啊", 0.8


def lines_of(records: Sequence[dict[str, Any]], held_out: str, seed: int) -> list[str]:
    """One to three everyday sentences a line, shuffled; sentences that stand in `held_out` never appear."""
    texts = [record["chinese"] for record in records if record["chinese"] not in held_out]
    rng = random.Random(seed)
    rng.shuffle(texts)
    lines = []
    while texts:
        count = rng.choice((1, 2, 2, 3))
        lines.append("".join(texts[:count]))
        texts = texts[count:]
    return lines


def short_lines_of(records: Sequence[dict[str, Any]], held_out: str, seed: int) -> list[str]:
    """Clauses of at most five characters, and words of the sentences alone."""
    clauses = clauses_of((record["chinese"] for record in records), 5, "。")
    words = (f"{token['word']}。" for record in records for token in record.get("tokens", ()))
    return short_lines(clauses, words, held_out, seed)


def scrambled(line: str, share: float, pool: Sequence[str], rng: random.Random) -> str:
    """`line` with characters of `pool` in places; what is no character, and the commonest particles, stay."""
    return "".join(rng.choice(pool) if rng.random() < _share(character, share) else character for character in line)


def _share(character: str, share: float) -> float:
    if character in PARTICLES:
        return 0.0
    return POLYPHONE_SHARE if character in polyphones() else share if character in safe_characters() else 0.0


class Kokoro:
    """The ONNX export of Kokoro-82M with its voice tables of shape (510, 1, 256)."""

    def __init__(self, model: Path, vocab: Path, voices: Path) -> None:
        import onnxruntime  # the help of the programs needs neither
        from misaki import zh

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(model), options)
        self.vocab: dict[str, int] = json.loads(vocab.read_text(encoding="utf-8"))["vocab"]
        self.g2p = zh.ZHG2P()
        self.voices = {
            path.stem: np.fromfile(path, dtype=np.float32).reshape(-1, 1, 256)
            for path in sorted(voices.glob("z[fm]_*.bin"))
        }
        if len(self.voices) < 2:
            raise DataError(
                f"{voices} has {len(self.voices)} Mandarin voices, z[fm]_*.bin. Give a folder with two or more."
            )

    def speak(self, text: str, voice: np.ndarray, speed: float) -> tuple[np.ndarray, str]:
        """Samples at 24 kHz and the phonemes that were spoken."""
        phonemes = self.g2p(text)[0]
        ids = [self.vocab[symbol] for symbol in phonemes if symbol in self.vocab][:MAX_PHONEMES]
        feeds = {
            "tokens": np.array([[0, *ids, 0]], dtype=np.int64),
            "style": voice[len(ids)],
            "speed": np.array([speed], dtype=np.float32),
        }
        return self.session.run(None, feeds)[0], phonemes


def pick_voice(kokoro: Kokoro, rng: random.Random) -> tuple[str, np.ndarray]:
    """A pure voice half of the time, else a weighted mixture of two, so that speakers are many."""
    first, second = rng.sample(sorted(kokoro.voices), 2)
    if rng.random() < 0.5:
        return first, kokoro.voices[first]
    weight = round(rng.uniform(0.35, 0.65), 2)
    mixture = weight * kokoro.voices[first] + (1 - weight) * kokoro.voices[second]
    return f"{first}*{weight}+{second}*{1 - weight:.2f}", mixture


def add_kokoro(parser: ArgumentParser) -> None:
    """Add the arguments of `Kokoro`."""
    parser.add_argument("--model", type=a_file, required=True, help="the ONNX export of Kokoro-82M")
    parser.add_argument("--vocab", type=a_file, required=True, help="its vocab.json")
    parser.add_argument("--voices", type=a_folder, required=True, help="its voices, z[fm]_*.bin")


def shard_of(text: str) -> tuple[int, int]:
    """A type of arguments: one part of several, such as 0/2 and 1/2."""
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and int(number) < int(count)):
        raise ArgumentTypeError(f"'{text}' is no part of the work. Write 0/2 for the first of two, 1/2 for the second")
    return int(number), int(count)


def main() -> None:
    parser = parser_of(__doc__)
    add_kokoro(parser)
    parser.add_argument("--sentences", type=a_file, required=True, help="sentences.json of hsk-sentences-audio")
    parser.add_argument("--out", type=folder_to_fill, required=True, help="the corpus")
    parser.add_argument("--exclude", type=a_file, nargs="+", required=True, help="texts that are measured with")
    parser.add_argument("--shard", type=shard_of, default=(0, 1), help="this process's part of the work, such as 0/2")
    parser.add_argument("--scramble", type=number_from(0, 1), default=0.0, help="share of characters to replace")
    parser.add_argument("--short", action="store_true", help="lines of one word to a short clause")
    parser.add_argument("--seed", type=whole_from(0), default=7)
    arguments = parser.parse_args()
    shard, shards = arguments.shard
    arguments.out.mkdir(parents=True, exist_ok=True)
    index = arguments.out / f"index.{shard}.jsonl"
    done = {record["id"] for record in read_rows(index)}
    kokoro = Kokoro(arguments.model, arguments.vocab, arguments.voices)
    make = short_lines_of if arguments.short else lines_of
    records = read_sentences(arguments.sentences)
    held_out = "\n".join(map(read_text, arguments.exclude))
    lines = make(records, held_out, arguments.seed)
    if arguments.scramble:
        pool = sorted(safe_characters() - set(PARTICLES))
        rng = random.Random(arguments.seed)
        lines = [scrambled(line, arguments.scramble, pool, rng) for line in lines]
    for number in tqdm(range(shard, len(lines), shards), desc="teacher", unit="line"):
        name = f"{arguments.out.name}_{arguments.seed}_{number:05d}"
        if name in done:
            continue
        rng = random.Random(f"{arguments.seed}/{number}")
        speaker, voice = pick_voice(kokoro, rng)
        speed = round(rng.uniform(0.9, 1.12), 2)
        samples, phonemes = kokoro.speak(lines[number], voice, speed)
        record = {
            "id": name,
            "lang": "zh",
            "text": lines[number],
            "speaker": speaker,
            "speed": speed,
            "teacher_phonemes": phonemes,
        }
        add_recording(index, record, samples)


if __name__ == "__main__":
    run_program(main)
