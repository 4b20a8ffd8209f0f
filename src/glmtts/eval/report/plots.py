"""Pictures of a report: means with their intervals, a picture a list, and log-mels of single utterances."""

from pathlib import Path
from typing import Any

from glmtts.audio.io import load_audio
from glmtts.audio.mel import LogMel, MelConfig
from glmtts.backends import backend
from glmtts.errors import AudioError, EvaluationError
from glmtts.eval.results import Results
from glmtts.eval.work import whole_file

PANELS = 4  # of a row
INSTALL = "pip install 'glm-tts[eval]'"


def plot_tables(results: Results, out: Path) -> list[str]:
    """A picture a list, a panel a column: points with intervals, a row a system. Gives the names of the pictures.

    Raises:
        EvaluationError: matplotlib is not installed, or the disk does not take them.
    """
    return [_plot(results, name, out) for name in results.lists]


def spectrogram(out: Path, one: dict[str, Any]) -> str | None:
    """The log-mel of an utterance's audio as a picture below `out`; gives its name, None for too short a sound.

    None too where the sound cannot be read: a report of figures alone is written after the recordings were deleted.
    """
    mel = MelConfig()
    try:
        samples = load_audio(out / one["audio"], mel.sample_rate)
    except AudioError:
        return None
    if len(samples) < mel.n_fft:
        return None
    figure, axes = _figure(1, 1, (8, 2.2))
    axes[0].imshow(LogMel(mel)(samples[None])[0].numpy(), origin="lower", aspect="auto", interpolation="nearest")
    axes[0].set_xlabel(f"frames of {1000 * mel.hop_length / mel.sample_rate:.0f} ms")
    axes[0].set_ylabel("mel bins")
    return _save(figure, out, f"pictures/{one['list']}_{one['system']}_{one['id']}.png")


def _plot(results: Results, name: str, out: Path) -> str:
    rows, columns = results.table_of(name)
    lines = -(-max(1, len(columns)) // PANELS)
    width = min(PANELS, max(1, len(columns)))
    figure, axes = _figure(lines, width, (3.2 * width + 1, lines * (0.35 * len(rows) + 1.2)))
    for axis, column in zip(axes, columns, strict=False):
        for place, row in enumerate(rows):
            if (point := _point(row["cells"].get(column["key"]), column["errors"])) is not None:
                middle, low, high = point
                # matplotlib refuses lengths below 0, and quantiles of resamples need not enclose the mean
                axis.errorbar(
                    middle, -place, xerr=[[max(0, middle - low)], [max(0, high - middle)]], fmt="o", capsize=3
                )
        axis.set_yticks([-place for place in range(len(rows))], [row["system"] for row in rows])
        axis.set_title(column["title"] + (" %" if column["errors"] else ""), fontsize=10)
    for axis in axes[len(columns) :]:
        axis.axis("off")
    return _save(figure, out, f"pictures/{name}.png")


def _point(cell: dict[str, Any] | None, errors: bool) -> tuple[float, float, float] | None:
    if cell is None:
        return None
    value = cell["all_counted"] if errors else cell["mean"]
    interval = cell["all_counted_interval" if errors else "interval"] or (value, value)
    scale = 100 if errors else 1
    return scale * value, scale * interval[0], scale * interval[1]


def _figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, list[Any]]:
    backend("matplotlib", "A report", INSTALL, EvaluationError)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # not by pyplot, which keeps every figure in a list of the process
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(rows, columns, squeeze=False).ravel())


def _save(figure: Any, out: Path, name: str) -> str:
    with whole_file(out / name) as temporary:
        # without the name of the program: equal figures stay equal files under another matplotlib
        figure.savefig(temporary, format="png", dpi=90, metadata={"Software": None})
    return name
