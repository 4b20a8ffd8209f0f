"""Trained voices on the server and in the pool: uploaded, chosen, deleted, bounded in memory."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import glmtts
from glmtts.errors import VoiceError
from glmtts.server.engine import Engine
from glmtts.server.settings import ServerSettings
from glmtts.synthesis.adapter_pool import AdapterPool
from glmtts.synthesis.trained_voice import TrainedVoice, read_adapter
from tests.server.running import running, wait_until
from tests.server.test_voices import recording
from tests.voices.made import random_voice


@pytest.fixture(scope="module")
def tts(tiny_folder: Path) -> glmtts.Synthesizer:
    return glmtts.load(tiny_folder)


def test_the_pool_is_bounded_and_forgets_what_was_used_longest_ago(tts: glmtts.Synthesizer, tmp_path: Path) -> None:
    paths = [random_voice(tmp_path / f"v{number}.glmvoice", tts, number) for number in range(6)]
    network, read = tts.bundle.network("lm"), list[Path]()
    size = TrainedVoice.open(paths[0]).adapter("lm").bytes

    def noted(path: Path, module: str) -> object:
        read.append(path)
        return read_adapter(path, module)

    pool = AdapterPool(noted, limit=3 * size)  # type: ignore[arg-type]
    for number in (0, 1, 2, 0, 3, 0, 1):
        pool.get(paths[number], "lm", network)
        assert pool.bytes <= 3 * size
    assert [paths.index(path) for path in read] == [0, 1, 2, 3, 1]
    paths[0].unlink()
    with pytest.raises(VoiceError, match="not there any more"):
        pool.get(paths[0], "lm", network)


def test_many_voices_cost_no_more_than_the_pool(tts: glmtts.Synthesizer, tmp_path: Path) -> None:
    tts.adapters.limit = 2 * sum(TrainedVoice.open(random_voice(tmp_path / "a.glmvoice", tts)).adapter(m).bytes
                                 for m in ("lm", "flow"))  # fmt: skip
    voices = [tts.voice(random_voice(tmp_path / f"v{number}.glmvoice", tts, number)) for number in range(4)]
    spoken = tts.say_batch(["Hello."] * 4, voices, seeds=range(4))
    assert tts.adapters.bytes <= tts.adapters.limit
    assert [audio.samples.tolist() for audio in spoken] == [
        pytest.approx(tts.say("Hello.", voice, seed=seed).samples.tolist(), abs=1e-4)
        for seed, voice in enumerate(voices)
    ]


def test_clients_add_choose_and_delete_trained_voices(tts: glmtts.Synthesizer, tmp_path: Path) -> None:
    path = random_voice(tmp_path / "friend.glmvoice", tts, size=0.3)
    settings = ServerSettings(voices_folder=tmp_path / "voices")
    with running(Engine(tts), settings) as server:

        def add(name: str, contents: bytes, consent: str = "true") -> int:
            files = {"audio_sample": ("friend.glmvoice", contents)}
            answer = server.client.post("/v1/audio/voices", data={"name": name, "consent": consent}, files=files)
            return answer.status_code

        def spoken(voice: str) -> bytes:
            body = {"model": "tiny", "input": "Hello.", "voice": voice, "response_format": "pcm"}
            answer = server.client.post("/v1/audio/speech", json=body)
            assert answer.status_code == 200, answer.text
            return answer.content

        assert add("friend", path.read_bytes(), consent="false") == 400
        assert add("friend", path.read_bytes()) == 201
        assert add("friend", path.read_bytes()) == 409
        assert add("broken", path.read_bytes()[:-100]) == 400
        assert "friend" in [voice["id"] for voice in server.client.get("/v1/audio/voices").json()["data"]]
        assert spoken("friend") != spoken("tone")
        assert server.client.delete("/v1/audio/voices/friend").status_code == 200
        assert server.client.delete("/v1/audio/voices/friend").status_code == 404


def test_trained_voices_wait_where_voices_are_cloned(tts: glmtts.Synthesizer, tmp_path: Path) -> None:
    """One client must not try voices on as many threads as it sends."""
    contents = random_voice(tmp_path / "friend.glmvoice", tts).read_bytes()
    begun, gate = threading.Event(), threading.Event()

    class Waiting(Engine):
        def clone(self, recording: Path, text: str | None) -> Iterator[None]:
            begun.set()
            gate.wait(60)
            yield None

    settings = ServerSettings(voices_folder=tmp_path / "voices")
    with running(Waiting(tts), settings) as server, ThreadPoolExecutor(2) as pool:

        def add(name: str, file: str, data: bytes) -> int:
            fields, files = {"name": name, "consent": "true"}, {"audio_sample": (file, data)}
            return server.client.post("/v1/audio/voices", data=fields, files=files).status_code

        cloning = pool.submit(add, "slow", "me.wav", recording())
        assert begun.wait(60)
        trained = pool.submit(add, "friend", "friend.glmvoice", contents)
        wait_until(lambda: server.service.cloning.waiting == 1)
        assert not server.service.voices.holds("friend")
        gate.set()
        cloning.result()
        assert trained.result() == 201


def test_the_ending_of_trained_voices_stands_in_one_place() -> None:
    package = Path(glmtts.__file__).parent
    found = [path.name for path in package.rglob("*.py") if '".glmvoice"' in path.read_text(encoding="utf-8")]
    assert found == ["suffixes.py"]
    heavy = "{'torch', 'numpy', 'soundfile'} & sys.modules.keys()"
    code = f"import sys; from glmtts.synthesis.suffixes import TRAINED_SUFFIX; print(TRAINED_SUFFIX, {heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1) == [".glmvoice", "set()\n"]
