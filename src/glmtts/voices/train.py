"""`glm-tts voice train`: from a folder of recordings to a trained voice; every step goes on where it was stopped."""

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from tqdm import tqdm

from glmtts import durable
from glmtts.asr import SpeechRecogniser
from glmtts.bundle import Bundle, embedded
from glmtts.errors import VoiceError
from glmtts.flow.dit import DiT, FlowConfig
from glmtts.lm.model import Llama, LMConfig
from glmtts.tasks import EMBEDDED
from glmtts.training.checkpoint import checkpoints
from glmtts.training.engine import Engine
from glmtts.training.loader import seed_draws
from glmtts.training.logs import read_rows
from glmtts.training.registry import create_task
from glmtts.voices.checks import Limits, Report, check, refuse
from glmtts.voices.dataset import write_dataset
from glmtts.voices.lora import adapter_config
from glmtts.voices.recipe import Ground, Network, VoiceTraining, run_of
from glmtts.voices.recordings import Recording, find_recordings
from glmtts.voices.sentences import said_of_options
from glmtts.voices.takes import LOUDNESS, Take, TakeMaker
from glmtts.voices.targets import Ranks, describe_ranks, solve_ranks
from glmtts.voices.tasks import BEST, VoiceTask

KINDS: tuple[Network, ...] = ("lm", "flow")
REPORT, DATA, TAKES, BEFORE, EVALUATION = "report.txt", "data", "takes", "base.json", "evaluation.csv"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """What one run left: the best weights by name, the ranks of an adapter, and what was measured."""

    weights: dict[str, Tensor]
    ranks: Ranks | None
    parameters: int
    figures: dict[str, float]


def prepare(
    folder: Path,
    work: Path,
    bundle: Bundle,
    recogniser: SpeechRecogniser | None = None,
    language: str | None = None,
    limits: Limits | None = None,
) -> Report:
    """Measure all recordings of a folder and tell which of them serve; the report is also written to `work`.

    Raises:
        VoiceError: there are no recordings, the folder as a whole does not serve, or `work` takes nothing.
        TextError: a text, or the list of them, is in no encoding that is known.
    """
    limits = limits or Limits()
    maker = TakeMaker(bundle, bundle.frontend(), recogniser)
    takes: list[Take] = []
    for recording in tqdm(find_recordings(folder, language), desc="checking", unit="file"):
        takes += _kept_takes(work / TAKES, recording, maker)
    report = check(takes, limits)
    with writable(work):
        # names of files, which the report has, may be no text in UTF-8
        (work / REPORT).write_text(report.text() + "\n", encoding="utf-8", errors="backslashreplace")
    # after the report is written, which says more than the sentence
    refuse(report, limits)
    return report


def _kept_takes(folder: Path, recording: Recording, maker: TakeMaker) -> list[Take]:
    """The takes of a recording, from the disk where the same models made them before of the same file and text."""
    try:
        there = recording.path.stat()
        state = there.st_mtime_ns, there.st_size
    except (OSError, ValueError):  # the last of a name that no file can have; what is there is told as it is read
        state = 0, 0
    # not by content: a folder of hours is not read again to learn that nothing changed
    key = sha256(repr((recording, state, LOUDNESS, maker.made_with)).encode()).hexdigest()[:16]
    listed = folder / f"{key}.json"
    with suppress(OSError, ValueError, TypeError, VoiceError):  # missing, or damaged: then they are made anew
        return [Take.load(folder / name) for name in json.loads(listed.read_text(encoding="utf-8"))]
    takes, names = maker.takes(recording), list[str]()
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for number, take in enumerate(takes):
            names.append(f"{key}-{number}.safetensors")
            take.save(folder / names[-1])
        # the list comes last: takes that a killed session left without one are made again
        durable.whole_text(listed, json.dumps(names))
    return takes


def writable(folder: Path) -> AbstractContextManager[None]:
    """Say in one sentence that a folder of the work takes nothing: a VoiceError of what fails within."""
    return durable.writable(folder, VoiceError, "Free some space or choose another --work.")


