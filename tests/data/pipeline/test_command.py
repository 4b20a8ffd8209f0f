"""`glm-tts data run`, `stage` and `worker`, the example of docs/pipeline.md, and the files of deploy/."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
import yaml

from glmtts.cli import main
from glmtts.data.command import app
from glmtts.data.pipeline.config import PipelineConfig, load_pipeline
from tests.data.pipeline.corpora import odd_corpus
from tests.data.pipeline.test_remote import made

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy/pipeline"
RUN = """
[run]
input = "raw"
output = "out"
[[stage]]
name = "length"
options = {min_seconds = 1.0}
"""


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object, code: int = 0) -> None:
    monkeypatch.setattr("sys.argv", ["glm-tts", "data", *map(str, arguments)])
    with pytest.raises(SystemExit, match=str(code)):
        main()


def test_a_dry_run_writes_nothing_and_a_run_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    odd_corpus(tmp_path / "raw", 3)
    (tmp_path / "run.toml").write_text(RUN)
    run(monkeypatch, "run", tmp_path / "run.toml", "--dry-run")
    assert not (tmp_path / "out").exists()
    dry = capsys.readouterr().out
    run(monkeypatch, "run", tmp_path / "run.toml")
    out = capsys.readouterr().out
    assert dry.splitlines()[0] == out.splitlines()[0]  # an hour is more than there is
    assert re.search(r"3 files, 3.7 s of sound; kept 3.4 s .* 2 utterances, dropped 0.3 s", out)
    assert re.search(r"length: too short +0.3 s +█", out)
    assert (tmp_path / "out/index.html").is_file()
    run(monkeypatch, "run", tmp_path / "run.toml")
    assert capsys.readouterr().out == out


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (RUN.replace('input = "raw"', 'input = "none"'), "is no folder"),
        (RUN.replace("min_seconds", "min_second"), "min_second"),
        (RUN.replace('name = "length"', 'name = "lenght"'), "Known are: "),
        (RUN.replace('name = "length"', 'name = "none.of:This"'), "cannot be loaded"),
        (RUN.replace('name = "length"', 'name = "os:path"'), "'os:path' is no stage"),
        (RUN.replace("[run]", "[runs]"), "runs"),
        (RUN + "[engine]\nkind = 'ray'\nadress = '1'", "adress"),
        ("[run", "is no TOML"),
    ],
)
def test_mistakes_cost_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "run.toml").write_text(text)
    run(monkeypatch, "run", tmp_path / "run.toml", code=2)
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ")
    assert sentence in said


def test_a_run_that_keeps_nothing_names_no_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/a.wav").touch()
    (tmp_path / "run.toml").write_text(RUN)
    run(monkeypatch, "run", tmp_path / "run.toml")
    assert "Nothing was kept, so there is nothing to train on. Look" in capsys.readouterr().out
    assert not (tmp_path / "out/shards").exists()


@pytest.mark.filterwarnings("error")
def test_a_bar_of_many_lengths_warns_of_nothing() -> None:
    from glmtts.data.pipeline.command import _Bar

    with _Bar() as bar:
        for seconds in (0.1, 0.2, 0.3):
            bar("read", seconds)
        bar("done", 0.6000000000000003)
        assert bar._bar.n == bar._bar.total


def test_a_stage_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    odd_corpus(tmp_path / "raw", 3)
    (tmp_path / "raw/bad.mp3").write_text("no sound")
    run(monkeypatch, "stage", "length", tmp_path / "raw", tmp_path / "out", "-O", "min_seconds=2")
    assert "kept 2.1 s, dropped 1.5 s" in capsys.readouterr().out
    (clip,) = (tmp_path / "out").glob("*.wav")
    assert soundfile.info(clip).duration == pytest.approx(2.15, abs=0.01)
    lines = (tmp_path / "out/decisions.jsonl").read_text().splitlines()
    assert len(lines) == 4
    assert "not audio" in lines[-1]


def test_a_worker_beyond_this_machine_asks_for_tls(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "worker", "length", "--host", "0.0.0.0", code=2)
    assert "Give --certificate and --key, or --insecure" in capsys.readouterr().err
    for given, said in (
        (("--certificate", "x.pem"), "with a certificate needs a key"),
        (("--key", "x.pem", "--insecure"), "with a key needs a certificate"),
        (("--client-ca", "x.pem", "--insecure"), "client_ca) only where it encrypts"),
    ):
        run(monkeypatch, "worker", "length", "--host", "0.0.0.0", *given, code=2)
        assert said in capsys.readouterr().err
    for host in ("999.0.0.1", "::1::"):
        run(monkeypatch, "worker", "length", "--host", host, code=2)
        assert f"'{host}' is no address to listen at" in capsys.readouterr().err


def test_the_stage_of_the_document_works() -> None:
    document = (ROOT / "docs/pipeline.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    stage = names["QuietStage"](names["QuietConfig"](min_level=-20))
    loud, quiet = made(), made().with_wave(np.zeros(12000))
    assert [len(one.kept) for one in stage.process([loud, quiet])] == [1, 0]


def test_the_runs_of_the_document_are_valid(tmp_path: Path) -> None:
    document = (ROOT / "docs/pipeline.md").read_text(encoding="utf-8")
    whole, remote, *_ = re.findall(r"```toml\n(.*?)```", document, re.DOTALL)
    (tmp_path / "run.toml").write_text(whole + remote)
    config = load_pipeline(tmp_path / "run.toml")
    assert config.run.input == tmp_path / "raw"
    assert config.stage[1].remote is not None
    assert config.stage[1].remote.ca == tmp_path / "ca.pem"
    assert config.labels == ["length", "length-2"]


@pytest.mark.parametrize("name", ["report", "offline"])
def test_the_configurations_that_ship_are_valid(name: str) -> None:
    config = load_pipeline(ROOT / f"configs/pipeline/{name}.toml")
    assert config.labels[0] == "vad"
    assert config.labels[-1] == "features"


def command_options(name: str) -> set[str]:
    group: Any = typer.main.get_command(app)
    return {option for parameter in group.commands[name].params for option in parameter.opts}


def test_the_deployed_commands_exist() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    given = [part for service in services.values() for part in service["command"] if part.startswith("--")]
    chart = (DEPLOY / "chart/templates/worker.yaml").read_text()
    given += re.findall(r"^ +- \"?(--[\w-]+)", chart, re.MULTILINE)
    assert len(given) > 15
    assert {part.partition("=")[0] for part in given} <= command_options("worker")
    assert "--option" in command_options("worker")


def test_the_chart_uses_values_that_exist() -> None:
    values = yaml.safe_load((DEPLOY / "chart/values.yaml").read_text())
    for template in (DEPLOY / "chart/templates").iterdir():
        for path in re.findall(r"\.Values\.([\w.]+)", template.read_text()):
            place: Any = values
            for key in path.split("."):
                assert key in place, (template.name, path)
                place = place[key]
    import tomllib

    PipelineConfig.parse(tomllib.loads(values["run"]["config"]))
