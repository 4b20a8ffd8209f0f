"""Where runs begin: bundles, other runs, codebooks, a Whisper; codes that have moved."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from glmtts.bundle import Bundle
from glmtts.errors import BundleError, ConfigError, TrainingError
from glmtts.lm.train import LanguageModelTask
from glmtts.training.registry import create_task
from glmtts.training.weights import trained_weights
from tests.tiny import CODES
from tests.training.made_up import run_of
from tests.training.runs import train

BUNDLED = {
    "lm": {"intermediate_size": 704},
    "flow": {},
    "speech_tokenizer": {"layers_after": 1},
    "vocoder": {},
}


def started(task: str, speech: Path, out: Path, **sections: dict) -> torch.nn.Module:
    """The model as a new run begins with it."""
    made = create_task(run_of(task, speech, out, **sections))
    made.check()
    torch.manual_seed(0)
    model = made.build()
    made.start(model)
    return model


@pytest.fixture(scope="module")
def tokenizer_run(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained speech tokenizer."""
    out = tmp_path_factory.mktemp("runs") / "speech_tokenizer"
    train(run_of("speech_tokenizer", speech, out, log={"evaluate_every": None}, schedule={"steps": 4}))
    return out


@pytest.mark.parametrize("task", ["lm", "flow", "vocoder"])
def test_from_a_bundle(task: str, speech: Path, tiny_folder: Path, tmp_path: Path) -> None:
    model = started(task, speech, tmp_path, run={"init_from": str(tiny_folder)}, model=BUNDLED[task])
    bundled = Bundle.open(tiny_folder).network(task).state_dict()
    assert bundled.keys() == model.state_dict().keys()
    assert all(torch.equal(value, bundled[name]) for name, value in model.state_dict().items())


def test_the_tokenizer_from_a_bundle_gives_its_tokens(speech: Path, tiny_folder: Path, tmp_path: Path) -> None:
    sections = {"run": {"init_from": str(tiny_folder)}, "loss": {"quantizer_warmup_steps": 0}}
    model = started("speech_tokenizer", speech, tmp_path, **sections)
    bundled = Bundle.open(tiny_folder).speech_tokenizer
    samples = torch.randn(16000)
    assert torch.equal(model.tokenizer.tokenize(samples), bundled.tokenize(samples))
    assert torch.equal(model.moving.ema_weight, model.tokenizer.codebook.weight)
    with pytest.raises(ConfigError, match="quantizer_warmup_steps=0"):
        started("speech_tokenizer", speech, tmp_path, run={"init_from": str(tiny_folder)})


def test_from_another_run(speech: Path, tokenizer_run: Path, tmp_path: Path) -> None:
    sections = {"run": {"init_from": str(tokenizer_run)}, "loss": {"quantizer_warmup_steps": 0}}
    model, trained = started("speech_tokenizer", speech, tmp_path, **sections), trained_weights(tokenizer_run)
    for name in ("tokenizer.codebook.weight", "mel.out.weight", "asr.out.weight"):
        assert torch.equal(model.state_dict()[name], trained[name])


def test_weights_of_another_size_are_refused(speech: Path, tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"do not fit \[model\]: .*mlp"):
        started("lm", speech, tmp_path, run={"init_from": str(tiny_folder)}, model={"intermediate_size": 8})
    with pytest.raises(BundleError, match="no model bundle"):
        started("lm", speech, tmp_path, run={"init_from": str(tmp_path)})


def test_the_prior_begins_as_the_mel_head(speech: Path, tokenizer_run: Path, tmp_path: Path) -> None:
    model = started("flow", speech, tmp_path, init={"mel_head": str(tokenizer_run)}, model={"prior_width": 256})
    tokenizer = create_task(run_of("speech_tokenizer", speech, tmp_path)).build()
    tokenizer.load_state_dict({**tokenizer.state_dict(), **trained_weights(tokenizer_run)})
    tokens, speaker = torch.randint(CODES, (1, 10)), F.normalize(torch.randn(1, 192), dim=-1)
    wanted = tokenizer.mel(tokenizer.code_vectors()[tokens], speaker, torch.ones(1, 10))
    predicted = model.prior(tokens, speaker, f0_B=torch.tensor([150.0]))
    torch.testing.assert_close(predicted, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["run", "bundle"])
