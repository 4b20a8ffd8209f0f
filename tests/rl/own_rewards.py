"""Rewards as another package would bring them."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from glmtts.rl.rewards.base import Completion, Context, Reward


class Loudness(Reward):
    needs_audio = True

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        return [float(np.sqrt(np.mean(one.audio() ** 2))) for one in completions]


class FewTokens(Reward):
    """Likes answers that say as little as they may."""

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        return [1 / (1 + len(one.tokens)) for one in completions]


class Hangs(Reward):
    """Takes longer over its answers than anybody waits."""

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        time.sleep(5)
        return [0.0 for _ in completions]


class LowCodes(Reward):
    """A known optimum: answers of nothing but the code 0."""

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        return [float(np.mean([token == 0 for token in one.tokens])) for one in completions]


class Declines(Reward):
    """Cannot score answers with an odd number of tokens."""

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        return [None if len(one.tokens) % 2 else float(np.mean(one.tokens)) for one in completions]


class Mortal(Reward):
    """Scores by tokens, notes each answer in a file, and dies once after `lives` answers."""

    def __init__(self, context: Context, notes: str, lives: int) -> None:
        super().__init__(context)
        self.notes, self.lives = Path(notes), lives

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        for one in completions:
            known = self.notes.read_text().splitlines() if self.notes.exists() else []
            if len(known) == self.lives and not self.notes.with_suffix(".died").exists():
                self.notes.with_suffix(".died").touch()
                os._exit(9)
            with self.notes.open("a") as file:
                file.write(json.dumps(one.key) + "\n")
            time.sleep(0.001)
        return [float(np.mean(one.tokens)) for one in completions]


class Fails(Reward):
    """Raises, or gives what is no score for each answer."""

    def __init__(self, context: Context, gives: Any = None) -> None:
        super().__init__(context)
        self.gives = gives

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        return self.gives if self.gives is not None else [1 / len(self.context.digest[:0]) for _ in completions]


class Raising:
    """Raises wherever it is looked at."""

    def __float__(self) -> float:
        raise RuntimeError("no number today")

    def __iter__(self) -> Any:
        raise RuntimeError("no list today")

    def __repr__(self) -> str:
        raise RuntimeError("no text today")


class Awkward(Reward):
    """Fails in one of the `ways` that a reward can."""

    ways: ClassVar[dict[str, Callable[[int], Any]]] = {
        "generator": lambda count: (1 / 0 for _ in range(count)),
        "float": lambda count: [Raising()] * count,
        "iter": lambda count: Raising(),
        "repr": lambda count: [[Raising()]] * count,
        "exit": lambda count: sys.exit(3),
        "exit at last": lambda count: (sys.exit(3) for _ in range(count)),
        "stop": lambda count: next(iter(())),
    }

    def __init__(self, context: Context, way: str) -> None:
        super().__init__(context)
        self.way = way

    @classmethod
    def hears(cls, options: Mapping[str, Any]) -> bool:
        if options["way"] == "hears":
            raise RuntimeError("no ears today")
        return False

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        return self.ways[self.way](len(completions))


class Silences(Reward):
    """Puts silence in the place of what it hears."""

    needs_audio = True

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        for one in completions:
            one.audio().fill(0)
            one.speaker.fill(0)
        return [0.5 for _ in completions]


class Nan(Reward):
    """Computes no number."""

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        return [float("nan") for _ in completions]


class Detector:
    """A scorer whose value is `found` for every clip."""

    columns = ("laughs",)

    def __init__(self, found: float) -> None:
        self.found = found

    def score(self, clips: Sequence[Any]) -> list[dict[str, float | None]]:
        return [{"laughs": self.found} for _ in clips]