def check_share(bundle: Bundle, how: VoiceTraining, kinds: Sequence[Network] = KINDS) -> None:
    """See before hours of work that every network can have an adapter of the share.

    Raises:
        ConfigError: the share is too small or too large for one of them.
        TrainingError: peft is not installed.
    """
    if how.method != "lora":
        return
    for kind in kinds:
        config = bundle.config.modules[kind].parsed()
        # shapes alone are counted: no memory for a module of gigabytes
        with torch.device("meta"):
            network: nn.Module | None = None
            if isinstance(config, LMConfig):
                network = Llama(config)
            elif isinstance(config, FlowConfig):
                network = DiT(config)
        if network is not None:  # another is refused where its task is made
            adapter_config(solve_ranks(network, kind, how.share))


def train_all(
    report: Report, work: Path, bundle: Bundle, how: VoiceTraining, say: Say, kinds: Sequence[Network] = KINDS
) -> dict[str, Trained] | None:
    """Train language model and flow on the takes in use; None where a signal stopped it before its end.

    Raises:
        VoiceError: training had begun on other takes or with other options, no weights serve, or `work` takes nothing.
        ConfigError, TrainingError: as `check_share`.
    """
    check_share(bundle, how, kinds)
    where = EMBEDDED if bundle.folder == embedded() else str(bundle.folder.resolve())
    # a checkpoint counts its steps in this very data
    begun = any(checkpoints(work / kind) for kind in KINDS)
    ground = Ground(bundle, where, write_dataset(work / DATA, report.used, bundle, begun), 60 * report.minutes)
    trained: dict[str, Trained] = {}
    for kind in kinds:
        task = create_task(run_of(kind, ground, work / kind, how))
        assert isinstance(task, VoiceTask)
        with said_of_options():
            engine = Engine(task)
            if task.ranks is not None:
                say(describe_ranks(task.ranks, kind, how.share))
            _measure_base(engine, task)
            engine.fit()
        if not engine.finished:
            return None
        trained[kind] = _trained(engine, task)
        say(_summary(kind, trained[kind]))
    return trained


def _measure_base(engine: Engine, task: VoiceTask) -> None:
    """What the base gives on the held-out recordings, for comparison."""
    # after a step the weights are no longer the base's; before the first, a file may be of other recordings
    if engine.step:
        return
    engine.model.eval()
    seed_draws(engine.config.run.seed, "aside")  # as the engine draws for its evaluations
    with torch.no_grad():
        # not `evaluate`, whose cost would enter the comparison that ends a run
        figures = task.figures(engine.model, engine.processes.device)
    if engine.processes.first:
        with writable(engine.config.run.out):
            durable.whole_text(engine.config.run.out / BEFORE, json.dumps(figures, indent=1))


def _trained(engine: Engine, task: VoiceTask) -> Trained:
    run = engine.config.run.out
    if not (run / BEST).is_file():
        raise VoiceError(f"{task.none_kept} {run / EVALUATION} has the figures.")
    rows, costs = read_rows(run / EVALUATION), task.costs
    # rows and costs run alike, one a row of evaluation.csv; where that is lost, the weights are still there
    best = rows[costs.index(min(costs))] if costs else {}
    figures = {name: float(value) for name, value in best.items() if value}
    figures |= {f"base_{name}": value for name, value in _base_figures(run / BEFORE).items()}
    figures |= {"steps": float(engine.step), "minutes": round(engine.minutes, 2)}
    parameters = sum(p.numel() for p in engine.model.parameters() if p.requires_grad)
    return Trained(_best_weights(run / BEST), task.ranks, parameters, figures)


def _best_weights(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise VoiceError(
            f"{path} is damaged ({error}), and nothing else has these weights. Remove {path.parent}, and the same "
            "command trains this network again."
        ) from None


def _base_figures(path: Path) -> dict[str, float]:
    """What `_measure_base` wrote; nothing where that is gone or damaged, as it is for comparison alone."""
    try:
        return {name: float(value) for name, value in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _summary(kind: str, trained: Trained) -> str:
    shown = ", ".join(f"{name} {value:.3g}" for name, value in trained.figures.items())
    return f"{kind}: {trained.parameters:,} parameters were trained; the best weights: {shown}"
