"""The recipe from recordings to a bundle that speaks, with tiny models on made-up speech; and its single steps."""

import json
import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file

import glmtts
from glmtts.audio.io import load_audio
from glmtts.bundle import Bundle
from glmtts.cli import main as command
from glmtts.data import Dataset, FeatureSpec, ShardWriter, SourceConfig, Utterance, UtteranceRef
from glmtts.errors import DataError, TrainingError
from glmtts.speaker.campplus import CampPlus, CampPlusConfig
from glmtts.speech_tokenizer.model import SpeechTokenizer, SpeechTokenizerConfig
from glmtts.speech_tokenizer.train import tokens_from_hidden
from glmtts.text.tokenizer import TextTokenizer
from tests.tiny import CODES

ROOT = Path(__file__).parents[1]
RECIPE, CONFIGS = ROOT / "recipes" / "mini", ROOT / "configs"
TEXT_IDS = 300
TOKENIZER = {"d_model": 32, "heads": 2, "ffn": 64, "layers_before": 2, "codes": CODES, "code_width": 8}
SPEAKER = CampPlusConfig(layers=(1, 1, 1))
LINES = {
    "zh": ("zh_daily", "zf_xiaoxiao", ("老师您好。", "我们去公园散步。", "你来吗？", "今天很冷。")),
    "en": ("en", "af_heart", ("Hello there.", "The rain in Spain.", "Is it you?", "We live by the lake.")),
}


@pytest.fixture(scope="module")
def step() -> Iterator[Any]:
    """Imports a module of the recipe, whose folder is no package."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(RECIPE))
        yield import_module
    for name in set(sys.modules) - before:
        if (RECIPE / f"{name}.py").exists():
            del sys.modules[name]


def recorded(seconds: float, pitch: float) -> np.ndarray:
    """A buzz whose loudness rises and falls four times a second."""
    time = np.arange(int(seconds * 24000)) / 24000
    buzz = sum(np.sin(2 * np.pi * pitch * harmonic * time) / harmonic for harmonic in range(1, 8))
    return (0.2 * buzz * (1.1 + np.cos(8 * np.pi * time))).astype(np.float32)


def make_corpora(folder: Path) -> list[Path]:
    """One Mandarin and one English corpus of six recordings, as they are given to the recipe."""
    for number, (lang, (name, speaker, texts)) in enumerate(LINES.items()):
        (folder / name).mkdir(parents=True)
        rows = []
        for line in range(6):
            seconds = 3.2 if line == 0 else 1.0 + 0.1 * line
            soundfile.write(folder / name / f"{lang}{line}.flac", recorded(seconds, 120 + 60 * number), 24000)
            row = {"id": f"{lang}{line}", "file": f"{lang}{line}.flac", "lang": lang, "text": texts[line % 4]}
            rows.append({**row, "speaker": speaker, "seconds": seconds})
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / name / "index.jsonl").write_text(text, encoding="utf-8")
    return sorted(folder.iterdir())


def save_tiny_weights(folder: Path) -> tuple[Path, Path]:
    """A Whisper and a CAM++ of random weights, as they are published."""
    whisper = SpeechTokenizer(SpeechTokenizerConfig(**{**TOKENIZER, "layers_before": 3}))
    kept = {
        f"model.encoder.{k}": v for k, v in whisper.state_dict().items() if not k.startswith(("codebook", "project"))
    }
    save_file(kept, folder / "whisper.safetensors")
    state = CampPlus(SPEAKER).state_dict()
    torch.save({k: v for k, v in state.items() if "num_batches" not in k}, folder / "campplus.pt")
    return folder / "whisper.safetensors", folder / "campplus.pt"


def settings(work: Path, stage: str, steps: int = 3) -> list[str]:
    """What makes a stage's own configuration tiny."""
    sizes: dict[str, dict[str, Any]] = {
        "speech_tokenizer": {"model": TOKENIZER, "loss": {"quantizer_warmup_steps": 2}, "data": {"frozen_layers": 1}},
        "lm": {
            "model": {"hidden_size": 32, "num_layers": 4, "num_heads": 2, "num_kv_heads": 1, "head_dim": 16},
            "data": {"codes": CODES},
        },
        "flow": {
            "model": {"vocabulary": CODES, "token_width": 16, "token_blocks": 1, "width": 32, "blocks": 2, "heads": 2},
        },
        "vocoder": {
            "model": {"channels": 4, "layers": 1, "bands": 60, "kernel": 3},
            "data": {"segment_frames": 8, "batch_utterances": 2},
            "loss": {"gan_start": 2, "discriminator_channels": 2, "periods": [2], "period_channels": 2},
        },
    }
    small = {"width": 16, "layers": 1, "fine_width": 8, "fine_layers": 1, "pitch_width": 8, "pitch_layers": 1}
    for part in ("harmonic_pitch", "harmonic_envelopes", "harmonic"):
        sizes[part] = {"model": small, "data": sizes["vocoder"]["data"]}
    sizes["harmonic"]["loss"] = {"discriminator_channels": 2, "periods": [2], "period_channels": 2}
    sections = {**sizes[stage], "schedule": {"steps": steps, "warmup_steps": 1}}
    chosen = [f"{name}.{key}={json.dumps(value)}" for name, part in sections.items() for key, value in part.items()]
    sources = ", ".join(f'{{ path = "{folder}" }}' for folder in sorted((work / "data").iterdir()))
    return [*chosen, f"data.sources=[{sources}]", "run.precision=no", "distributed.workers=0"]


