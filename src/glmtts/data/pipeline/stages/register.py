"""The names of the built-in stages. A stage's module is imported when a run asks for it."""

from glmtts.data.pipeline.stage import register

_HERE = "glmtts.data.pipeline.stages"

register("length", f"{_HERE}.length:LengthStage")
