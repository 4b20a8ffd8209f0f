"""What a run leaves to look at: CSV files, a plot of the loss, TensorBoard, audio samples, and W&B where asked for."""

import csv
import io
import logging
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import soundfile

from glmtts import durable
from glmtts.training.board import Board
from glmtts.training.config import RunConfig, writable
from glmtts.training.listening import Sound

logger = logging.getLogger(__name__)
WANDB_FILE = "wandb.id"


class Logs:
    """The logs of a run's folder; made by the first process alone. Rows after `step`, of a killed run, are dropped."""

    def __init__(self, config: RunConfig, step: int) -> None:
        self.out, self._plots = config.run.out, config.log.plot
        with writable(self.out):
            for name in ("log", "evaluation"):
                drop_rows_after(self._csv(name), step)
        self._board = Board(self.out, step) if config.log.tensorboard else None
        self._wandb = _wandb(config) if config.log.wandb_project else None

    def _csv(self, name: str) -> Path:
        return self.out / f"{name}.csv"

    def metrics(self, step: int, row: dict[str, float], kind: str = "log") -> None:
        """Write one row to `kind`.csv and to the other logs."""
        with writable(self.out):
            append_row(self._csv(kind), {"step": step, **row})
        named = {f"{kind}/{name}": value for name, value in row.items()}
        if self._board is not None:
            self._board.scalars(step, named)
        if self._wandb is not None:
            self._wandb.log(named, step=step)

    def sounds(self, step: int, sounds: dict[str, Sound]) -> None:
        """Write audio samples, as `samples/STEP_NAME.wav`, to TensorBoard and to W&B."""
        with writable(self.out):
            (self.out / "samples").mkdir(exist_ok=True)
        for name, sound in sounds.items():
            with writable(self.out):
                _write_wav(self.out / "samples" / f"{step:08d}_{name}.wav", sound)
            if self._board is not None:
                self._board.sound(step, name, sound)
        if self._wandb is not None:
            import wandb

            heard = {f"samples/{name}": wandb.Audio(sound.samples, sound.rate) for name, sound in sounds.items()}
            self._wandb.log(heard, step=step)

    def plot(self) -> None:
        """Draw the loss over the steps as `loss.png`, where `log.plot` asks for it."""
        if self._plots:
            with writable(self.out):
                plot_csv(self._csv("log"), self.out / "loss.png", "loss")

    def close(self) -> None:
        """Let the loggers write what they hold."""
        try:
            if self._board is not None:
                self._board.close()
        finally:
            if self._wandb is not None:
                self._wandb.finish()


def _write_wav(path: Path, sound: Sound) -> None:
    """Write audio whole, or raise OSError: on a full disk libsndfile leaves a torn file, and raises what is none."""
    held = io.BytesIO()
    soundfile.write(held, sound.samples, sound.rate, format="WAV")
    _write(path, held.getvalue())


def _wandb(config: RunConfig) -> Any:
    try:
        import wandb
    except ImportError:
        logger.warning("log.wandb_project is set but W&B is not installed. Install it with: pip install wandb")
        return None
    out, values = config.run.out, config.model_dump(mode="json")
    with writable(out):
        page = wandb_id(out)
    # allow: the page of this id goes on where there is one, and begins where there is none
    return wandb.init(project=config.log.wandb_project, name=out.name, id=page, resume="allow", dir=out, config=values)


def wandb_id(run: Path) -> str:
    """The id of a run at W&B, drawn once and kept in the run's folder, so that a resumed run goes on in its own page.

    The folder's name would not do: those of `a/lm` and `b/lm` are one, and W&B would merge the two runs.
    """
    path = run / WANDB_FILE
    if not path.exists():
        durable.whole_text(path, uuid.uuid4().hex)
    return path.read_text(encoding="utf-8").strip()


def read_rows(path: Path) -> list[dict[str, str]]:
    """The whole rows of a CSV file; none where it is not there. What a power cut tore is left out."""
    columns, *rows = list(csv.reader(_whole_lines(path))) or [[]]
    return [dict(zip(columns, row, strict=True)) for row in rows if len(row) == len(columns) and _step(columns, row)]


def read_columns(path: Path) -> list[str]:
    """The header of a CSV file; empty where the file is not there."""
    return next(csv.reader(_whole_lines(path)), [])


def _whole_lines(path: Path) -> list[str]:
    """The lines of a file that have their ends; of the last one, a power cut may have left the beginning alone."""
    if not path.exists():
        return []
    # a disk may hold anything where it had not yet written
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return [line for line in file if line.endswith("\n")]


def _step(columns: list[str], row: list[str]) -> bool:
    """Whether a row has its step, where there are steps."""
    return "step" not in columns or row[columns.index("step")].isdecimal()


def logged(value: float) -> float:
    """A figure as a row of a log has it, so that who goes on from the log has what an unbroken run has."""
    # digits that float32 has, and not places: six of these would leave 2e-6 of a learning rate of 2.5e-6
    return float(f"{value:.7g}")


def append_row(path: Path, row: dict[str, float]) -> None:
    """Append one row; a new column, as when a critic joins, is empty in the rows before."""
    written: dict[str, Any] = {name: value if name == "step" else logged(value) for name, value in row.items()}
    columns = read_columns(path)
    if columns and set(columns) >= set(written):
        with path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, columns, restval="").writerow(written)
    else:
        new = [name for name in written if name not in columns]
        # a file has one header: for a new column all rows are written again
        _write(path, _as_csv([*read_rows(path), written], [*columns, *new]).encode())


def drop_rows_after(path: Path, step: int) -> None:
    """Remove rows of steps after `step`, which a resumed run writes again, and what a power cut tore."""
    kept = [row for row in read_rows(path) if int(row["step"]) <= step]
    data = _as_csv(kept, read_columns(path)).encode()
    # the next row would be glued to a torn one
    if path.exists() and path.read_bytes() != data:
        _write(path, data)


def _as_csv(rows: Sequence[Mapping[str, Any]], columns: list[str]) -> str:
    """A header and rows; nothing without columns, as where the header itself was torn."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="")
    if columns:
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()


def _write(path: Path, data: bytes) -> None:
    with durable.whole(path) as temporary:
        temporary.write_bytes(data)


def plot_csv(path: Path, picture: Path, column: str) -> None:
    """Draw one column of a log over the steps; needs matplotlib."""
    rows = [row for row in read_rows(path) if row.get(column)]
    if not rows:
        return
    import matplotlib

    matplotlib.use("Agg")  # a training machine has no display
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.5))
    axes.plot([int(row["step"]) for row in rows], [float(row[column]) for row in rows])
    axes.set(xlabel="step", ylabel=column, title=path.parent.name)
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(picture, dpi=110)
    pyplot.close(figure)
