"""What the judge of a bundle thinks of single candidates for held-out texts.

    python recipes/rl/judged.py CORPUS BUNDLE … [--lines 50] [--result OUT.json]

Eight candidates of every piece of heldout_en.txt and heldout_zh.txt, drawn as the bundle speaks, each on its own:
the mean cost in nats a phoneme, and the share with a fault. Nothing is rendered. The judge is the bundle's own: what
it rewarded it also finds here, so errors are for another recogniser (measure.py).
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import UNITS, VOICES, candidates_of, lines_of, tell
from tqdm import tqdm

import glmtts
from glmtts.judging.judge import Verdict
from glmtts.rl.prompts import Line
from glmtts.synthesis.segment import Prompter

COUNT = 8


@torch.inference_mode()
def judged(folder: Path, corpus: Path, lines: int) -> dict[str, Any]:
    """The figures of one bundle by language."""
    tts = glmtts.load(folder)
    prompter = Prompter(tts.frontend, tts.bundle.audio_tokens)
    found: dict[str, list[list[Verdict]]] = {lang: [] for lang in UNITS}
    for lang, number, text in tqdm(list(lines_of(corpus, lines)), desc=folder.name):
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
        }
        for lang, pieces in found.items()
        if pieces
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("bundles", type=Path, nargs="+")
    parser.add_argument("--lines", type=int, default=50, help="lines a language")
    parser.add_argument("--result", type=Path, help="also write a result file here")
    given = parser.parse_args()
    tell({folder.name: judged(folder, given.corpus, given.lines) for folder in given.bundles}, given.result)


if __name__ == "__main__":
    main()
