"""Draw a sentence spoken by `mini` as a log-mel spectrogram, for the README.

python recipes/mini/spectrogram.py docs/spectrogram.png
"""

import argparse
from pathlib import Path

import matplotlib
from matplotlib import pyplot

import glmtts
from glmtts.audio.mel import LogMel, MelConfig

TEXT = "The rain in Spain stays mainly in the plain."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("picture", type=Path)
    arguments = parser.parse_args()
    matplotlib.use("Agg")
    audio = glmtts.load().say(TEXT)
    mel = LogMel(MelConfig())(audio.samples[None])[0]
    figure, axes = pyplot.subplots(figsize=(9, 2.6))
    axes.imshow(mel.numpy(), origin="lower", aspect="auto", extent=(0, audio.seconds, 0, 80), cmap="magma")
    axes.set(xlabel="seconds", ylabel="mel bin", title=f"mini: “{TEXT}”")
    figure.tight_layout()
    figure.savefig(arguments.picture, dpi=110)


if __name__ == "__main__":
    main()
