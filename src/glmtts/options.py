"""The options of speaking: one table for the command line, the server, and Python.

`glm-tts say` and `read` make their flags of it, the server its fields, `say`, `stream` and `read_book` check what they
are given against it, and docs/options.md shows it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from glmtts.errors import ConfigError

# Written here again, since the command line must not wait for the imports of those who know: a test compares them.
SLOWEST, FASTEST = 0.25, 4.0  # audio/tempo.py
PHONEME_MODES = ("all", "ambiguous", "off")  # text/hybrid.py
LANGUAGES = ("zh", "en")
_OTHER_NAMES = {  # of languages and of values, as people write them
    "zh": ("chinese", "mandarin", "zh-cn", "zh-tw", "zh-hans", "zh-hant", "zh_cn", "cn", "cmn", "中文", "普通话"),
    "en": ("english", "en-us", "en-gb", "en_us", "en_gb", "eng", "英文", "英语"),
}


@dataclass(frozen=True)
class Option:
    """An option of speaking: its name in Python and of the server's field; `--top-p` is `top_p` on the command line.

    A number lies from `least` to `most`, a word is one of `choices`; None, the default, is the model's own. `label` is
    its name in an error. `field` says whether the server's requests have it.
    """

    name: str
    kind: type
    help: str
    label: str = ""
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    field: bool = True

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def values(self) -> str:
        """What it takes, in words."""
        if self.choices:
            return ", ".join(self.choices)
        kind = {int: "a whole number", float: "a number"}.get(self.kind, "text")
        return kind if self.least is None else f"{kind} from {self.least:g} to {self.most:g}"

    def check(self, value: Any) -> None:
        """Raises ConfigError where a value is not one that the option takes."""
        if value is None:
            return
        if self.choices and value not in self.choices:
            raise ConfigError(f"The {self.label} is {value!r}. {_hint(value, self.choices)}")
        if self.least is None or self.most is None:
            return
        wanted = int if self.kind is int else int | float
        what = "a whole number" if self.kind is int else "it"
        # True is an int
        if isinstance(value, bool) or not isinstance(value, wanted):
            # its type too: "1" and NumPy's 1.5 would look like numbers that are taken
            kind, python = type(value).__name__, "an int" if self.kind is int else "an int or a float"
            raise ConfigError(
                f"The {self.label} is {value!r}, of the type {kind}. "
                f"Choose {what} from {self.least:g} to {self.most:g}, as {python}."
            )
        # NaN fails both comparisons
        if not self.least <= value <= self.most:
            raise ConfigError(f"The {self.label} is {value}. Choose {what} from {self.least:g} to {self.most:g}.")


TABLE = (
    Option("language", str, "How digits are read where no letter near by tells.", "language", choices=LANGUAGES),
    Option("speed", float, "2 is twice as fast; the pitch stays.", "speed", SLOWEST, FASTEST),
    Option("pronunciations", str, "Readings of words: a .toml or .jsonl file; in Python also a dict.", field=False),
    Option("phoneme_in", str, "What becomes phonemes.", "phoneme mode", choices=PHONEME_MODES, field=False),
    Option("speaker", str, "A speaker that the weights were fine-tuned on.", field=False),
    Option("temperature", float, "Of the language model; lower is steadier.", "temperature", 0, 2),
    Option("top_p", float, "Nucleus of the language model's tokens.", "top-p", 0.01, 1),
    Option("candidates", int, "Token sequences to choose from.", "number of candidates", 1, 32, field=False),
    Option("steps", int, "Steps of the flow; fewer are faster.", "number of flow steps", 1, 100),
    Option("guidance", float, "Classifier-free guidance of the flow.", "guidance", 0, 5),
)
OPTIONS: Mapping[str, Option] = {option.name: option for option in TABLE}


def check(given: Mapping[str, Any], more: Iterable[str] = ()) -> None:
    """Refuse options that are not known, and values that they do not take; `more` names others that a call has.

    Raises:
        ConfigError: one sentence, with what was probably meant.
    """
    for name, value in given.items():
        if name not in OPTIONS:
            raise ConfigError(f"There is no option '{name}'. {_hint(name, (*OPTIONS, *more))}")
        OPTIONS[name].check(value)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    words = list(known)
    lowered = {one.lower(): one for one in words}
    # before the spelling: "chinese" resembles no code of a language
    for meant, others in _OTHER_NAMES.items():
        if meant in words and word.lower() in others:
            return meant
    found = get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def _hint(word: Any, known: tuple[str, ...]) -> str:
    meant = nearest(str(word), known)
    return (f"Did you mean '{meant}'? " if meant else "") + f"Known are: {', '.join(known)}."


def markdown() -> str:
    """The table as Markdown, for docs/options.md."""
    rows = [
        f"| `{one.name}` | `{one.flag}` | {'`' + one.name + '`' if one.field else ''} | {one.values} | {one.help} |"
        for one in TABLE
    ]
    head = ["| Python | command line | server | values | |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"
