"""Runs as files: strict, overridden from the command line, kept with their hash; and what a dry run says of them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import tests.training.toy  # noqa: F401, registers the task
from glmtts.cli import app
from glmtts.errors import ConfigError, TrainingError
from glmtts.training.config import load_config, saved_config, write_config
from glmtts.training.dryrun import measure
from glmtts.training.registry import create_task
from tests.training.made_up import SIZES, run_of

pytestmark = pytest.mark.long

FOLDER = Path(__file__).parents[2] / "configs"
ABLATIONS = FOLDER / "ablations"
CONFIGS = sorted([*FOLDER.glob("*.toml"), *ABLATIONS.rglob("*.toml")])
TOY = '[run]\ntask = "toy"\nout = "out"\n[schedule]\nsteps = 3\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(TOY)
    return path


def test_overrides_are_written_as_in_toml(file: Path) -> None:
    overrides = ["optimizer.betas=[0.5,\n 0.9]", "run.out=runs/new one", "model.width=9", "schedule.steps=1_000"]
    config = load_config(file, overrides)
    assert load_config(file, ["run.out=."]).run.out == Path()  # asked for by name, it is the current folder
    assert config.optimizer.betas == (0.5, 0.9)
    assert config.run.out == Path("runs/new one")
    assert config.schedule.steps == 1000
    assert create_task(config).config.model == {"width": 9, "blocks": 2}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer.learning_rte=1", r"optimizer\.learning_rte"),
        ("model.widht=1", "widht"),
        ("schedule.minutes=5", "either steps or minutes"),
        ("optimizer.learning_rate=fast", "learning_rate"),
        ("optimizer.learning_rate", "sets nothing"),
        ("run.task.name=1", "'task' is a value"),
        ("run.task=sing", r"no task 'sing'. Known are: .*toy"),
        ("init.codes=1", "codes"),
        ("run.out=", "sets nothing"),
        ("run.out= ", "sets nothing"),
        ('run.out=""', "out: .*it is empty; name a folder"),
        ("run.seed=1\nfoo=2", "sets more than one key"),
        ("run.seed=1\n[run]\nout='x'", "sets more than one key"),
        ("run.out=a\0b", r"run\.out holds the character zero"),
        ("run.init_from=\0", r"run\.init_from holds the character zero"),
        ('data.sources=[{path="a\\u0000b"}]', r"data\.sources\.path holds the character zero"),
        ('model={"a\\u0000"={}}', "holds the character zero"),
        pytest.param(f"model.width={'[' * 3000}1{']' * 3000}", "nested too deep", id="brackets"),
        pytest.param(f"model.width={'[' * 100}1{']' * 100}", "nested too deep", id="some brackets"),
        pytest.param(f"model.{'a.' * 3000}b=1", "names a key in 3001 sections", id="sections"),
        pytest.param(f"model.width={{{'a.' * 3000}b=1}}", "nested too deep", id="a dotted key"),
        pytest.param(f"run.seed={'9' * 5000}", "run.seed: ", id="digits"),
    ],
)
def test_mistakes_are_one_sentence(file: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        create_task(load_config(file, [override]))
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_toml_is_refused(file: Path) -> None:
    file.write_text("[run")
    with pytest.raises(ConfigError, match="is no TOML"):
        load_config(file)


def test_a_run_keeps_its_resolved_configuration(tmp_path: Path) -> None:
    config = create_task(run_of("toy", tmp_path, tmp_path / "run")).config
    write_config(config)
    kept = json.loads((tmp_path / "run" / "config.json").read_text())
    assert kept["hash"] == config.digest()
    assert kept["config"]["model"] == {"width": 7, "blocks": 2}
    assert saved_config(tmp_path / "run").differences(config) == []
    longer = run_of("toy", tmp_path, tmp_path / "moved", schedule={"steps": 99}, log={"every": 7})
    assert create_task(longer).config.digest() == config.digest()
    with pytest.raises(TrainingError, match="no training run"):
        saved_config(tmp_path)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_of_the_repository_is_valid(path: Path) -> None:
    assert create_task(load_config(path)).config.run.out.parts[0] in ("runs", "WORK")


@pytest.mark.parametrize("table", sorted(path.name for path in ABLATIONS.iterdir()))
def test_rows_of_an_ablation_differ_in_model_and_loss_alone(table: str) -> None:
    configs = [load_config(path) for path in sorted((ABLATIONS / table).glob("*.toml"))]
    for name in ("data", "optimizer", "schedule", "log", "distributed"):
        # features under a causal mask lie in a folder of their own
        assert len({str(getattr(config, name)).replace("causal/", "") for config in configs}) == 1, name
    assert len({(str(config.model), str(config.loss)) for config in configs}) == len(configs) > 2


def test_sizes_of_the_released_models() -> None:
    configs = Path(__file__).parents[2] / "configs"
    lm = create_task(load_config(configs / "lm_1.5b.toml", ["distributed.strategy=ddp"]))
    needs = measure(lm)
    assert needs.total == 1_552_009_216
    assert needs.weights == needs.gradients == needs.ema == needs.optimizer / 2 == 4 * needs.total
    sharded = measure(create_task(load_config(configs / "lm_1.5b.toml")), processes=8)
    assert sharded.optimizer == needs.optimizer / 8
    flow = measure(create_task(load_config(configs / "flow_release.toml")))
    assert flow.total == 225_299_792


@pytest.mark.parametrize("task", SIZES)
def test_a_dry_run_needs_no_data(task: str, tmp_path: Path) -> None:
    plain = run_of(task, tmp_path / "nowhere", tmp_path / "run")
    kept = measure(create_task(plain)).activations
    assert kept is not None and kept > 0
    recomputed = run_of(task, tmp_path, tmp_path, distributed={"activation_checkpointing": True})
    less = measure(create_task(recomputed)).activations
    assert less is not None
    if task in ("flow", "speech_tokenizer"):  # the others have one block, which is there whole while it is computed
        assert less < kept


COUNTED = """
import atexit, sys
from pathlib import Path
from glmtts.cli import main
def used():  # the peak of this program; that of `resource` would be the test process's, before it became this one
    peak = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    print("used", peak)
atexit.register(used)
main()
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc")
def test_the_dry_run_of_the_released_language_model_is_cheap() -> None:
    """At most 2 GB; it takes 3 s of a core, which no test asserts."""
    config = next(path for path in CONFIGS if path.stem == "lm_1.5b")
    command = [sys.executable, "-c", COUNTED, "train", str(config), "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "1,552,009,216" in done.stdout, done.stderr
    assert "tokens a step" in done.stdout
    kibibytes = float(done.stdout.split("used ")[1])
    assert kibibytes < 2e9 / 1024


def test_the_command_trains_and_goes_on(file: Path, tmp_path: Path) -> None:
    options = ["train", str(file), "--set", f"run.out={tmp_path / 'run'}", "--set", "log.plot=false"]
    options += ["--set", "log.tensorboard=false", "--set", "distributed.workers=0"]
    stopped = CliRunner().invoke(app, [*options, "--set", "schedule.stop_steps=1"])
    assert "stopped early" in stopped.output, stopped.output
    done = CliRunner().invoke(app, options)
    assert "is trained, at step 3" in done.output, done.output
    shown = CliRunner().invoke(app, [*options, "--dry-run", "--processes", "4"])
    assert "trainable" in shown.output