def train(monkeypatch: pytest.MonkeyPatch, stage: str, chosen: list[str]) -> None:
    options = [part for one in chosen for part in ("--set", one)]
    monkeypatch.setattr("sys.argv", ["glm-tts", "train", str(CONFIGS / f"mini_{stage}.toml"), *options])
    with pytest.raises(SystemExit, match="0"):
        command()


@pytest.fixture(scope="module")
def begun(step: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of tiny corpora, and of a working folder with their datasets, speakers and vocabulary."""
    folder = tmp_path_factory.mktemp("begun")
    (folder / "WORK").mkdir()
    corpora, (whisper, campplus) = make_corpora(folder / "corpus"), save_tiny_weights(folder)
    sizes = "\n".join(f"{key} = {value}" for key, value in TOKENIZER.items())
    (folder / "tokenizer.toml").write_text(
        '[run]\ntask = "speech_tokenizer"\nout = "unused"\n[schedule]\nsteps = 1\n[data]\nfrozen_layers = 1\n'
        f"[model]\n{sizes}\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        work = Path("WORK")
        run(step("prepare"), corpus=corpora, whisper=whisper, work=work, config=folder / "tokenizer.toml")
        step("speaker").main(["--weights", str(campplus), "--work", str(work)], SPEAKER)
        run(step("vocabulary"), work=work, size=TEXT_IDS, codes=CODES)
    return folder


@pytest.fixture
def prepared(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of the configurations as `begun` left it, in a copy of its own."""
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Path("WORK")


def run(module: Any, **options: Any) -> None:
    """Run a step of the recipe as its command line does."""
    arguments: list[str] = []
    for name, value in options.items():
        arguments += [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, list) else [value])]
    module.main(arguments)


def train_the_rest(monkeypatch: pytest.MonkeyPatch, work: Path, *more: str) -> None:
    vocabulary = TextTokenizer.load(work / "text").size
    train(monkeypatch, "lm", [*settings(work, "lm"), f"model.vocab_size={vocabulary}", *more])
    train(monkeypatch, "flow", [*settings(work, "flow"), *more])


def says_something(bundle: Path) -> bool:
    with torch.inference_mode():
        return glmtts.load(bundle).say("Hello.").seconds > 0.1


