"""What a caller may change for one utterance."""

from typing import Any, TypedDict

from glmtts.audio.tempo import FASTEST, SLOWEST
from glmtts.errors import ConfigError
from glmtts.synthesis.settings import SynthesisDefaults
from glmtts.text.frontend import Dictionary, TextFrontend
from glmtts.text.hybrid import PhonemeIn


class Options(TypedDict, total=False):
    """Options of `say`, `stream` and `say_batch`; those that are left out, or None, are the model's own.

    `language` ("zh" or "en") decides how digits are read where nothing else tells; `phoneme_in` and `pronunciations`
    (glmtts.text.pronunciations) how words become phonemes. `speaker` names a speaker of fine-tuned weights.
    `temperature`, `top_p` and `candidates` concern the language model, `steps` and `guidance` the flow. `speed`
    makes speech faster (2 halves its length) or slower at the same pitch.
    """

    language: str | None
    phoneme_in: PhonemeIn | None
    pronunciations: Dictionary | None
    speaker: str | None
    temperature: float | None
    top_p: float | None
    candidates: int | None
    steps: int | None
    guidance: float | None
    speed: float | None


RANGES: dict[str, tuple[str, float, float]] = {
    "temperature": ("temperature", 0, 2),
    "top_p": ("top-p", 0.01, 1),
    "candidates": ("number of candidates", 1, 32),
    "steps": ("number of flow steps", 1, 100),
    "guidance": ("guidance", 0, 5),
    "speed": ("speed", SLOWEST, FASTEST),
}


def reader(frontend: TextFrontend, options: Options) -> TextFrontend:
    """The front end that reads as the caller wants it.

    Raises:
        ConfigError: there is no such option, language or mode of phonemes.
    """
    check_options(options)
    frontend, words = frontend.with_mode(options.get("phoneme_in")), options.get("pronunciations")
    return frontend if words is None else frontend.with_pronunciations(words)


def check_options(options: Options) -> None:
    """Refuse what is no option, which a call would pass on unseen.

    Raises:
        ConfigError: names the unknown option, or says that a language is not known.
    """
    unknown = sorted(options.keys() - Options.__annotations__.keys())
    if unknown:
        hint = " For several texts they are `seeds`." if unknown == ["seed"] else ""
        raise ConfigError(f"There is no option '{unknown[0]}'. Known are: {', '.join(Options.__annotations__)}.{hint}")
    language = options.get("language")
    if language not in (None, "zh", "en"):
        raise ConfigError(f"The language is '{language}'. Choose zh or en, or leave it out.")


def settings(defaults: SynthesisDefaults, options: Options) -> SynthesisDefaults:
    """The model's defaults with what the caller changed.

    Raises:
        ConfigError: an option is out of its range.
    """
    changed: dict[str, Any] = {name: value for name in RANGES if (value := options.get(name)) is not None}
    for name, value in changed.items():
        label, least, most = RANGES[name]
        if not isinstance(value, int | float) or not least <= value <= most:
            raise ConfigError(f"The {label} is {value}. Choose it from {least} to {most}.")
    changed.pop("speed", None)
    if "candidates" in changed:  # the caller wants just so many
        changed["drafts"] = ()
    drawing: dict[str, Any] = {name: changed.pop(name) for name in ("temperature", "top_p") if name in changed}
    return defaults.model_copy(update={"sampling": defaults.sampling.model_copy(update=drawing), **changed})
