"""The strict base of every configuration: frozen, typed, unknown keys refused; and readers of files with bounds."""

import json
import math
import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from glmtts.errors import ConfigError

LARGEST_SIZE = 1 << 20  # a choice, above all that are in use: memory is not taken for what is only claimed
Count = Annotated[int, Field(ge=1, le=LARGEST_SIZE)]  # a size: widths, layers, rates, lengths
CountFromZero = Annotated[int, Field(ge=0, le=LARGEST_SIZE)]  # of what there may be none of
Share = Annotated[float, Field(ge=0, le=1)]

LARGEST_FILE = 8 << 20  # bytes; the embedded bundle's description has 40 kB
DEEPEST = 64  # the deepest configuration here has 6 levels
# possessive (++, *+): a key that does not match must not be tried in all its splits
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+"""
_DEEP_KEY = re.compile(rf"(?<![\w-]){_PART}(?:\.[ \t]*+{_PART}){{{DEEPEST}}}")


class StrictConfig(BaseModel):
    """A frozen configuration of finite numbers; each stage derives its own from it.

    `RENAMED` maps keys of earlier versions to their present names, so that files written then can still be read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    RENAMED: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _with_present_names(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        present = {cls.RENAMED.get(key, key): value for key, value in values.items()}
        if len(present) < len(values):  # else one of the two would win, and nobody were told which
            given = [cls.RENAMED.get(key, key) for key in values]
            twice = [
                f"'{old}' is '{new}'" for old, new in cls.RENAMED.items() if old in values and given.count(new) > 1
            ]
            raise ValueError(
                f"{' and '.join(twice)} by an earlier name, and both are given; keep the present name alone"
            )
        return present

    @model_validator(mode="before")
    @classmethod
    def _without_truth_for_numbers(cls, values: Any) -> Any:
        """Python counts `true` as 1, and so would a number that is set to it."""
        if not isinstance(values, dict):
            return values
        for name in values.keys() & _numbers(cls):
            if isinstance(values[name], bool):
                raise ValueError(f"{name} is a number, and true or false is given")
        return values

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Self:
        """Build the configuration from plain values.

        Raises:
            ConfigError: names every unknown, missing or wrong key.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, item['loc'])) or cls.__name__}: {item['msg']}" for item in error.errors()
            )
            raise ConfigError(f"{cls.__name__} is not valid: {problems}. Correct or remove these keys.") from None


def read_json(path: Path, limit: int = LARGEST_FILE) -> Any:
    """The values of a JSON file of at most `limit` bytes.

    Raises:
        ConfigError: the file is missing, too large, no JSON, nested too deep, or holds NaN or infinity.
    """
    return _read(path, limit, "JSON", parse_json)


def read_toml(path: Path, limit: int = LARGEST_FILE) -> dict[str, Any]:
    """The values of a TOML file of at most `limit` bytes.

    Raises:
        ConfigError: the file is missing, too large, no TOML, or nested too deep.
    """
    values: dict[str, Any] = _read(path, limit, "TOML", parse_toml)
    return values


def parse_toml(text: str) -> dict[str, Any]:
    """TOML values.

    Raises:
        ValueError: it is no TOML.
        RecursionError: it is nested too deep. Of dotted keys that is seen before they are parsed, since Python's parser
            takes the square of their length: days for a few megabytes.
    """
    if _DEEP_KEY.search(text):
        raise RecursionError
    return tomllib.loads(text)


def parse_json(text: str) -> Any:
    """JSON values.

    Raises:
        ValueError: it is no JSON, or holds NaN, infinity or a number too large for a float.
        RecursionError: it is nested too deep.
    """
    return json.loads(text, parse_constant=_finite, parse_float=_finite)


def _finite(digits: str) -> float:
    """A float; Python's parser also takes NaN and Infinity, and reads 1e999 as infinity."""
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is no finite number")
    return number


def _read(path: Path, limit: int, kind: str, parse: Callable[[str], Any]) -> Any:
    try:
        with path.open("rb") as file:
            # one byte more than is allowed tells that there is more, without reading it
            data = file.read(limit + 1)
        if len(data) > limit:
            raise ConfigError(f"{path} is larger than {limit} bytes, so it is no {kind} of ours. Give the right file.")
        values = parse(data.decode("utf-8-sig"))
        check_depth(values)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}. Give another file.") from None
    except RecursionError:  # the parsers recurse, and a file of brackets costs them the stack
        raise ConfigError(f"{path} is nested too deep to be {kind} of ours. Give the right file.") from None
    except ValueError as error:
        raise ConfigError(f"{path} is no {kind}: {error}. Correct it.") from None
    return values


@cache
def _numbers(kind: type[StrictConfig]) -> frozenset[str]:
    """The fields of a configuration that take numbers and no truth values; asked once of a class, for every file."""
    kinds = {name: {field.annotation, *get_args(field.annotation)} for name, field in kind.model_fields.items()}
    return frozenset(name for name, taken in kinds.items() if bool not in taken and taken & {int, float})


def check_order(low: str, least: float, high: str, most: float) -> None:
    """Raises ValueError where the lower of two bounds, called `low`, is above the higher one."""
    if least > most:
        raise ValueError(f"{low} {least:g} is above {high}, {most:g}")


def check_depth(values: Any, deepest: int = DEEPEST) -> None:
    """Raises RecursionError where values and what holds them lie in each other more than `deepest` deep."""
    # by levels rather than by recursion, whose depth the input would decide
    level = [values]
    for _ in range(deepest):
        level = [
            child
            for value in level
            if isinstance(value, dict | list)
            for child in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise RecursionError
