"""The same seconds of speech through every vocoder of an ablation, as spectrograms side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from runs import Ablated

from glmtts.audio.io import load_audio
from glmtts.eval.items import Item
from glmtts.programs import write_whole

PICTURE = Path(__file__).parents[2] / "docs" / "ablations_vocoder.png"
RATE, SECONDS = 24000, 2.5
QUIETEST_DB = -90  # below the loudest: where 16 bits end


def write_picture(runs: Sequence[Ablated], item: Item) -> None:
    """Draw the recording of a line and its copies up to 12 kHz."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    assert item.reference_audio is not None
    paths = {"recording": item.reference_audio} | {run.name: run.folder / "copies" / f"{item.id}.wav" for run in runs}
    columns = 2
    rows = -(-len(paths) // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(11, 2.1 * rows), sharex=True, sharey=True, squeeze=False)
    for place, (name, path) in zip(axes.flat, paths.items(), strict=False):
        wave = load_audio(path, RATE)[: int(SECONDS * RATE)].numpy()
        frames = np.lib.stride_tricks.sliding_window_view(wave, 1024)[::240]
        level = 20 * np.log10(np.abs(np.fft.rfft(frames * np.hanning(1024))).T + 1e-9)
        extent = (0, len(wave) / RATE, 0, RATE / 2000)
        loudest = level.max()
        place.imshow(
            level, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=loudest + QUIETEST_DB, vmax=loudest
        )
        place.set_title(name.replace("_", " "), fontsize=9)
    for place in axes.flat[len(paths) :]:
        place.axis("off")
    figure.supxlabel("seconds", fontsize=9)
    figure.supylabel("kHz", fontsize=9)
    figure.tight_layout()
    write_whole(PICTURE, lambda path: figure.savefig(path, dpi=90))
