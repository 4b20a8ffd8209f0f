"""Polyphones in everyday sentences: agreement with the pinyin of hsk-sentences-audio, odd sentences only.

    python benchmarks/everyday_polyphones.py sentences.json

Its pinyin comes from a dictionary and holds slips, so that the figure compares readers rather than tells how good one
is: the particles 地 and 得 are written di4 and de2 in it, for which reason there is a figure without them. The
classifier was trained on the even sentences; a look at the odd ones suggested some of the corrections.
"""

import argparse
import sys
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import torch
from report import environment, write_result

from glmtts.text.mandarin import dictionary_readings, read_pinyin
from glmtts.text.polyphones import polyphone_model

sys.path.append(str(Path(__file__).parents[1] / "recipes/text"))
from train_polyphones import read_everyday


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sentences", type=Path, help="sentences.json of the package hsk-sentences-audio")
    torch.set_num_threads(1)
    lines = read_everyday(parser.parse_args().sentences, set(), polyphone_model().candidates, odd=True)
    agreeing, without_particles, others = {"pypinyin": 0, "ours": 0}, {"pypinyin": 0, "ours": 0}, 0
    for text, places in groupby(lines, key=itemgetter(0)):
        readings = {"pypinyin": dictionary_readings(text), "ours": read_pinyin(text)}
        for _, position, label in places:
            other = text[position] not in "地得"
            others += other
            for name, found in readings.items():
                agreeing[name] += found[position] == label
                without_particles[name] += other and found[position] == label
    write_result(
        "everyday_polyphones",
        environment()
        | {
            "polyphones": len(lines),
            "agreement_percent": {name: round(100 * count / len(lines), 2) for name, count in agreeing.items()},
            "without_particles": others,
            "without_particles_percent": {
                name: round(100 * count / others, 2) for name, count in without_particles.items()
            },
        },
    )


if __name__ == "__main__":
    main()
