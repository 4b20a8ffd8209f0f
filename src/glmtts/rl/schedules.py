"""Values that change while a run trains: ε_low, ε_high and the temperature (report section 2.4, Table 5)."""

from typing import Any, Self

from pydantic import Field, model_validator

from glmtts.config import StrictConfig
from glmtts.errors import ConfigError


class Schedule(StrictConfig):
    """From `start` linearly to `end` over the first `steps` steps, then `end`; constant where no `end` is given.

    Without `steps` the value reaches its end with the run, as in Table 5. A plain number stands for a constant, of
    which `steps` would say nothing.
    """

    start: float
    end: float | None = None
    steps: int | None = Field(default=None, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _of_number(cls, values: Any) -> Any:
        return {"start": values} if isinstance(values, int | float) else values

    @model_validator(mode="after")
    def _steps_lead_somewhere(self) -> Self:
        if self.steps is not None and self.end is None:
            raise ValueError(f"steps={self.steps} lead nowhere without an end; give one, or leave them out")
        return self

    @classmethod
    def constant(cls, value: float) -> Self:
        """The same value in all steps."""
        return cls(start=value)

    @property
    def least(self) -> float:
        """The smallest value that it takes."""
        return self.start if self.end is None else min(self.start, self.end)

    def at(self, step: int, run_steps: int | None) -> float:
        """The value in `step`, counted from 0, of a run of `run_steps` (None: it is measured in minutes).

        Raises:
            ConfigError: it should end with a run that has no number of steps.
        """
        if self.end is None:
            return self.start
        if self.steps is None and run_steps is None:
            raise ConfigError("The run is measured in minutes, so a schedule with an end needs steps of its own.")
        # over a whole run the last step has `end`, so the span is one step less than the run
        share = min(1.0, step / (self.steps or max(1, (run_steps or 1) - 1)))
        return self.start + (self.end - self.start) * share
