"""The strict base of every configuration: frozen, typed, unknown keys refused."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from glmtts.errors import ConfigError


class StrictConfig(BaseModel):
    """A frozen configuration; each stage derives its own from it.

    `RENAMED` maps keys of earlier versions to their present names, so that files written then can still be read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    RENAMED: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _with_present_names(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {cls.RENAMED.get(key, key): value for key, value in values.items()}

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
