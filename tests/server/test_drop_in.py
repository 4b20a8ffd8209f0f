"""What is written for OpenAI's API works as it is: names, nulls, unknown fields; times of words beside the audio."""

import base64
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest

from glmtts.judging.reading import Reading
from glmtts.server import aliases
from glmtts.server.engine import Engine, SpeechRequest, Words
from glmtts.server.service import Service, warning_header
from glmtts.server.settings import ServerSettings
from tests.server.running import Running, running
from tests.server.test_limits import SPEECH, refused
from tests.server.test_voices import RECORD, names, recording


def speak(client: httpx.Client, **changes: Any) -> httpx.Response:
    answer = client.post("/v1/audio/speech", json={**SPEECH, **changes})
    assert answer.status_code == 200, answer.text
    return answer


@pytest.fixture(scope="module")
def strict(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder, own = tmp_path_factory.mktemp("voices"), {"alloy": "tone", "gone": "x"}
    settings = ServerSettings(voices_folder=folder, strict=True, mp3_kbps=64, aliases=own)
    with running(engine, settings) as started:
        yield started


@pytest.mark.parametrize("model", ["tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "tts-1-1106"])
def test_models_of_openai(server: Running, model: str) -> None:
    assert "x-warning" not in speak(server.client, model=model).headers
    assert server.client.get(f"/v1/models/{model}").json()["id"] == "tiny"


@pytest.mark.parametrize("voice", aliases.VOICES)
def test_voices_of_openai(server: Running, voice: str) -> None:
    assert speak(server.client, voice=voice).content == speak(server.client, voice="default").content


def test_openai_voices_are_those_of_mini_where_it_speaks(engine: Engine, tmp_path: Path) -> None:
    class WithMini(Engine):
        @property
        def voices(self) -> dict[str, str]:
            return {"heart": "", "bella": "", "michael": ""}

    service = Service(WithMini(engine._tts), ServerSettings(voices_folder=tmp_path))
    meant = {name: service._voice_meant(name) for name in ("alloy", "nova", "onyx", "fable", "heart", "other")}
    assert meant == {
        "alloy": "heart", "nova": "bella", "onyx": "michael", "fable": "tone", "heart": "heart", "other": "other"
    }  # fmt: skip
    service.voices.add("nova", engine.bundled_voice("tone"), RECORD)
    assert service._voice_meant("nova") == "nova"
    service.stop()


def test_own_aliases(strict: Running) -> None:
    assert speak(strict.client, voice="alloy").content == speak(strict.client, voice="tone").content
    refused(strict.client.post("/v1/audio/speech", json={**SPEECH, "voice": "gone"}), 404, "voice_not_found")


def test_nulls_upper_case_and_stream(server: Running) -> None:
    usual = speak(server.client).content
    nulls = dict.fromkeys(("speed", "instructions", "seed", "language", "temperature", "steps", "stream_format"), None)
    answer = speak(server.client, **nulls, response_format="PCM", stream=True)
    assert answer.content == usual
    assert "x-warning" not in answer.headers
    assert speak(server.client, response_format=None).headers["content-type"] == "audio/mpeg"


def test_what_is_unknown_is_ignored_with_a_warning(server: Running) -> None:
    answer = speak(server.client, instructions="Whisper.", volume_multiplier=1.0, **{"naïve\r\nX-Evil": 1})
    assert answer.content == speak(server.client).content
    warning = answer.headers["x-warning"]
    assert "takes no instructions" in warning and "'volume_multiplier'" in warning
    assert "x-evil" not in answer.headers


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"unknown": 1}, "unknown"),
        ({"instructions": "Whisper."}, "instructions"),
        ({"timestamps": ["word"]}, "timestamps"),
    ],
)
def test_a_strict_server_refuses_it(strict: Running, change: dict[str, Any], param: str) -> None:
    error = refused(strict.client.post("/v1/audio/speech", json={**SPEECH, **change}), 400, "unsupported")
    assert error["param"] == param


def test_warnings_fit_into_a_header() -> None:
    header = warning_header(["读“行”\n", "x" * 5000])
    assert len(header["X-Warning"]) == 1000
    assert header["X-Warning"].isascii() and header["X-Warning"].isprintable()
    assert warning_header([]) == {}


def test_lists_as_other_clients_read_them(server: Running) -> None:
    voices = server.client.get("/v1/audio/voices").json()
    assert voices["voices"] == voices["data"]
    assert {voice["id"]: voice["name"] for voice in voices["voices"]} == {"default": "default", "tone": "tone"}
    models = server.client.get("/v1/audio/models").json()
    assert [model["id"] for model in models["models"]] == ["tiny"]


