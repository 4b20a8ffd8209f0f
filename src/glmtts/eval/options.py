"""Options as the command line writes them: `NAME?option=value&…`."""

from glmtts.errors import EvaluationError

Value = str | int | float | bool
TRUTHS = {"true": True, "false": False}


def named_options(text: str) -> tuple[str, dict[str, Value]]:
    """Name and options of a specification; values are read by `option_value`.

    Raises:
        EvaluationError: an option has no value, or stands twice.
    """
    name, _, query = text.partition("?")
    return name, {key: option_value(value) for key, value in pairs_of(text, query)}


def pairs_of(text: str, query: str) -> list[tuple[str, str]]:
    """The options `option=value&…` of a specification, as they are written.

    Raises:
        EvaluationError: one has no value, or stands twice, of which the first would do nothing.
    """
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    if not all(key and value for key, _, value in pairs):
        raise EvaluationError(f"'{text}' has an option without a value. Write {text.partition('?')[0]}?option=value&….")
    keys = [key for key, _, _ in pairs]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise EvaluationError(f"'{text}' gives the option '{twice}' twice. Give it once.")
    return [(key, value) for key, _, value in pairs]


def option_value(text: str) -> Value:
    """A value as a truth, else as a whole number, else as a number, else as it is written."""
    if text.lower() in TRUTHS:
        return TRUTHS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
