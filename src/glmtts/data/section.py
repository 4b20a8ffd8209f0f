"""The [data] section that training tasks share, and their micro-batches by number."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from glmtts.backends import reason_of
from glmtts.config import StrictConfig, check_order
from glmtts.data.dataset import Dataset, Item, SourceConfig, UtteranceRef
from glmtts.data.sampler import BucketSampler
from glmtts.errors import ConfigError, DataError

Make = Callable[[int, list[UtteranceRef]], Any]


class DataSection(StrictConfig):
    """Datasets, and how their utterances are batched; `evaluated` held-out ones are looked at in an evaluation."""

    sources: tuple[SourceConfig, ...] = ()
    batch_seconds: float | None = Field(default=24.0, gt=0)
    batch_utterances: int | None = Field(default=None, ge=1)
    min_seconds: float = Field(default=0.0, ge=0)
    max_seconds: float = Field(default=30.0, gt=0)
    evaluated: int = Field(default=60, ge=0)

    @model_validator(mode="after")
    def _some_length_is_taken(self) -> Self:
        check_order("min_seconds", self.min_seconds, "max_seconds", self.max_seconds)
        return self

    def open(self, *features: str) -> Dataset:
        """The datasets, with the features that a task needs.

        Raises:
            ConfigError: no source is given.
            DataError: a source is no dataset, or lacks a feature.
        """
        self.check()
        return Dataset.open(self.sources, features)

    def check(self) -> None:
        """Raises ConfigError where no source is given."""
        if not self.sources:
            raise ConfigError("There is nothing to train on. Give data.sources, a list of {path = …}.")

    def batches(self, dataset: Dataset, seed: int, make: Make, prompt_share: float = 0.0) -> "BatchSource":
        """Micro-batches of `batch_seconds`, made by `make(number, utterances)`."""
        sampler = BucketSampler(
            dataset,
            batch_seconds=self.batch_seconds,
            batch_utterances=self.batch_utterances,
            seed=seed,
            min_seconds=self.min_seconds,
            max_seconds=self.max_seconds,
            prompt_share=prompt_share,
        )
        return BatchSource(sampler, make)

    def held_out(self, dataset: Dataset, more: int = 0) -> list[UtteranceRef]:
        """The held-out utterances of an evaluation, `evaluated` and `more` at most, of lengths that are trained on.

        Of longer ones a model may have no positions, which would end the run hours after it began.
        """
        found = dataset.held_out_sample(self.evaluated + more)
        return [ref for ref in found if self.min_seconds <= ref.seconds <= self.max_seconds]

    def example_rows(self, seconds: float = 10.0) -> tuple[int, float]:
        """Rows of a typical batch and the seconds of each, for a dry run."""
        length = min(seconds, self.max_seconds, self.batch_seconds or seconds)
        rows = max(1, int(self.batch_seconds // length)) if self.batch_seconds else self.batch_utterances or 1
        return min(rows, self.batch_utterances or rows), length


class BatchSource:
    """A task's micro-batches (training.task.Source): a pure function of data, settings, seed and number."""

    def __init__(self, sampler: BucketSampler, make: Make) -> None:
        self.sampler, self.make = sampler, make

    def batch(self, number: int) -> Any:
        """Micro-batch `number`; where none of its utterances can be used (`make` gives None), that of the next.

        Raises:
            DataError: what the files hold makes no batch, or no utterance of an epoch can be used.
        """
        made, asked, epoch = None, number, self.sampler.epoch(number)
        while made is None:
            # the rest of this epoch, and a whole one
            if self.sampler.epoch(number) > epoch + 1:
                raise DataError(
                    f"From micro-batch {asked} on no utterance can be used in a whole epoch: none can be read, or all "
                    "are too short or too long for the model. Look at them with `glm-tts data inspect FOLDER`."
                )
            try:
                made = self.make(number, self.sampler.batch(number))
            except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
                reason = reason_of(error)
                raise DataError(
                    f"Micro-batch {number} cannot be made ({reason}): a file of the datasets is damaged, or a feature "
                    "is not what this task needs. `glm-tts data verify FOLDER` finds damaged files."
                ) from error
            number += 1
        return made

    def place(self, number: int) -> dict[str, Any]:
        """What finds micro-batch `number` again in a resumed run."""
        return self.sampler.state_dict(number)

    def seek(self, place: dict[str, Any]) -> None:
        """Go to a saved place; the sampler refuses one of other data."""
        self.sampler.load_state_dict(place)


def check_feature(dataset: Dataset, name: str, rate: float | None = None, shape: tuple[int, ...] | None = None) -> None:
    """Refuse a feature that is not what a model takes: `rate` frames (or samples) a second, of this shape each.

    Raises:
        DataError: says what it is.
    """
    # the first source speaks for all: `Dataset.open` has seen that they are alike
    specs = [(source.path, m.features.get(name)) for source, m in zip(dataset.sources, dataset.manifests, strict=True)]
    path, spec = next((path, spec) for path, spec in specs if spec is not None)
    wrong = []
    # rates are quotients of sample rates and hops, which round
    if rate is not None and spec.rate and abs(spec.rate - rate) > 1e-6 * rate:
        wrong.append(f"at {spec.rate:g} a second, not {rate:g}")
    if shape is not None and spec.shape != shape:
        wrong.append(f"of shape {spec.shape}, not {shape}")
    if wrong:
        raise DataError(
            f"The feature '{name}' of {path} is {' and '.join(wrong)}, as [model] has it. "
            "Correct [model], or prepare the feature anew."
        )


def rate_of(dataset: Dataset, name: str) -> float:
    """Frames a second of a feature that the dataset was opened with; 0 where they keep no clock."""
    return next(m.features[name].rate or 0.0 for m in dataset.manifests if name in m.features)


def codes_of(item: Item, count: int) -> np.ndarray:
    """The speech tokens (S,) of an utterance, of which there are `count`.

    Raises:
        DataError: one is not among them.
    """
    tokens_S = item.features["tokens"]
    wrong_N = tokens_S[(tokens_S < 0) | (tokens_S >= count)]
    if len(wrong_N):
        raise DataError(
            f"Utterance '{item.utterance.id}' holds the speech token {wrong_N[0]}, but there are {count}: its file is "
            "damaged, or of another speech tokenizer. `glm-tts data verify FOLDER` finds damaged files."
        )
    return tokens_S


def draws(seed: int, number: int) -> np.random.Generator:
    """The random numbers that the making of one micro-batch may use."""
    return np.random.default_rng([seed, number])
