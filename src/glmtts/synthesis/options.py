"""What a caller may change for one utterance; glmtts.options holds the table."""

from collections.abc import Mapping
from numbers import Integral
from pathlib import Path
from typing import Any, TypedDict

from glmtts.errors import ConfigError
from glmtts.options import OPTIONS, check
from glmtts.synthesis.settings import SynthesisDefaults
from glmtts.text.frontend import Dictionary, TextFrontend
from glmtts.text.hybrid import PhonemeIn
from glmtts.text.pronunciations import PronunciationFile, Pronunciations

Readings = Dictionary | Mapping[str, str] | str | Path
MOST_SEEDS = 1 << 62  # torch's generators take 64 bits; candidates and retries add to a seed
DRAWING, OTHERS = ("temperature", "top_p"), ("candidates", "steps", "guidance")  # of SynthesisDefaults


class Options(TypedDict, total=False):
    """Options of `say`, `stream` and `say_batch`; those that are left out, or None, are the model's own.

    `language` ("zh" or "en") decides how digits are read where nothing else tells; `phoneme_in` and `pronunciations`
    (words and readings, the path of a file of them, or glmtts.text.pronunciations) how words become phonemes. `speaker`
    names a speaker of fine-tuned weights. `temperature`, `top_p` and `candidates` concern the language model, `steps`
    and `guidance` the flow. `speed` makes speech faster (2 halves its length) or slower at the same pitch.
    """

    language: str | None
    phoneme_in: PhonemeIn | None
    pronunciations: Readings | None
    speaker: str | None
    temperature: float | None
    top_p: float | None
    candidates: int | None
    steps: int | None
    guidance: float | None
    speed: float | None


def reader(frontend: TextFrontend, options: Options) -> TextFrontend:
    """The front end that reads as the caller wants it.

    Raises:
        ConfigError: there is no such option, language or mode of phonemes; or the file of pronunciations is not valid.
        TextError: a given reading cannot be understood.
    """
    check_options(options)
    frontend, words = frontend.with_mode(options.get("phoneme_in")), dictionary(options.get("pronunciations"))
    return frontend if words is None else frontend.with_pronunciations(words)


def dictionary(readings: Readings | None) -> Dictionary | None:
    """Readings of words in any form as a dictionary of the front end.

    Raises:
        ConfigError: a file of them is not valid, or they are neither words nor a file.
        TextError: a reading cannot be understood.
    """
    if isinstance(readings, str | Path):
        return PronunciationFile(readings)
    if readings is not None and not isinstance(readings, Mapping) and not hasattr(readings, "words"):
        raise ConfigError(
            f"The pronunciations are a {type(readings).__name__}. Give words and their readings, or the path of a file."
        )
    return Pronunciations(readings) if isinstance(readings, Mapping) else readings


def check_options(options: Options) -> None:
    """Refuse what is no option, which a call would pass on unseen, and values out of range.

    Raises:
        ConfigError: names the option, and what was probably meant.
    """
    if "seed" in options:
        raise ConfigError("There is no option 'seed' here. For several texts they are `seeds`.")
    if "seeds" in options:
        raise ConfigError("There is no option 'seeds' here. For one text it is `seed`.")
    check(options, more=("seed", "seeds", "voice", "voices"))


def settings(defaults: SynthesisDefaults, options: Options) -> SynthesisDefaults:
    """The model's defaults with what the caller changed.

    Raises:
        ConfigError: an option is out of its range.
    """
    changed: dict[str, Any] = {name: value for name in OPTIONS if (value := options.get(name)) is not None}
    check_options(options)
    drawing = {name: changed[name] for name in DRAWING if name in changed}
    others = {name: changed[name] for name in OTHERS if name in changed}
    if "candidates" in others:  # the caller wants just so many
        others["drafts"] = ()
    return defaults.model_copy(update={"sampling": defaults.sampling.model_copy(update=drawing), **others})


def checked_seed(seed: int) -> int:
    """A seed as Python's own number; it may be NumPy's, of a generator of draws.

    Raises:
        ConfigError: it is no whole number from 0 on.
    """
    # Python counts True as 1
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed < MOST_SEEDS:
        raise ConfigError(f"The seed is {seed!r}. Choose a whole number from 0 to {MOST_SEEDS - 1}.")
    return int(seed)