def test_an_upload_may_be_called_file(server: Running) -> None:
    form = {"name": "uploaded", "consent": "true"}
    answer = server.client.post("/v1/audio/voices", data=form, files={"file": ("me.wav", recording())})
    assert answer.status_code == 201
    assert server.client.delete("/v1/audio/voices/uploaded").status_code == 200
    refused(server.client.post("/v1/audio/voices", data=form, files={"other": ("me.wav", b"")}), 400, "invalid_value")
    assert "uploaded" not in names(server.client)


def test_bit_rate_of_mp3(server: Running, strict: Running) -> None:
    rates = []
    for client in (server.client, strict.client):
        with av.open(io.BytesIO(speak(client, response_format="mp3").content)) as container:
            rates.append(container.streams.audio[0].bit_rate)
    assert rates == [128_000, 64_000]


# Times of words

TEXT = 'Good morning, dear friends.<break time="0.3s"/>你好吗？'
WORDS = ["Good", "morning", "dear", "friends", "你", "好", "吗"]


@pytest.fixture
def aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny recogniser has learnt nothing; here it finds every phoneme, in order, at equal distances."""

    def align(self: Reading, labels: Sequence[str]) -> np.ndarray:
        return np.arange(len(self.log_probs_SV)) * len(labels) // len(self.log_probs_SV)

    monkeypatch.setattr(Reading, "align", align)


@pytest.mark.parametrize("wire", ["sse", "json"])
@pytest.mark.usefixtures("aligned")
def test_words_have_times_between_the_audio(server: Running, wire: str) -> None:
    answer = speak(server.client, input=TEXT, stream_format=wire, timestamps=["word"], speed=1.25, odd=1)
    assert answer.headers["content-type"].startswith({"sse": "text/event-stream", "json": "application/x-ndjson"}[wire])
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    found = [json.loads(line) for line in lines]
    kinds = [event["type"] for event in found]
    assert kinds[0] == "speech.warning" and kinds[-1] == "speech.audio.done"
    assert kinds.index("speech.words") < kinds.index("speech.audio.delta")
    assert kinds.count("speech.words") > 1  # the first piece's audio leaves before the second's words are known
    audio = b"".join(base64.b64decode(event["audio"]) for event in found if event["type"] == "speech.audio.delta")
    words = [word for event in found if event["type"] == "speech.words" for word in event["words"]]
    assert [word["text"] for word in words] == WORDS
    times = [time for word in words for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert words[-1]["end"] <= len(audio) / 48000 + 0.05
    assert words[4]["start"] - words[3]["end"] >= 0.3 / 1.25 - 0.01  # the pause


@pytest.mark.usefixtures("aligned")
@pytest.mark.parametrize("speed", [1.0, 1.5])
def test_times_do_not_change_what_is_heard(server: Running, speed: float) -> None:
    engine = server.service.engine
    pieces = engine.read('Hello.<break time="0.5s"/> There. <break time="0.25s"/>', None)
    request = SpeechRequest(pieces, engine.bundled_voice("tone"), speed, {"seed": 3})
    parts = list(engine.timed(request))
    samples = np.concatenate([part for part in parts if isinstance(part, np.ndarray)])
    assert np.array_equal(samples, np.concatenate(list(engine.stream(request))))
    words = [word for part in parts if isinstance(part, Words) for word in part.words]
    assert [word.text for word in words] == ["Hello", "There"]
    silent = np.flatnonzero(samples == 0)
    longest = max(np.split(silent, np.flatnonzero(np.diff(silent) > 1) + 1), key=len)
    assert words[1].start == pytest.approx(longest[-1] / engine.rate, abs=0.05)  # it begins after the break


def test_times_without_events_are_a_warning(server: Running) -> None:
    answer = speak(server.client, timestamps=["word"])
    assert "stream_format" in answer.headers["x-warning"]
    assert len(answer.content) > 1000


def test_a_model_that_finds_no_words_speaks(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reading, "align", lambda self, labels: np.zeros(0, int))
    lines = speak(server.client, stream_format="json", timestamps=["word"]).text.splitlines()
    assert {json.loads(line)["type"] for line in lines} == {"speech.audio.delta", "speech.audio.done"}


def test_speed_of_timed_speech(server: Running) -> None:
    def seconds(speed: float) -> int:
        lines = speak(server.client, stream_format="json", timestamps=["word"], speed=speed).text.splitlines()
        return sum(len(base64.b64decode(event.get("audio", ""))) for event in map(json.loads, lines))

    assert seconds(2.0) == pytest.approx(seconds(1.0) / 2, rel=0.05)
