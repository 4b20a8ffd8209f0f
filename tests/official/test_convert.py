"""A release converts, loads and speaks; a wrong one is refused with a sentence."""

import hashlib
import json
import math
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

import glmtts
from glmtts.audio.io import load_audio, write_audio
from glmtts.bundle import Bundle
from glmtts.cli import app
from glmtts.durable import part_of
from glmtts.errors import BundleError, ReleaseError, VoiceError
from glmtts.official import convert as conversion
from glmtts.official.convert import Vocoder, convert
from glmtts.official.fetch import check_folder, check_hashes, fetch
from glmtts.synthesis.segment import EarlierPiece
from tests.official.synthetic_release import FULL, flow_weights, hift_weights, tokenizer_weights, write_release
from tests.parity import fill

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("release") / "GLM-TTS")


@pytest.fixture(scope="module")
def converted(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(release, tmp_path_factory.mktemp("bundle") / "glm-tts")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    write_audio(tmp_path / "me.wav", 0.3 * torch.sin(torch.arange(32000) / 16000 * 1500), 16000)
    return tmp_path / "me.wav"


@pytest.fixture
def copy(release: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(release, tmp_path / "copy"))


def test_says_noise_of_the_right_length(converted: Path, recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    result = CliRunner().invoke(
        app, ["say", "你好。", "--voice", str(recording), "--model", str(converted), "-o", str(out)]
    )
    assert result.exit_code == 0, result.output
    text_ids = len(glmtts.load(converted).frontend.ids("你好。"))
    tokens = len(load_audio(out, 24000)) / 960
    assert int(2 * text_ids) <= tokens <= int(20 * text_ids)


def test_weights_arrive_unchanged(release: Path, converted: Path) -> None:
    bundle = glmtts.load(converted).bundle
    shards = [load_file(path) for path in sorted((release / "llm").glob("*.safetensors"))]
    assert len(shards) > 2
    lm = bundle.lm.state_dict()
    assert all(torch.equal(lm[name], value) for shard in shards for name, value in shard.items())
    name = "estimator.transformer_blocks.1.attn.to_q.weight"
    assert torch.equal(bundle.flow.transformer_blocks[1].attn.to_q.weight, fill(name, [64, 64]))
    assert torch.equal(bundle.speech_tokenizer.conv1.bias, fill("conv1.bias", [32]))


def test_text_is_the_releases(converted: Path) -> None:
    tts = glmtts.load(converted)
    assert tts.frontend.to_hybrid("你好，我长大乐 Spain") == "你好，我长大乐 spain。"
    with_phonemes = tts.frontend.with_mode("ambiguous")
    assert with_phonemes.to_hybrid("你好，我长大乐 Spain") == "你好，我<|ZH|><|ANG3|><|D|><|A4|><|L|><|E4|> spain。"
    assert tts.frontend.config.shortest_piece == 30
    assert tts.defaults.history_tokens == 750


def test_own_replacements_come_along(copy: Path, tmp_path: Path) -> None:
    (copy / "configs" / "custom_replace.jsonl").write_text('{"长大": "<|ZH|><|ANG3|>"}\n', encoding="utf-8")
    frontend = glmtts.load(convert(copy, tmp_path / "own")).frontend.with_mode("ambiguous")
    assert frontend.to_hybrid("我长大") == "我<|ZH|><|ANG3|>。"


def test_the_prompt_is_text_with_an_end_mark_and_a_blank(converted: Path, recording: Path) -> None:
    tts = glmtts.load(converted)
    voice = tts.voice(recording, "你好，我长大乐")
    segments = tts.segments(tts.frontend.prepare("你好。"), voice, 0, {"phoneme_in": "ambiguous"})
    (request,) = tts.generator._prompter.requests(segments[0], [0], tts.bundle.lm)
    prompt = tts.frontend.encode("你好，我长大乐。 ")
    assert list(request.prompt_ids[: len(prompt)]) == prompt
    assert list(request.prompt_ids[len(prompt) :][: request.text_length]) == tts.frontend.encode(segments[0].hybrid)


def test_earlier_pieces_are_continued_within_their_bound(converted: Path, recording: Path) -> None:
    tts = glmtts.load(converted)
    voice = tts.voice(recording, "你好。")
    (segment,) = tts.segments(tts.frontend.prepare("再见。"), voice, 0, {})
    earlier = [EarlierPiece(f"第{n}句。", [], [n] * 40) for n in (1, 2, 3)]
    known = len(voice.tokens)

    def tokens(most: int) -> list[int]:
        how = segment.settings.model_copy(update={"history_tokens": most})
        told = replace(segment, settings=how, history=earlier)
        (request,) = tts.generator._prompter.requests(told, [0], tts.bundle.lm)
        begin = list(request.prompt_ids).index(tts.bundle.audio_tokens.begin)
        speech = [number - tts.bundle.audio_tokens.first for number in request.prompt_ids[begin + 1 :]]
        assert speech[:known] == voice.tokens.tolist()
        return speech[known:]

    whole = [1] * 40 + [2] * 40 + [3] * 40
    kept = [tokens(most) for most in (10_000, *range(400, 0, -20))]
    assert kept[0] == whole and kept[-1] == []
    assert all(len(more) >= len(less) and more[len(more) - len(less) :] == less for more, less in pairwise(kept))
    assert {len(one) for one in kept} == {0, 40, 80, 120}


def test_a_long_text_is_the_same_whole_and_as_pieces_that_continue(converted: Path, recording: Path) -> None:
    """Pieces are decoded one after another; the second sees the first. Noise has no end, so its length is bounded."""
    tts = glmtts.load(converted)
    short = tts.defaults.sampling.model_copy(update={"max_ratio": 4.0})
    tts.defaults = tts.defaults.model_copy(update={"sampling": short})
    voice, text = tts.voice(recording, "你好。"), "今天天气很好，我们去公园散步吧。" * 8
    assert len(tts.frontend.prepare(text)) > 1
    with_history = tts.say(text, voice)
    tts.defaults = tts.defaults.model_copy(update={"history_tokens": 0})
    without = tts.say(text, voice)
    first = len(tts.say(tts.frontend.prepare(text)[0].text, voice).samples)
    torch.testing.assert_close(with_history.samples[: first - 480], without.samples[: first - 480], atol=2e-3, rtol=0)
    assert not torch.equal(with_history.samples[first : first + 4800], without.samples[first : first + 4800])


def test_fine_tuned_speakers(converted: Path, recording: Path) -> None:
    tts = glmtts.load(converted)
    voice = tts.voice(recording)
    plain, jam = tts.say("你好。", voice), tts.say("你好。", voice, speaker="jam")
    assert not torch.equal(plain.samples[:480], jam.samples[:480]) or len(plain.samples) != len(jam.samples)
    with pytest.raises(VoiceError, match="knows: jam"):
        tts.say("你好。", voice, speaker="nobody")
    with pytest.raises(VoiceError, match="no voice of its own"):
        tts.say("你好。")


class _Script(torch.nn.Module):
    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        return mel.mean(2).repeat_interleave(640, dim=1).tanh()


def test_the_released_vocos2d_runs_apart(copy: Path, recording: Path, tmp_path: Path) -> None:
    (copy / "vocos2d").mkdir()
    torch.jit.script(_Script()).save(str(copy / "vocos2d" / "generator_jit.ckpt"))
    tts = glmtts.load(convert(copy, tmp_path / "wide", vocoder="vocos2d"), allow_program=True)
    vocoder, mel = tts.bundle.vocoder, torch.randn(1, 80, 5)
    torch.testing.assert_close(vocoder(mel), _Script()((mel - vocoder.config.mel_mean).transpose(1, 2)))
    assert tts.say("你好。", recording).rate == 32000
    whole = (copy / "vocos2d" / "generator_jit.ckpt").read_bytes()
    for damaged in (b"nonsense", whole[:-30], whole[: len(whole) // 2]):
        (copy / "vocos2d" / "generator_jit.ckpt").write_bytes(damaged)
        with pytest.raises(ReleaseError, match=r"generator_jit\.ckpt is no TorchScript program\. Fetch"):
            convert(copy, tmp_path / "other", vocoder="vocos2d")
    with pytest.raises(BundleError, match="allow-program"):
        glmtts.load(tmp_path / "wide").say("你好。", recording)


class _Ends(torch.nn.Module):
    """A program that can be told to have run: it does not load."""

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        return mel

    @torch.jit.export
    def __getstate__(self) -> tuple[bool, bool]:
        return (True, self.training)

    @torch.jit.export
    def __setstate__(self, state: tuple[bool, bool]) -> None:
        self.training = state[1]
        assert not state[0], "it was run"


def test_a_program_is_copied_and_not_run_unless_it_is_allowed(copy: Path, tmp_path: Path) -> None:
    (copy / "vocos2d").mkdir()
    torch.jit.script(_Ends()).save(str(copy / "vocos2d" / "generator_jit.ckpt"))
    with pytest.raises(BundleError, match="no TorchScript program that runs confined"):
        convert(copy, tmp_path / "tried", vocoder="vocos2d", allow_program=True)
    out = convert(copy, tmp_path / "copied", vocoder="vocos2d")
    program = (out / "vocos2d_torchscript.ckpt").read_bytes()
    assert program == (copy / "vocos2d" / "generator_jit.ckpt").read_bytes()
    with pytest.raises(BundleError, match="allow-program"):
        _ = glmtts.load(out).bundle.vocoder


def test_half_precision_is_half_as_large(release: Path, converted: Path, recording: Path, tmp_path: Path) -> None:
    half = convert(release, tmp_path / "half", dtype=torch.bfloat16)
    sizes = [(folder / "lm.safetensors").stat().st_size for folder in (half, converted)]
    assert math.isclose(sizes[0] / sizes[1], 0.5, rel_tol=0.05)
    bundle = glmtts.load(half).bundle
    assert bundle.lm.model.norm.weight.dtype == torch.bfloat16
    assert bundle.flow.proj_out.weight.dtype == torch.float32
    assert glmtts.load(half).say("你好。", recording).seconds > 0


def test_half_precision_and_unused_tensors_are_taken(copy: Path, tmp_path: Path) -> None:
    _change(copy, lambda weights: weights.update({name: value.half() for name, value in weights.items()}))
    _change(copy, lambda weights: weights.update(surprise=torch.zeros(3)))
    assert glmtts.load(convert(copy, tmp_path / "taken")).bundle.lm.max_positions > 0


def test_keys_and_shapes_are_the_released_ones(parity: Path) -> None:
    def keys(name: str) -> dict[str, list[int]]:
        described = json.loads((parity / f"{name}.json").read_text())["keys"]
        return {key: entry["shape"] for key, entry in described.items()}

    with torch.device("meta"), pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.official.synthetic_release.fill", lambda name, shape: torch.empty(shape))
        flow = {name: list(value.shape) for name, value in flow_weights(FULL)}
        hift = {name: list(value.shape) for name, value in hift_weights(FULL)}
        tokenizer = {n.removeprefix("model.encoder."): list(v.shape) for n, v in tokenizer_weights(FULL)}
    assert flow == keys("flow")
    assert hift == keys("hift")
    unused = [name for name in tokenizer if name.startswith(("layers.16.", "layer_norm.", "model.decoder."))]
    assert {name: shape for name, shape in tokenizer.items() if name not in unused} == keys("speech_tokenizer_official")


def test_resumes_after_a_kill(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    real = conversion._write

    def dying(part, *rest):
        if part.room == "flow" and "flow" not in written:
            written.append("flow")
            raise KeyboardInterrupt
        written.append(part.room)
        return real(part, *rest)

    monkeypatch.setattr(conversion, "_write", dying)
    with pytest.raises(KeyboardInterrupt):
        convert(release, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    convert(release, tmp_path / "out")
    assert written == ["lm", "speech_tokenizer", "flow", "flow", "vocoder"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    with pytest.raises(ReleaseError, match="exists"):
        convert(release, tmp_path / "out")


def test_a_second_conversion_into_one_bundle_is_refused(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one would rename the folder in which this one writes."""
    real = conversion._write

    def meanwhile(part, *rest):
        with pytest.raises(ReleaseError, match=r"Another process converts into .*out\. Wait for it"):
            convert(release, tmp_path / "out")
        return real(part, *rest)

    monkeypatch.setattr(conversion, "_write", meanwhile)
    convert(release, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("order", [("hift", "vocos2d"), ("vocos2d", "hift")])
def test_another_vocoder_than_an_interrupted_call_asked_for(
    order: tuple[Vocoder, Vocoder], copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copy / "vocos2d").mkdir()
    torch.jit.script(_Script()).save(str(copy / "vocos2d" / "generator_jit.ckpt"))

    def dying(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(conversion, "save_config", dying)
        convert(copy, tmp_path / "out", vocoder=order[0])
    part_of(tmp_path / "out.part" / "flow.safetensors").write_bytes(b"half")
    (tmp_path / "out.part" / "own.txt").write_text("of the user")
    config = Bundle.open(convert(copy, tmp_path / "out", vocoder=order[1])).config
    listed = {entry.file for entry in config.modules.values()} | set(config.text_files) | {"bundle.json", "own.txt"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == listed


def _truncate(folder: Path) -> None:
    path = sorted((folder / "llm").glob("*.safetensors"))[0]
    path.write_bytes(path.read_bytes()[:-100])


def _swap(folder: Path) -> None:
    shutil.copy(folder / "hift" / "hift.pt", folder / "flow" / "flow.pt")


def _change(folder: Path, change: Callable[[dict], None]) -> None:
    path = sorted((folder / "llm").glob("*.safetensors"))[0]
    weights = load_file(path)
    change(weights)
    save_file(weights, path)


def _eight_bits(folder: Path) -> None:
    _change(folder, lambda weights: weights.update({next(iter(weights)): next(iter(weights.values())).to(torch.int8)}))


def _missing_key(folder: Path) -> None:
    _change(folder, lambda weights: weights.pop(next(iter(weights))))


def _misshapen(folder: Path) -> None:
    state = torch.load(folder / "hift" / "hift.pt", weights_only=True)
    state["conv_pre.bias"] = torch.zeros(7)
    torch.save(state, folder / "hift" / "hift.pt")


class _Code:
    def __reduce__(self) -> tuple:
        return print, ("code has run",)


def _pickled_code(folder: Path) -> None:
    torch.save({"model": _Code()}, folder / "flow" / "flow.pt")


def _plain_pickle(folder: Path) -> None:
    (folder / "hift" / "hift.pt").write_bytes(pickle.dumps(_Code()))


def _lost_shard(folder: Path) -> None:
    sorted((folder / "llm").glob("*.safetensors"))[1].unlink()


def _lost_file(folder: Path) -> None:
    (folder / "configs" / "G2P_able_1word.json").unlink()


def _broken_json(folder: Path) -> None:
    (folder / "llm" / "config.json").write_text("{")


def _other_model(folder: Path) -> None:
    path = folder / "llm" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "model_type": "gpt2"}))


def _other_vocabulary(folder: Path) -> None:
    path = folder / "vq32k-phoneme-tokenizer" / "tokenizer_config.json"
    added = json.loads(path.read_text())["added_tokens_decoder"]
    path.write_text(json.dumps({"added_tokens_decoder": dict(list(added.items())[:-1])}))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_truncate, "truncated or damaged"),
        (_swap, "another model: it lacks text_emb_layer"),
        (_eight_bits, "stored as I8; weights are float32 or of half precision"),
        (_missing_key, "missing model"),
        (_misshapen, r"conv_pre.bias has shape \[7\], not \[32\]"),
        (_pickled_code, "could run code"),
        (_plain_pickle, "could run code"),
        (_lost_shard, "which its index names"),
        (_lost_file, "lacks .*G2P_able_1word.json"),
        (_broken_json, "config.json is damaged"),
        (_other_model, "model_type is 'gpt2'"),
        (_other_vocabulary, "parts do not fit"),
    ],
)
def test_wrong_releases_are_refused(
    copy: Path, tmp_path: Path, spoil: Callable[[Path], None], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(copy)
    with pytest.raises(ReleaseError, match=sentence):
        convert(copy, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert "code has run" not in capsys.readouterr().out


def test_fetch_checks_a_folder_that_lies_there(release: Path, copy: Path) -> None:
    result = CliRunner().invoke(app, ["fetch", "--from", str(release)])
    assert result.exit_code == 0
    assert "is complete" in result.output
    _truncate(copy)
    with pytest.raises(ReleaseError, match="truncated"):
        check_folder(copy)
    (copy / "hift" / "hift.pt").unlink()
    with pytest.raises(ReleaseError, match="lacks hift"):
        check_folder(copy)


def test_a_download_with_another_hash_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"right")
    (tmp_path / "b").write_bytes(b"wrong")
    digest = hashlib.sha256(b"right").hexdigest()
    with pytest.raises(ReleaseError, match="b did not have the recorded hash"):
        check_hashes(tmp_path, {"a": digest, "b": digest})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("lost", ["hift/hift.pt", "llm/*.safetensors"])
def test_a_download_that_is_not_whole_is_refused(
    lost: str, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a repository, or a revision of it, that lacks a file; the Hub is a folder here."""
    import huggingface_hub

    info = SimpleNamespace(sha="0" * 40, siblings=[])
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: SimpleNamespace(model_info=lambda *_, **__: info))
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda *_, local_dir, **__: shutil.copytree(copy, local_dir)
    )
    assert fetch(tmp_path / "whole", "some/where") == tmp_path / "whole"
    for path in [*copy.glob(lost), *copy.glob(f"{lost}.index.json")]:
        path.unlink()
    with pytest.raises(ReleaseError, match=r"(lacks hift/hift|holds no safetensors|lacks model).*(again|some/where)"):
        fetch(tmp_path / "part", "some/where")
