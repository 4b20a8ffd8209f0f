"""Systems under test, by name: each gives a recording for each line it is asked for."""

from glmtts.eval.systems.base import ReadsFiles, System, SystemSpec, load, register
from glmtts.eval.systems.output import SystemOutput

__all__ = ["ReadsFiles", "System", "SystemOutput", "SystemSpec", "load", "register"]
