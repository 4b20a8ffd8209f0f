"""Files of trained voices that are damaged, unfit or made to harm: one sentence each, for whoever reads them."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from typer.testing import CliRunner

import glmtts
from glmtts.bundle import Bundle
from glmtts.cli import app
from glmtts.errors import BundleError, GlmTtsError, VoiceError
from glmtts.server.engine import Engine
from glmtts.server.settings import ServerSettings
from glmtts.synthesis.adapter_pool import AdapterPool
from glmtts.synthesis.trained_voice import TrainedVoice, check_voice_name, read_adapter
from glmtts.voices.pack import merge_into
from tests.server.running import Running, running
from tests.voices.made import random_voice

Change = Callable[[dict[str, Tensor], dict[str, str]], None]
DOWN = ".lora_A.weight"


@pytest.fixture(scope="module")
def tts(tiny_folder: Path) -> glmtts.Synthesizer:
    return glmtts.load(tiny_folder)


@pytest.fixture(scope="module")
def voice(tts: glmtts.Synthesizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_voice(tmp_path_factory.mktemp("voice") / "good.glmvoice", tts, size=0.3)


def changed(voice: Path, path: Path, change: Change) -> Path:
    with safe_open(voice, framework="pt") as file:
        tensors, metadata = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    change(tensors, metadata)
    save_file({name: value.contiguous() for name, value in tensors.items()}, path, metadata=metadata)
    return path


def config(text: str, module: str = "lm") -> Change:
    return lambda tensors, metadata: metadata.update({f"{module}.adapter_config": text})


def scaled(alpha: float, module: str) -> Change:
    def change(tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
        values = json.loads(metadata[f"{module}.adapter_config"])
        metadata[f"{module}.adapter_config"] = json.dumps({**values, "lora_alpha": alpha})

    return change


def named(name: str) -> Change:
    def change(tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
        metadata["card"] = json.dumps({**json.loads(metadata["card"]), "name": name})

    return change


def pair(module: str, change: Callable[[Tensor, Tensor], tuple[Tensor | None, Tensor | None]], at: str = "") -> Change:
    """Change the first pair of factors; `at` renames its layer."""

    def every(tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
        down = min(name for name in tensors if name.startswith(f"{module}.") and name.endswith(DOWN))
        up = down.replace("lora_A", "lora_B")
        factors = change(tensors.pop(down), tensors.pop(up))
        layer = "lm.base_model.model.model.layers.0" + at if at else down.removesuffix(DOWN)
        kept = zip((layer + DOWN, layer + DOWN.replace("A", "B")), factors, strict=True)
        tensors.update({name: value for name, value in kept if value is not None})

    return every


DAMAGED: dict[str, Change] = {
    "no rank": pair("lm", lambda down, up: (down[:0], up[:, :0])),
    "three axes": pair("flow", lambda down, up: (down[None], up[None])),
    "ranks unlike": pair("lm", lambda down, up: (down, torch.cat([up, up], 1))),
    "half a pair": pair("lm", lambda down, up: (None, up)),
    "whole numbers": pair("lm", lambda down, up: (down.int(), up.int())),
    "a list": config("[1]"),
    "a brace": config("{", "flow"),
    "a text": config('"lora_alpha"'),
    "no scale": config("{}"),
    "a true scale": config('{"lora_alpha": true}'),
    "NaN": config('{"lora_alpha": NaN}'),
    "nested": config("[" * 100_000),
    "nested objects": config('{"a":' * 100_000),
    "400 digits": config(f'{{"lora_alpha": 1{"0" * 400}}}'),
    "a scale that overflows": scaled(1e300, "lm"),
    "a scale of nothing": scaled(0, "lm"),
    "a scale below nothing": scaled(-1e5, "flow"),
    "numbers that are none": pair("lm", lambda down, up: (torch.full_like(down, float("nan")), up)),
    "numbers without end": pair("flow", lambda down, up: (down, torch.full_like(up, float("inf")))),
    "weights of DoRA": config('{"lora_alpha": 8, "use_dora": true}'),
    "scales of layers": config('{"lora_alpha": 8, "alpha_pattern": {"q_proj": 100}}', "flow"),
}
CARDS: dict[str, dict[str, object]] = {
    "negative hours": {"hours": -5},
    "negative utterances": {"utterances": -1},
    "more than all": {"share": {"lm": 1.5}},
    "half a surrogate": {"licence": "\ud800"},
    "an escape": {"base_name": "\x1b[2J"},
    "two lines": {"base_name": "mini\nAll is lost."},
    "lines for a hash": {"base": {"lm": "\n\n"}},
}
UNFIT: dict[str, Change] = {
    "wider": pair("lm", lambda down, up: (down, torch.cat([up, up[:3]]))),
    "narrower": pair("flow", lambda down, up: (down[:, 1:], up)),
    "unknown layer": pair("lm", lambda down, up: (down, up), ".mlp.other_proj"),
    "no linear layer": pair("lm", lambda down, up: (down, up), ".input_layernorm"),
}
UNREADABLE: dict[str, Change] = {
    "no text": lambda tensors, metadata: metadata.update(text="<break>"),
    "an emoji": lambda tensors, metadata: metadata.update(text="\N{GRINNING FACE}"),
    "too long a text": lambda tensors, metadata: metadata.update(text="word " * 999),
    "one token": lambda tensors, metadata: tensors.update(tokens=tensors["tokens"][0]),
    "an F0 of two numbers": lambda tensors, metadata: tensors.update(f0=tensors["f0"].repeat(2)),
}
TOO_LOUD: dict[str, Change] = {"lm": scaled(1e30, "lm"), "flow": scaled(1e30, "flow")}


def command(*given: object) -> GlmTtsError:
    """The error of a command, which is one sentence."""
    result = CliRunner().invoke(app, ["voice", *map(str, given)])
    assert isinstance(result.exception, GlmTtsError), result.exception
    assert "\n" not in str(result.exception)
    return result.exception


@pytest.mark.parametrize("name", CARDS)
def test_cards_of_lies_are_refused(name: str, voice: Path, tts: glmtts.Synthesizer, tmp_path: Path) -> None:
    def lie(tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
        metadata["card"] = json.dumps({**json.loads(metadata["card"]), **CARDS[name]})

    path = changed(voice, tmp_path / "lies.glmvoice", lie)
    assert "is not a trained voice" in str(command("info", path))
    with pytest.raises(VoiceError, match="is not a trained voice"):
        tts.voice(path)


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_adapters_are_refused_by_all_who_read_them(
    name: str, voice: Path, tts: glmtts.Synthesizer, tmp_path: Path
) -> None:
    path = changed(voice, tmp_path / "bad.glmvoice", DAMAGED[name])
    tts.say("Hello.", voice)  # afterwards all layers take part already
    with pytest.raises(VoiceError, match="is damaged"):
        tts.say("Hello.", path)
    assert "is damaged" in str(command("merge", path, "-o", tmp_path / "merged", "--model", tts.bundle.folder))
    if name != "a scale that overflows":  # which peft may take as it is
        assert "is damaged" in str(command("peft", path, "-o", tmp_path / "peft"))
        assert not (tmp_path / "peft").exists()
    assert [one.name for one in tmp_path.iterdir() if "merged" in one.name] == []


def test_a_voice_without_an_adapter_is_none(voice: Path, tts: glmtts.Synthesizer, tmp_path: Path) -> None:
    def bare(tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
        for module in ("lm", "flow"):
            del metadata[f"{module}.adapter_config"]

    path = changed(voice, tmp_path / "bare.glmvoice", bare)
    for given in (("info", path), ("peft", path, "-o", tmp_path / "peft"),
                  ("merge", path, "-o", tmp_path / "merged", "--model", tts.bundle.folder)):  # fmt: skip
        assert "is not a trained voice" in str(command(*given))
    with pytest.raises(VoiceError, match="is not a trained voice"):
        tts.voice(path)


@pytest.mark.parametrize("name", UNFIT)
def test_adapters_of_other_networks_are_refused(
    name: str, voice: Path, tts: glmtts.Synthesizer, tmp_path: Path
) -> None:
    path = changed(voice, tmp_path / "bad.glmvoice", UNFIT[name])
    for fresh in (False, True):
        speaking = glmtts.load(tts.bundle.folder) if fresh else tts
        with pytest.raises(VoiceError, match="The voice adapts the layer"):
            speaking.say("Hello.", path)
    assert "The voice adapts the layer" in str(
        command("merge", path, "-o", tmp_path / "merged", "--model", tts.bundle.folder)
    )


def upload(server: Running, name: str, path: Path) -> tuple[int, str]:
    files = {"audio_sample": ("bad.glmvoice", path.read_bytes())}
    answer = server.client.post("/v1/audio/voices", data={"name": name, "consent": "true"}, files=files)
    return answer.status_code, answer.text


def test_the_server_takes_no_voice_that_it_cannot_speak(voice: Path, tts: glmtts.Synthesizer, tmp_path: Path) -> None:
    with running(Engine(tts), ServerSettings(voices_folder=tmp_path / "voices")) as server:
        assert upload(server, "good", voice)[0] == 201
        for number, (name, change) in enumerate({**DAMAGED, **UNFIT, **UNREADABLE, **TOO_LOUD}.items()):
            status, said = upload(server, f"v{number}", changed(voice, tmp_path / "bad.glmvoice", change))
            assert status == 400 and "The voice" in said, (name, status, said)
        assert [one["id"] for one in server.client.get("/v1/audio/voices").json()["data"]] == [
            "default",
            "tone",
            "good",
        ]


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16, torch.float8_e4m3fn, torch.int64])
def test_numbers_of_another_kind_are_read(
    kind: torch.dtype, voice: Path, tts: glmtts.Synthesizer, tmp_path: Path
) -> None:
    def change(tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
        tensors["f0"] = tensors["f0"].to(kind)

    assert tts.say("Hello.", changed(voice, tmp_path / "other.glmvoice", change)).seconds > 0


def test_a_voice_that_got_in_fails_alone(voice: Path, tts: glmtts.Synthesizer, tmp_path: Path) -> None:
    bad, spoken = changed(voice, tmp_path / "bad.glmvoice", TOO_LOUD["lm"]), dict[str, object]()
    voices: dict[str, Path | str] = {"good": voice, "tone": "tone", "bad": bad}
    text = "Hello there, my dear friend, how are you today."

    def speak(name: str) -> None:
        try:
            spoken[name] = torch.cat([part.samples for part in tts.stream(text, voices[name])])
        except VoiceError as error:
            spoken[name] = str(error)

    threads = [threading.Thread(target=speak, args=(name,)) for name in voices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert "no finite numbers" in str(spoken["bad"])
    for name in ("good", "tone"):
        alone, beside = torch.cat([part.samples for part in tts.stream(text, voices[name])]), spoken[name]
        assert isinstance(beside, Tensor)
        torch.testing.assert_close(beside, alone, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    "name", ["../../pwned", "a/b", "..", ".", "", "/tmp/x", "a\\b", "C:x", "a\0b", "a\nb", "x" * 300]
)
def test_names_that_are_no_single_part_of_a_path_are_refused(name: str, voice: Path, tmp_path: Path) -> None:
    path, folder = changed(voice, tmp_path / "bad.glmvoice", named(name)), tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    assert "is not a trained voice" in str(command("merge", path, "-o", folder / "merged"))
    assert not list(folder.iterdir())
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bad.glmvoice", "deep"]
    with pytest.raises(VoiceError, match="no name of a voice"):
        check_voice_name(name)


@pytest.mark.parametrize("name", ["anna", "Anna B.", "安娜", "a-b_c.d", ".hidden", "..."])
def test_other_names_are_kept(name: str) -> None:
    assert check_voice_name(name) == name


def test_a_merge_that_fails_leaves_nothing(
    voice: Path, tts: glmtts.Synthesizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("glmtts.voices.pack.save_config", full)
    with pytest.raises(BundleError, match="merged cannot be written: No space left"):
        own, pool = Bundle.open(tts.bundle.folder), AdapterPool(read_adapter)
        merge_into(tmp_path / "merged", own, TrainedVoice.open(voice), pool)
    assert not list(tmp_path.iterdir())
    (tmp_path / "merged").mkdir()
    (tmp_path / "merged" / "own").touch()
    assert "is there already" in str(command("merge", voice, "-o", tmp_path / "merged", "--model", tts.bundle.folder))


def test_peft_folders_that_cannot_be_written_are_one_sentence(voice: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be written: Not a directory" in str(command("peft", voice, "-o", tmp_path / "file"))
