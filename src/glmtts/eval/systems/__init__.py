"""Systems under test, by name: each gives a recording for each line it is asked for."""

from glmtts.eval.systems.base import Spoken, System, SystemSpec, load, register

__all__ = ["Spoken", "System", "SystemSpec", "load", "register"]
