"""No configuration of the package takes a number that cannot be one: NaN, infinity, a size of −1."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Annotated, Any, get_args

import pytest
from pydantic import create_model

import glmtts
from glmtts.config import StrictConfig
from glmtts.data.dataset import SourceConfig
from glmtts.data.pipeline.stages.diarize import DiarizeConfig
from glmtts.data.pipeline.stages.length import LengthConfig
from glmtts.data.section import DataSection
from glmtts.errors import ConfigError
from glmtts.flow.dit import FlowConfig
from glmtts.lm.config import LMConfig


def configurations() -> list[type[StrictConfig]]:
    """All strict configurations of the package, of modules that can be loaded here."""
    for module in pkgutil.walk_packages(glmtts.__path__, "glmtts."):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:  # of an extra
            assert not (error.name or "").startswith("glmtts"), error
    found: list[type[StrictConfig]] = []

    def below(kind: type[StrictConfig]) -> None:
        for one in kind.__subclasses__():
            if one.__module__.startswith("glmtts.") and one not in found:
                found.append(one)
                below(one)

    below(StrictConfig)
    return found


def numbers(kind: type[StrictConfig]) -> Iterator[tuple[str, Any, type]]:
    """Name, annotation with its bounds, and int or float of each number of a configuration."""
    for name, field in kind.model_fields.items():
        for number in (int, float):
            if number in (field.annotation, *get_args(field.annotation)):
                yield (
                    name,
                    Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation,
                    number,
                )


def takes(name: str, annotation: Any, value: float) -> bool:
    """Whether a strict configuration with this field takes the value."""
    one = create_model("One", __base__=StrictConfig, **{name: (annotation, ...)})
    try:
        one.parse({name: value})
    except ConfigError:
        return False
    return True


def test_every_number_is_finite_and_no_size_is_negative() -> None:
    wrong, seen = [], 0
    for kind in configurations():
        for name, annotation, number in numbers(kind):
            seen += 1
            tried = [-1] if number is int else [float("nan"), float("inf"), float("-inf")]
            wrong += [f"{kind.__name__}.{name} = {value}" for value in tried if takes(name, annotation, value)]
    assert seen > 200
    assert not wrong


@pytest.mark.parametrize(
    ("kind", "values", "named"),
    [
        (LMConfig, {"vocab_size": 9, "num_heads": 5, "num_kv_heads": 2}, "num_heads 5 is no multiple"),
        (LMConfig, {"vocab_size": 9, "head_dim": 7}, "head_dim 7 is odd"),
        (LMConfig, {"vocab_size": 9, "hidden_size": 10**12}, "hidden_size"),
        (LMConfig, {"vocab_size": 9, "rope_theta": 0.0}, "rope_theta"),
        (FlowConfig, {"position_groups": 7}, "no multiple of position_groups, 7"),
        (FlowConfig, {"blocks": 0}, "blocks"),
    ],
)
def test_sizes_that_make_no_model(kind: type[StrictConfig], values: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        kind.parse(values)


@pytest.mark.parametrize(
    ("kind", "values", "named"),
    [
        (LengthConfig, {"min_seconds": True}, "min_seconds is a number, and true or false is given"),
        (LMConfig, {"vocab_size": 9, "num_layers": True}, "num_layers is a number"),
        (LengthConfig, {"min_seconds": 50}, "min_seconds 50 is above max_seconds, 40"),
        (DataSection, {"min_seconds": 31}, "min_seconds 31 is above max_seconds, 30"),
        (DiarizeConfig, {"min_seconds": 41}, "min_seconds 41 is above max_seconds, 40"),
        (SourceConfig, {"path": "a", "repeat": 1e9}, "repeat: Input should be less than or equal to 1000"),
    ],
)
def test_values_that_mean_nothing(kind: type[StrictConfig], values: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        kind.parse(values)
