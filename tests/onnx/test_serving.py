"""The server by ONNX Runtime: the same answers as from Python, in a process that cannot import PyTorch too."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from glmtts.errors import ConfigError
from glmtts.judging.reading import Reading
from glmtts.onnx.bundle import OnnxBundle
from glmtts.onnx.synthesizer import OnnxSynthesizer
from glmtts.server.engine import Engine, SpeechRequest, Words, open_engine
from glmtts.server.onnx_engine import OnnxEngine
from glmtts.server.settings import ServerSettings
from tests.onnx.without import REFUSE_TORCH
from tests.server.running import Running, running
from tests.server.test_limits import refused
from tests.server.test_voices import add, names, recording

TEXT = 'Good morning.<break time="0.5s"/> 你好。'
SERVED = f"""{REFUSE_TORCH}
from pathlib import Path
from fastapi.testclient import TestClient
from glmtts.server.app import create_app
from glmtts.server.engine import open_engine
from glmtts.server.settings import ServerSettings

settings = ServerSettings(voices_folder=Path(sys.argv[2]))
with TestClient(create_app(open_engine(sys.argv[1], "auto"), settings), base_url="http://localhost") as client:
    body = {{"model": "tts-1", "input": "Hi.", "voice": "default", "response_format": "pcm"}}
    answer = client.post("/v1/audio/speech", json=body)
    print(answer.status_code, len(answer.content), "torch" in sys.modules)
"""


@pytest.fixture(scope="module")
def engine(exported_folder: Path) -> Engine:
    return open_engine(exported_folder, "auto")


@pytest.fixture(scope="module")
def server(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(engine, ServerSettings(voices_folder=tmp_path_factory.mktemp("voices"))) as started:
        yield started


def test_an_exported_model_is_served_by_onnx_runtime(engine: Engine, tiny_folder: Path, exported_folder: Path) -> None:
    assert isinstance(engine, OnnxEngine)
    assert not isinstance(open_engine(tiny_folder, "cpu"), OnnxEngine)
    for device, program in (("cuda", False), ("auto", True)):
        with pytest.raises(ConfigError, match="ONNX Runtime speaks on the CPU"):
            open_engine(exported_folder, device, program)


@pytest.mark.parametrize("speed", [1.0, 1.5])
def test_the_server_says_what_a_stream_says(server: Running, exported: OnnxBundle, speed: float) -> None:
    body = {"model": "tts-1", "input": TEXT, "voice": "tone", "response_format": "pcm", "speed": speed, "seed": 3}
    heard = np.frombuffer(server.client.post("/v1/audio/speech", json=body).content, "<i2")
    with OnnxSynthesizer(exported) as tts:
        said = np.concatenate([chunk.samples for chunk in tts.stream(TEXT, "tone", seed=3, speed=speed)])
    assert len(heard) == len(said) > 0.5 * 24000 / speed
    assert np.abs(heard - 32767 * said).max() < 2


def test_words_have_the_times_of_the_speech(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny recogniser has learnt nothing; here it finds every phoneme, in order, at equal distances."""

    def align(self: Reading, labels: Sequence[str]) -> np.ndarray:
        return np.arange(len(self.log_probs_SV)) * len(labels) // len(self.log_probs_SV)

    monkeypatch.setattr(Reading, "align", align)
    request = SpeechRequest(engine.read(TEXT, None), engine.bundled_voice("tone"), 1.5, {"seed": 3})
    parts = list(engine.timed(request))
    samples = np.concatenate([part for part in parts if isinstance(part, np.ndarray)])
    assert np.array_equal(samples, np.concatenate(list(engine.stream(request))))
    words = [word for part in parts if isinstance(part, Words) for word in part.words]
    assert [word.text for word in words] == ["Good", "morning", "你", "好"]
    assert words[2].start - words[1].end >= 0.5 / 1.5 - 0.01, "the break is between them"
    assert words[-1].end <= len(samples) / engine.rate + 0.05


def test_voices_are_cloned_listed_spoken_and_deleted(server: Running) -> None:
    assert add(server.client, "me", recording(), text="Hello.").status_code == 201
    assert "me" in names(server.client)
    body = {"model": "tts-1", "input": "Hi.", "voice": "me", "response_format": "pcm"}
    assert len(server.client.post("/v1/audio/speech", json=body).content) > 2400
    assert server.client.delete("/v1/audio/voices/me").status_code == 200
    refused(server.client.post("/v1/audio/speech", json=body), 404, "voice_not_found")


def test_trained_voices_are_told_how_they_are_served(server: Running) -> None:
    files = {"audio_sample": ("anna.glmvoice", b"any bytes")}
    answer = server.client.post("/v1/audio/voices", data={"name": "anna", "consent": "true"}, files=files)
    assert "voice merge" in refused(answer, 400, "invalid_voice")["message"]
    assert "anna" not in names(server.client)


def test_the_server_needs_no_pytorch(exported_folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SERVED, str(exported_folder), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    status, size, imported = done.stdout.split()
    assert (status, imported) == ("200", "False") and int(size) > 2400, done.stdout + done.stderr
