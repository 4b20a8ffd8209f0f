"""Systems under test, by name: each gives a recording for each line it is asked for."""

from glmtts.eval.systems.base import ReadsFiles, System, SystemOutput, SystemSpec, load, register

__all__ = ["ReadsFiles", "System", "SystemOutput", "SystemSpec", "load", "register"]
