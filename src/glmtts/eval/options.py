"""Options as the command line writes them: `NAME?option=value&…`."""

from glmtts.errors import EvaluationError

Value = str | int | float | bool
TRUTHS = {"true": True, "false": False}


def named_options(text: str) -> tuple[str, dict[str, Value]]:
    """Name and options of a specification; values are read by `option_value`.

    Raises:
        EvaluationError: an option has no value.
    """
    name, _, query = text.partition("?")
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    if not all(key and value for key, _, value in pairs):
        raise EvaluationError(f"'{text}' has an option without a value. Write {name}?option=value&….")
    return name, {key: option_value(value) for key, _, value in pairs}


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
