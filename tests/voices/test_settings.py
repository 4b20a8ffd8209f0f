"""Settings of a voice that would train something else than was meant, or be left unread, are refused at once."""

from pathlib import Path
from typing import Any

import pytest

import glmtts.tasks  # noqa: F401, registers what can be trained
from glmtts.errors import ConfigError
from glmtts.training.config import RunConfig
from glmtts.training.dryrun import measure
from glmtts.training.registry import create_task
from glmtts.voices.recipe import VoiceTraining
from tests.tiny import CODES

DATA: dict[str, Any] = {"sources": [{"path": "data"}], "batch_seconds": 6}
SIZES: dict[str, dict[str, Any]] = {
    "lm": {"vocab_size": 548, "hidden_size": 32, "num_layers": 2, "num_heads": 2, "num_kv_heads": 1, "head_dim": 16},
    "flow": {"vocabulary": CODES, "token_width": 16, "width": 32, "blocks": 2, "heads": 2, "prior_width": 16},
}


def run_of(kind: str, init: dict[str, Any], init_from: str | None) -> RunConfig:
    language_model = kind == "lm"
    return RunConfig.parse(
        {
            "run": {"task": f"voice_{kind}", "out": "run", "init_from": init_from},
            "model": SIZES[kind],
            "data": {**DATA, **({"text": "bundle", "codes": CODES} if language_model else {})},
            "loss": {"alignment_scale": 0.0} if language_model else {},
            "init": init,
            "schedule": {"steps": 2},
        }
    )


@pytest.mark.parametrize("kind", ["lm", "flow"])
@pytest.mark.parametrize(
    ("init", "init_from", "sentence"),
    [
        ({"share": None}, None, "run.init_from is missing: training all weights .* would begin with random ones"),
        ({"moved_codes": "there"}, "bundle", "init.moved_codes would not be read"),
        ({"BEGINS": "there"}, "bundle", "would not be read: a voice begins with the weights of its base"),
        ({"share": None, "BEGINS": "there"}, "bundle", "would not be read"),
    ],
)
def test_a_run_that_would_not_train_its_base(
    kind: str, init: dict[str, Any], init_from: str | None, sentence: str
) -> None:
    begins = {"lm": "speech_rows", "flow": "mel_head"}[kind]
    init = {name.replace("BEGINS", begins): value for name, value in init.items()}
    with pytest.raises(ConfigError, match=sentence):
        measure(create_task(run_of(kind, init, init_from)))


@pytest.mark.parametrize("kind", ["lm", "flow"])
def test_all_weights_of_a_base_are_trained(kind: str) -> None:
    for init in ({"share": None}, {"share": None, "moved_codes": "there"}):
        needs = measure(create_task(run_of(kind, init, "bundle")))
        assert needs.trainable == needs.total
    adapter = create_task(run_of(kind, {}, None))
    adapter.check()


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"method": "full", "share": 0.3}, "share is that of an adapter"),
        ({"method": "prefix", "share": 0.3}, "share is that of an adapter"),
        ({"prefix": [1]}, "would speak without it"),
        ({"learning_rates": {"vocoder": 1e-3}}, "learning_rates"),
        ({"lengths": [1.2, 0.8]}, "no length is within lengths"),
    ],
)
def test_what_would_be_left_unread_is_refused(values: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        VoiceTraining.parse(values)


def test_no_length_is_within_limits_that_are_exchanged(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no length is within lengths"):
        create_task(run_of("lm", {"lengths": [1.2, 0.8]}, "bundle"))