def test_from_recordings_to_a_bundle_that_speaks_and_on(
    step: Any, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All steps of the recipe; then the tokenizer trains on, and the others follow its codes."""
    work, first, second = prepared, tmp_path / "first", tmp_path / "second"
    settings_of_codes = [*settings(work, "speech_tokenizer", 4), f"init.whisper={tmp_path / 'whisper.safetensors'}"]
    train(monkeypatch, "speech_tokenizer", settings_of_codes)
    run(step("tokens"), work=work, tokenizer=work / "speech_tokenizer")
    train_the_rest(monkeypatch, work)
    train(monkeypatch, "vocoder", settings(work, "vocoder"))
    monkeypatch.setattr(step("export"), "VOICES", {"heart": ("en", "af_heart", "made up")})
    run(step("export"), work=work, corpus=tmp_path / "corpus", out=first)
    assert says_something(first)
    run(step("flow_mel"), work=work, bundle=first)
    for part in ("harmonic_pitch", "harmonic_envelopes", "harmonic"):
        train(monkeypatch, part, settings(work, part))
    run(step("replace"), bundle=first, run=work / "harmonic", out=tmp_path / "replaced")
    assert says_something(tmp_path / "replaced")
    assert Bundle.open(tmp_path / "replaced").config.modules["vocoder"].architecture == "vocos_harmonic"

    for stage in ("speech_tokenizer", "lm", "flow", "vocoder"):
        (work / stage).rename(work / f"old_{stage}")
    with pytest.raises(TrainingError, match="No code has moved"):
        run(step("moved_codes"), work=work, before=first, frozen_layers=1)
    go_on = [f"run.init_from={first}", "loss.quantizer_warmup_steps=0", "optimizer.learning_rate=0.05"]
    train(monkeypatch, "speech_tokenizer", [*settings(work, "speech_tokenizer", 8), *go_on])
    run(step("tokens"), work=work, tokenizer=work / "speech_tokenizer")
    run(step("moved_codes"), work=work, before=first, frozen_layers=1)
    moved = f"init.moved_codes={work / 'moved_codes.safetensors'}"
    train_the_rest(monkeypatch, work, f"run.init_from={first}", moved)
    run(step("export"), work=work, corpus=tmp_path / "corpus", out=second)
    assert says_something(second)
    vocoders = [(bundle / "vocoder.safetensors").read_bytes() for bundle in (first, second)]
    assert (tmp_path / "replaced" / "vocoder.safetensors").read_bytes() == vocoders[1]
    assert vocoders[0] != vocoders[1]  # the vocoder with a source is what the second bundle has


def test_a_corpus_that_grows_is_prepared_again(step: Any, prepared: Path, tmp_path: Path) -> None:
    def dataset() -> Dataset:
        return Dataset.open([SourceConfig(path=prepared / "data" / "en")], ("wave", "mel", "f0", "hidden"))

    before, corpus = dataset(), tmp_path / "corpus" / "en"
    soundfile.write(corpus / "new.flac", recorded(1.5, 150), 24000)
    row = {"id": "new", "file": "new.flac", "lang": "en", "text": "One more.", "speaker": "other", "seconds": 1.5}
    with (corpus / "index.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    options = {"whisper": tmp_path / "whisper.safetensors", "config": tmp_path / "tokenizer.toml"}
    run(step("prepare"), corpus=corpus, work=prepared, **options)
    after = dataset()
    assert [one.id for one in after.utterances()] == [*(one.id for one in before.utterances()), "new"]
    assert after.manifests[0].shards[:1] == before.manifests[0].shards
    item = after.load(UtteranceRef(0, 1, 0, 1.5))
    assert item.utterance.speaker == "en/other"
    lengths = {name: len(value) for name, value in item.features.items()}
    assert lengths == {"wave": 35520, "mel": 74, "f0": 74, "hidden": 74}
    assert 140 < np.median(item.features["f0"]) < 160


def test_a_recording_is_written_before_its_line(step: Any, tmp_path: Path) -> None:
    corpora = step("corpora")
    samples = 0.1 * np.sin(np.arange(corpora.SAMPLE_RATE) / 20).astype(np.float32)
    for name in ("a.flac", None):
        record = {"id": "a" if name else "b", "lang": "en", "text": "Hello.", "speaker": "s"}
        written = corpora.add_recording(tmp_path / "index.jsonl", record | ({"file": name} if name else {}), samples)
        assert written == 1.0
    first, second = corpora.read_corpus(tmp_path)
    paths = [Path(one.extra["path"]) for one in (first, second)]
    assert [path.name for path in paths] == ["a.flac", "b.opus"]
    assert first.speaker == f"{tmp_path.name}/s"
    assert all(abs(len(load_audio(path, 24000)) - 24000) < 100 for path in paths)


def test_silence_around_speech_is_not_written(step: Any, tmp_path: Path) -> None:
    corpora = step("corpora")
    rate = corpora.SAMPLE_RATE
    speech = 0.5 * np.sin(np.arange(rate) / 20).astype(np.float32)
    padded = np.concatenate([np.zeros(rate, np.float32), speech, np.full(2 * rate, 1e-3, np.float32)])
    assert len(corpora.trimmed(padded)) == pytest.approx(1.4 * rate, abs=50)
    assert len(corpora.trimmed(speech)) == pytest.approx(rate, abs=50)
    assert len(corpora.trimmed(np.zeros(100, np.float32))) == 100
    assert corpora.add_recording(tmp_path / "index.jsonl", {"id": "a"}, padded) == pytest.approx(1.4, abs=0.01)


def test_held_out_speakers_and_extreme_lengths_stay_out(
    step: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "speechocean762"
    folder.mkdir()
    lines = [("so1", 3), ("so1", 3), ("so27", 3), ("so27", 3), ("so3", 0.2), ("so3", 0.2), ("so4", 3), ("so4", 3)]
    rows = [
        {"id": str(number), "lang": "en", "text": "x", "speaker": speaker, "seconds": seconds}
        for number, (speaker, seconds) in enumerate(lines)
    ]
    (folder / "index.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    for number in (0, 6):
        soundfile.write(folder / f"{number}.opus", recorded(3.0, 150), 24000, format="OGG", subtype="OPUS")
    kept = step("corpora").read_corpus(folder)
    assert [one.id for one in kept] == ["0", "6"]  # every second, of those that may train
    monkeypatch.chdir(folder)
    found = step("corpora").read_corpus(Path("."))  # noqa: PTH201 - as the command line gives it
    assert [(one.id, one.speaker) for one in found] == [(one.id, one.speaker) for one in kept]
    (folder / "6.opus").unlink()
    with pytest.raises(DataError, match=r"6\.opus is not there"):
        step("corpora").read_corpus(folder)
    (folder / "index.jsonl").write_text(json.dumps(rows[4]), encoding="utf-8")
    with pytest.raises(DataError, match=r"has no line of 0\.5 to 20 s"):
        step("corpora").read_corpus(folder)


@pytest.mark.parametrize("said", [0.6, 2.5])
def test_a_length_that_the_recording_has_not_is_told(step: Any, tmp_path: Path, said: float) -> None:
    soundfile.write(tmp_path / "a.flac", recorded(1.5, 150), 24000)
    row = {"id": "a", "file": "a.flac", "lang": "en", "text": "x", "speaker": "s", "seconds": said}
    (tmp_path / "index.jsonl").write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(DataError, match=rf"a\.flac has 1\.50 s, and its index says {said:.2f} s"):
        step("corpora").read_corpus(tmp_path)


def test_warped_speakers_are_new_ones(step: Any, tmp_path: Path) -> None:
    make_corpora(tmp_path / "corpus")
    run(step("warp"), corpus=[tmp_path / "corpus" / "en"], hours=0.001, out=tmp_path / "warped")
    made = step("corpora").read_corpus(tmp_path / "warped")
    assert made and all(one.speaker.startswith("warped/en/af_heart*") for one in made)
    assert all(one.seconds < 3.4 / 0.82 for one in made)


def test_short_lines_are_clauses_and_single_words_that_are_not_held_out(step: Any) -> None:
    short_lines = step("short_lines")
    clauses = short_lines.clauses_of(["Oh, is it you? Then the rest of us may go.", "Oh. Really?"], 3, ".")
    assert clauses == ["Oh.", "Is it you?", "Really?"]
    assert short_lines.clauses_of(["老师，您好！我们今天去公园散步。"], 4, "。") == ["老师。", "您好。"]
    lines = short_lines.short_lines(clauses, ["Rest.", "Go."], "Oh, hello.", seed=1)
    assert sorted(lines) == ["Go.", "Is it you?", "Really?", "Rest."]


def test_shares_of_codes_that_changed_places(step: Any, tmp_path: Path) -> None:
    """A tokenizer whose codes are permuted: each new code stands for one old code, one that is not seen for itself."""
    torch.manual_seed(0)
    before = SpeechTokenizer(SpeechTokenizerConfig(d_model=16, heads=2, ffn=16, layers_before=1, code_width=8)).eval()
    codes, hidden = before.config.codes, [np.random.default_rng(n).normal(size=(40, 16)) for n in range(9)]
    old = [tokens_from_hidden(before, 0, states) for states in hidden]
    places = np.random.default_rng(0).permutation(codes).astype(np.int32)
    specs = {"hidden": FeatureSpec(rate=50), "tokens": FeatureSpec(rate=25)}
    with ShardWriter(tmp_path / "toy", specs) as writer:
        for number, (states, tokens) in enumerate(zip(hidden, old, strict=True)):
            utterance = Utterance(str(number), "x", "zh", "s", 0.8)
            writer.add(utterance, {"hidden": states, "tokens": places[tokens]})
    dataset = Dataset.open([SourceConfig(path=tmp_path / "toy")], ("hidden", "tokens"))
    shares_CC = step("moved_codes").shares_of_old(before, 0, dataset)
    seen = np.unique(np.concatenate(old))
    rows = torch.randn(codes, 4)
    torch.testing.assert_close((shares_CC @ rows)[places[seen]], rows[seen])
    unseen = np.setdiff1d(np.arange(codes), places[seen])
    torch.testing.assert_close((shares_CC @ rows)[unseen], rows[unseen])
