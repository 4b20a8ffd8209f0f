"""Draw a sentence spoken by `mini` as a log-mel spectrogram, for the README.

python recipes/mini/spectrogram.py docs/spectrogram.png
"""

import glmtts
from glmtts.audio.mel import LogMel, MelConfig
from glmtts.programs import file_to_write, parser_of, run_program, write_whole

TEXT = "The rain in Spain stays mainly in the plain."


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("picture", type=file_to_write, help="the file, such as docs/spectrogram.png")
    arguments = parser.parse_args()
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    audio = glmtts.load().say(TEXT)
    mel = LogMel(MelConfig())(audio.samples[None])[0]
    figure, axes = pyplot.subplots(figsize=(9, 2.6))
    axes.imshow(mel.numpy(), origin="lower", aspect="auto", extent=(0, audio.seconds, 0, 80), cmap="magma")
    axes.set(xlabel="seconds", ylabel="mel bin", title=f"mini: “{TEXT}”")
    figure.tight_layout()
    write_whole(arguments.picture, lambda path: figure.savefig(path, dpi=110))


if __name__ == "__main__":
    run_program(main)
