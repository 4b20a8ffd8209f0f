"""What a run gives to W&B, without its service: metrics, figures, audio and the configuration, in the run's folder."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import soundfile

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
TRAIN = """
import sys
from pathlib import Path
import tests.training.toy
from tests.training.made_up import run_of
from tests.training.runs import train
log = {"every": 2, "evaluate_every": 4, "sample_every": 4, "wandb_project": "glm-tts"}
train(run_of("toy", Path(), Path(sys.argv[1]), log=log))
"""


@pytest.mark.skipif(find_spec("wandb") is None, reason="needs W&B: pip install wandb")
def test_metrics_and_audio_arrive(tmp_path: Path) -> None:
    """In a process of its own: W&B leaves a service and its settings behind."""
    environment = {
        **os.environ,
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
    }
    command = [sys.executable, "-c", TRAIN, str(tmp_path / "run")]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    page = (tmp_path / "run" / "wandb.id").read_text()
    (folder,) = (tmp_path / "run" / "wandb").glob(f"offline-run-*-{page}")
    (record,) = folder.glob("*.wandb")  # what `wandb sync` sends: protobuf, whose strings stand in it as they are
    for key in ("log/loss", "log/learning_rate", "log/gradient_norm", "evaluation/held_out", "samples/wave"):
        assert key.encode() in record.read_bytes(), key
    assert b"audio-file" in record.read_bytes()
    heard = sorted((folder / "files" / "media" / "audio" / "samples").glob("*.wav"))
    assert len(heard) == 2
    assert soundfile.info(heard[0]).samplerate == 24000
    assert soundfile.info(heard[0]).frames == 100
