"""What every benchmark writes beside its figures, and where."""

import json
from pathlib import Path
from typing import Any

from glmtts.eval.hardware import environment
from glmtts.programs import check_names, write_text

__all__ = ["RESULTS", "environment", "resident_mib", "write_result"]
RESULTS = Path(__file__).parent / "results"


def resident_mib(process: int | str = "self") -> float:
    """Resident memory of a process in MiB."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def write_result(name: str, result: dict[str, Any]) -> None:
    """Write `results/NAME.json` and show it."""
    text = json.dumps(result, indent=1, ensure_ascii=False)
    check_names([name])
    write_text(RESULTS / f"{name}.json", text + "\n")
    print(text)
