"""The [data] section that training tasks share, and their micro-batches by number."""

from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic import Field

from glmtts.config import StrictConfig
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
            DataError: what the files hold makes no batch.
        """
        made = None
        while made is None:
            try:
                made = self.make(number, self.sampler.batch(number))
            except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
                reason = str(error).partition("\n")[0] or type(error).__name__
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