def test_speech_embeddings_begin_like_their_codes(
    kind: str, speech: Path, tokenizer_run: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    where = tokenizer_run if kind == "run" else tiny_folder
    model = started("lm", speech, tmp_path, init={"speech_rows": str(where)})
    if kind == "run":
        codes = trained_weights(where)["tokenizer.codebook.weight"]
    else:
        codes = Bundle.open(where).network("speech_tokenizer").codebook.weight
    rows = model.model.embed_tokens.weight[-CODES:]
    near, far = torch.cdist(codes, codes).flatten(), torch.cdist(rows, rows).flatten()
    assert float(torch.corrcoef(torch.stack([near, far]).detach())[0, 1]) > 0.99


@pytest.mark.parametrize("task", ["lm", "flow"])
def test_tables_follow_codes_that_have_moved(task: str, speech: Path, tiny_folder: Path, tmp_path: Path) -> None:
    """Each new code stands for half of the old one before it and half of the one after."""
    shares = 0.5 * (torch.eye(CODES).roll(1, 0) + torch.eye(CODES).roll(-1, 0))
    save_file({"shares": shares}, tmp_path / "moved.safetensors")
    sections = {"run": {"init_from": str(tiny_folder)}, "model": BUNDLED[task]}
    still = started(task, speech, tmp_path, **sections).state_dict()
    moved = started(task, speech, tmp_path, init={"moved_codes": str(tmp_path / "moved.safetensors")}, **sections)
    name = "model.embed_tokens.weight" if task == "lm" else "prior.pitch.codes.weight"
    before, after = still[name][-CODES:] if task == "lm" else still[name], moved.state_dict()[name]
    torch.testing.assert_close(after[-CODES:] if task == "lm" else after, shares @ before)
    if task == "lm":
        assert torch.equal(after[:-CODES], still[name][:-CODES])
    with pytest.raises(TrainingError, match="holds no shares"):
        started(task, speech, tmp_path, init={"moved_codes": str(tmp_path / "none.safetensors")}, **sections)


def test_a_tokenizer_begins_as_whisper(speech: Path, tmp_path: Path) -> None:
    """The layers before the codebook are Whisper's first, those after it its last."""
    whole = create_task(run_of("speech_tokenizer", speech, tmp_path, model={"layers_before": 4})).build().tokenizer
    names = [name for name in whole.state_dict() if name.startswith(("conv", "embed", "layers"))]
    hub = {f"model.encoder.{name}": whole.state_dict()[name].contiguous() for name in names}
    save_file({**hub, "model.decoder.x": torch.zeros(2)}, tmp_path / "model.safetensors")
    model = started("speech_tokenizer", speech, tmp_path, init={"whisper": str(tmp_path / "model.safetensors")})
    assert torch.equal(model.tokenizer.layers[1].fc1.weight, whole.layers[1].fc1.weight)
    assert torch.equal(model.tokenizer.conv2.weight, whole.conv2.weight)
    assert torch.equal(model.asr.layers[0].fc1.weight, whole.layers[3].fc1.weight)
    with pytest.raises(TrainingError, match="holds no encoder of Whisper"):
        started("speech_tokenizer", speech, tmp_path, init={"whisper": str(tmp_path / "none.safetensors")})


def test_a_vocabulary_of_another_size_is_refused(speech: Path, tmp_path: Path) -> None:
    task = create_task(run_of("lm", speech, tmp_path, model={"vocab_size": 600}))
    assert isinstance(task, LanguageModelTask)
    with pytest.raises(ConfigError, match=r"has 548 ids, 16 of them speech, but model\.vocab_size is 600"):
        task.source()


@pytest.mark.parametrize(
    ("task", "sections", "sentence"),
    [
        (
            "flow",
            {"init": {"mel_head": "RUN"}, "model": {"vocabulary": 20}},
            "has 16 codes, but model.vocabulary is 20",
        ),
        ("flow", {"init": {"mel_head": "RUN"}, "model": {"prior_width": 8}}, r"do not fit \[model\]: .*token_blocks"),
        ("lm", {"init": {"moved_codes": "RUN"}}, "Give it as run.init_from"),
        ("flow", {"init": {"moved_codes": "RUN"}}, "Give it as run.init_from"),
        ("speech_tokenizer", {"model": {"codes": 8}}, r"do not fit \[model\]: codebook.weight"),
        ("speech_tokenizer", {"model": {"layers_after": 2}}, r"do not fit \[model\]: .*layers.1"),
    ],
)
def test_beginnings_of_other_sizes_are_one_sentence(
    task: str, sections: dict, sentence: str, speech: Path, tokenizer_run: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    init = {name: str(tokenizer_run) for name in sections.get("init", {})}
    begun = {"run": {"init_from": str(tiny_folder)}, "loss": {"quantizer_warmup_steps": 0}}
    more = begun if task == "speech_tokenizer" else {"init": init}
    with pytest.raises((ConfigError, TrainingError), match=sentence) as error:
        started(task, speech, tmp_path, **{**sections, **more})
    assert "\n" not in str(error.value)


def test_speech_embeddings_of_another_codebook_are_refused(speech: Path, tiny_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    model = {"codes": 8}
    train(run_of("speech_tokenizer", speech, run, model=model, log={"evaluate_every": None}, schedule={"steps": 4}))
    with pytest.raises(ConfigError, match=r"has 8 codes, but data\.codes is 16"):
        started("lm", speech, tmp_path, init={"speech_rows": str(run)})
