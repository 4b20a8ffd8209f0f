"""What training says of a run's keys, said of the options of `glm-tts voice train`, which has no configuration."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from glmtts.errors import ConfigError, TrainingError, VoiceError
from glmtts.training.config import OtherValuesError
from glmtts.voices.recipe import VoiceTraining

# the options by the keys of a run that they decide (recipe.py), the most telling first
OPTIONS = {
    "init.share": "--share or --method",
    "optimizer.learning_rate": "--learning-rate",
    "optimizer.final_learning_rate": "--learning-rate",
    "optimizer.weight_decay": "--method",
    "run.seed": "--seed",
    "init.patience": "--patience",
    "init.prefix": "--output or --method",
    "run.init_from": "--model",
    "data.text": "--model",
    "data.codes": "--model",
    "model": "--model",
    "data.sources": "--work",
}
# what the engine advises, whose runs have configurations
WORDS = {
    "another run.out": "another --work",
    "Start a new run from an earlier checkpoint with a lower learning rate": (
        "Train anew, in another --work, with a lower --learning-rate"
    ),
}


def training_of(values: Mapping[str, Any]) -> VoiceTraining:
    """The settings that options give.

    Raises:
        ConfigError: names the options that are wrong.
    """
    try:
        return VoiceTraining.model_validate(dict(values))
    except ValidationError as error:
        problems = "; ".join(f"{_option(item['loc'])}{item['msg']}" for item in error.errors())
        raise ConfigError(f"{problems}. Correct these options.") from None


def _option(place: tuple[int | str, ...]) -> str:
    if not place:  # of several options together, which the sentence names
        return ""
    name = "learning_rate" if place[0] == "learning_rates" else str(place[0])
    return f"--{name.replace('_', '-')}: "


@contextmanager
def said_of_options() -> Iterator[None]:
    """Say of options what training says of the keys of a run.

    Raises:
        VoiceError: the run was begun with other options.
        TrainingError: as it was raised within, with the option in the place of the key.
    """
    try:
        yield
    except OtherValuesError as error:
        options = dict.fromkeys(_options_of(key) for key in error.keys)
        what = ", ".join(options) or "options"
        raise VoiceError(
            f"{error.run} was begun with another {what}. Give what it was begun with to go on; to begin anew, choose "
            f"another --work, or remove {error.run.parent}."
        ) from None
    except TrainingError as error:
        said = str(error)
        for theirs, ours in WORDS.items():
            said = said.replace(theirs, ours)
        raise TrainingError(said) from None


def _options_of(key: str) -> str:
    """The option behind a key; the key itself where there is none."""
    parts = key.split(".")
    return next((option for n in (2, 1) if (option := OPTIONS.get(".".join(parts[:n]))) is not None), key)
