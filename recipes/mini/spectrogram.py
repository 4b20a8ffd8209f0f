"""Draw a sentence spoken by `mini` as a log-mel spectrogram, for the README.

python recipes/mini/spectrogram.py docs/spectrogram.png
"""

import sys

import matplotlib
from matplotlib import pyplot

import glmtts
from glmtts.audio.mel import LogMel, MelConfig

TEXT = "The rain in Spain stays mainly in the plain."


def main() -> None:
    matplotlib.use("Agg")
    audio = glmtts.load().say(TEXT)
    mel = LogMel(MelConfig())(audio.samples[None])[0]
    figure, axes = pyplot.subplots(figsize=(9, 2.6))
    axes.imshow(mel.numpy(), origin="lower", aspect="auto", extent=(0, audio.seconds, 0, 80), cmap="magma")
    axes.set(xlabel="seconds", ylabel="mel bin", title=f"mini: “{TEXT}”")
    figure.tight_layout()
    figure.savefig(sys.argv[1], dpi=110)


if __name__ == "__main__":
    main()
