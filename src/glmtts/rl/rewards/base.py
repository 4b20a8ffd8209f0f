"""What a reward is: a number for each spoken answer, or None where it could not be scored.

A reward of your own is a class of ten lines, named as an entry point of the group `glmtts.rewards`:

    class Loudness(Reward):
        needs_audio = True

        def score(self, completions):
            return [float(np.sqrt(np.mean(one.audio() ** 2))) for one in completions]
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glmtts.backends import foreign
from glmtts.errors import ConfigError

if TYPE_CHECKING:
    from glmtts.synthesis.synthesizer import Synthesizer

GROUP = "glmtts.rewards"
_BUILT_IN = {
    "cer": "glmtts.rl.rewards.pronunciation:ErrorRate",
    "likelihood": "glmtts.rl.rewards.likelihood:Likelihood",
    "similarity": "glmtts.rl.rewards.similarity:Similarity",
    "emotion": "glmtts.rl.rewards.emotion:Emotion",
    "laughter": "glmtts.rl.rewards.laughter:Laughter",
    "scorer": "glmtts.rl.rewards.scorer:ScorerReward",
}


@dataclass(frozen=True)
class Completion:
    """An answer as rewards see it: plain values, so that it can be sent to another process.

    `phonemes` are those that should be heard, with "|" between words and syllables; `tokens` the speech tokens. `wave`
    (samples,) float32 at `rate` Hz is None where no reward needs audio. `speaker` (D,) is the embedding of the voice,
    `reference` a recording of it at `rate`, where there is one. `key` tells answers apart: equal keys, equal scores.
    """

    key: str
    text: str
    language: str
    phonemes: tuple[str, ...]
    tokens: tuple[int, ...]
    stopped: bool
    wave: np.ndarray | None = None
    rate: int = 0
    speaker: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    reference: np.ndarray | None = None
    emotion: str | None = None

    def audio(self) -> np.ndarray:
        """The samples.

        Raises:
            ValueError: there are none; the reward did not say `needs_audio`.
        """
        if self.wave is None:
            raise ValueError("This answer was not rendered: the reward must set needs_audio = True.")
        return self.wave

    def copied(self) -> "Completion":
        """The same with arrays of its own: a reward that changes them does so for itself alone."""
        wave, reference = (None if one is None else one.copy() for one in (self.wave, self.reference))
        return replace(self, wave=wave, reference=reference, speaker=self.speaker.copy())


class Context:
    """What rewards may need of the model: its synthesizer, opened when it is first asked for.

    `device` is where a bundle is opened, as `glmtts.device.chosen_device` names it; None is the CPU.
    """

    def __init__(
        self, bundle: Path | None, synthesizer: "Synthesizer | None" = None, device: str | None = None
    ) -> None:
        self.bundle, self._given, self.device = bundle, synthesizer, device

    @cached_property
    def synthesizer(self) -> "Synthesizer":
        """The synthesizer of the run's bundle.

        Raises:
            BundleError: there is no such bundle.
            ConfigError: there is no such device.
        """
        if self._given is not None:
            return self._given
        from glmtts.bundle import Bundle
        from glmtts.device import chosen_device
        from glmtts.synthesis.synthesizer import Synthesizer

        return Synthesizer(Bundle.open(self.bundle, None if self.device is None else chosen_device(self.device)))

    @property
    def digest(self) -> str:
        """A digest of the bundle; loads none of its models."""
        from glmtts.bundle import Bundle, bundle_digest

        given = self._given.bundle if self._given is not None else Bundle.open(self.bundle)
        return bundle_digest(given.folder)

    def check(self) -> None:
        """See that bundle and device are there; opens none of its models.

        Raises:
            BundleError, ConfigError: one is not.
        """
        from glmtts.bundle import Bundle
        from glmtts.device import chosen_device

        if self.device is not None:
            chosen_device(self.device)
        Bundle.open(self.bundle)

    def check_recogniser(self) -> None:
        """Refuse a bundle that cannot read speech tokens: all answers would be without a score, and nothing learnt.

        Raises:
            ConfigError: the bundle has no token recogniser.
        """
        if self.synthesizer.judge.recogniser is None:
            raise ConfigError(
                "The bundle has no token recogniser to read phonemes from speech tokens. Use the reward cer with an "
                "ASR: options = { heard_by = ..., unit = ... }."
            )


class Reward(ABC):
    """Scores answers; the constructor takes the options of the configuration as keywords.

    `needs_audio` says that answers are rendered for it. Where that depends on the options, override `hears`.
    """

    needs_audio: bool = False

    def __init__(self, context: Context) -> None:
        self.context = context

    @classmethod
    def hears(cls, options: Mapping[str, Any]) -> bool:
        """Whether a reward with these options needs audio; asked of workers' rewards, which are not made here."""
        return cls.needs_audio

    def prepare(self) -> None:
        """Load what scoring needs. Called where answers are scored, before the first of them is decoded."""
        return

    @abstractmethod
    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        """One number for each answer, higher is better; None where it cannot be told, which is not the same as bad."""


def hears(name: str, options: Mapping[str, Any]) -> bool:
    """Whether the reward `name` needs audio with these options.

    Raises:
        ConfigError: there is no such reward, or its code fails.
    """
    with foreign(f"The reward '{name}' cannot say whether it needs audio", "Correct its `hears`.", ConfigError):
        return bool(reward_class(name).hears(options))


def reward_class(name: str) -> type[Reward]:
    """The class of a reward by its name.

    Raises:
        ConfigError: there is no such reward, or its package does not load.
    """
    # built-in names win: no package can put another reward in their place unseen
    known = {point.name: point.value for point in entry_points(group=GROUP)} | _BUILT_IN
    target = known.get(name, name if ":" in name else None)
    if target is None:
        raise ConfigError(f"There is no reward '{name}'. Known are {', '.join(sorted(known))}, or give module:Class.")
    module, _, attribute = target.partition(":")
    with foreign(f"The reward '{name}' cannot be loaded", "Give another one, or correct its package.", ConfigError):
        found = getattr(import_module(module), attribute)
    if not (isinstance(found, type) and issubclass(found, Reward)):
        raise ConfigError(f"The reward '{name}' is {target}, which is no subclass of {__name__}.Reward. Make it one.")
    return found


def make_reward(name: str, context: Context, options: dict[str, Any]) -> Reward:
    """A reward with its options.

    Raises:
        ConfigError: there is no such reward, or it does not take these options.
    """
    kind = reward_class(name)
    with foreign(f"The reward '{name}' cannot be made with these options", "Correct them, or its code.", ConfigError):
        return kind(context, **options)
