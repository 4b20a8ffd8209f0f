"""Keys that the command line sets in nested values: `section.key=value`, the value written as in TOML."""

from typing import Any

from glmtts.config import DEEPEST, check_depth, parse_toml
from glmtts.errors import ConfigError


def set_value(values: dict[str, Any], override: str) -> None:
    """Set one key of nested values by `section.key=value`, the value written as in TOML.

    Raises:
        ConfigError: there is no `=` or no value, it sets several keys or is nested too deep, or a section of the key is
            a value.
    """
    keys, equals, text = override.partition("=")
    if not equals or not keys.strip() or not text.strip():
        raise ConfigError(f"'{override}' sets nothing. Write a key, = and its value.")
    *sections, last = keys.strip().split(".")
    if len(sections) >= DEEPEST:
        raise ConfigError(f"'{override[:60]}…' names a key in {len(sections)} sections. Write section.key=value.")
    value = _written(override, text)
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ConfigError(f"'{override}' names no key: '{section}' is a value. Write the key of a value.")
    values[last] = value


def _written(override: str, text: str) -> Any:
    """The value that an override gives. Raises ConfigError where it is nested too deep, or more than one value."""
    try:
        found = parse_toml(f"value = {text}")
        check_depth(found)
    except RecursionError:
        raise ConfigError(f"'{override[:60]}…' is nested too deep. Write a value.") from None
    except ValueError:  # no TOML, or a number of more digits than Python reads
        return text.strip()  # a path or a name, written without quotes
    if len(found) > 1:  # a second line, whose key would be dropped
        raise ConfigError(f"{override!r} sets more than one key. Give each a --set of its own.")
    return found["value"]
