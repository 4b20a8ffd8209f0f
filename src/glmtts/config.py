"""The strict base of every configuration: frozen, typed, unknown keys refused."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from glmtts.errors import ConfigError


class StrictConfig(BaseModel):
    """A frozen configuration; each model room derives its own from it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
