"""What the judge of a bundle thinks of single candidates for held-out texts.

    python recipes/rl/judged.py CORPUS BUNDLE … [--lines 50] [--texts short.tsv] [--result OUT.json]

Eight candidates of every piece of heldout_en.txt and heldout_zh.txt, drawn as the bundle speaks, each on its own:
the mean cost in nats a phoneme, the share with a fault, and how many the bundle would draw for a piece, its drafts in
turn and then those that compete. Nothing is rendered. The judge is the bundle's own: what it rewarded it also finds
here, so errors are for another recogniser (measure.py). `--texts` takes other texts: language, tab, text.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import UNITS, VOICES, candidates_of, lines_of, tell
from tqdm import tqdm

import glmtts
from glmtts.judging.judge import Verdict
from glmtts.programs import a_file, a_folder, file_to_write, parser_of, run_program, whole_from
from glmtts.rl.prompts import Line, read_lines
from glmtts.synthesis.segment import Prompter
from glmtts.synthesis.settings import SynthesisDefaults
from glmtts.synthesis.tries import tries
from glmtts.text.normalisation.languages import Language

COUNT = 8


def texts_of(path: Path) -> Iterator[tuple[str, int, str]]:
    """Language, number and text of the lines of a file."""
    for number, line in enumerate(read_lines(path)):
        yield line.language, number, line.text


def drawn(how: SynthesisDefaults, lang: Language, verdicts: Sequence[Verdict]) -> int:
    """How many candidates these verdicts lead to: drafts until one is good enough, else the first that compete."""
    count = 0
    for one in tries(how, lang):
        best = [
            not verdict.faults and verdict.nll <= one.max_nll for verdict in verdicts[count : count + one.candidates]
        ]
        count += one.candidates
        if one.competing or any(best):
            break
    return count


@torch.inference_mode()
def judged(folder: Path, lines: Sequence[tuple[str, int, str]]) -> dict[str, Any]:
    """The figures of one bundle by language."""
    tts = glmtts.load(folder)
    prompter = Prompter(tts.frontend, tts.bundle.audio_tokens)
    found: dict[str, list[list[Verdict]]] = {lang: [] for lang in UNITS}
    for lang, number, text in tqdm(lines, desc=folder.name):
        segments = tts.segments(tts.frontend.prepare(text, lang), VOICES[lang][number % len(VOICES[lang])], number, {})
        seeds = [1000 * place + number for place in range(COUNT)]
        groups = candidates_of(tts, Line(text, lang), segments, [seeds] * len(segments))
        for segment, answers in zip(segments, groups, strict=True):
            target = prompter.target(segment)
            found[lang].append([tts.judge.verdict(list(answer.tokens), target) for answer in answers])
    return {
        lang: {
            "pieces": len(pieces),
            "nats_a_phoneme": round(float(np.mean([one.nll for verdicts in pieces for one in verdicts])), 3),
            "with_a_fault": round(float(np.mean([bool(one.faults) for verdicts in pieces for one in verdicts])), 3),
            "drawn": round(
                float(np.mean([drawn(tts.defaults, "en" if lang == "en" else "zh", verdicts) for verdicts in pieces])),
                2,
            ),
        }
        for lang, pieces in found.items()
        if pieces
    }


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("corpus", type=a_folder)
    parser.add_argument("bundles", type=a_folder, nargs="+")
    parser.add_argument("--lines", type=whole_from(), default=50, help="lines a language")
    parser.add_argument("--texts", type=a_file, help="other texts than the held-out ones")
    parser.add_argument("--result", type=file_to_write, help="also write a result file here")
    given = parser.parse_args()
    lines = list(texts_of(given.texts) if given.texts else lines_of(given.corpus, given.lines))
    tell({folder.name: judged(folder, lines) for folder in given.bundles}, given.result)


if __name__ == "__main__":
    run_program(main)
