"""Which files make the package without PyTorch: all of src/glmtts but the embedded model, which PyTorch reads."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path(__file__).resolve().parents[2] / "src" / "glmtts"
EMBEDDED = SOURCE / "models" / "mini"


class Files(BuildHookInterface):
    """Names the files to the builder, which by itself looks no further than its own folder."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the wheel is built."""
        files = (path for path in SOURCE.rglob("*") if path.is_file() and path.suffix != ".pyc")
        kept = (path for path in files if EMBEDDED not in path.parents)
        named = {str(path): str(Path("glmtts") / path.relative_to(SOURCE)) for path in kept}
        build_data["force_include"].update(named)
