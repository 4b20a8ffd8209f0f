"""A bundle that `glm-tts export-onnx` wrote, by ONNX Runtime: what is lost on the way can be measured."""

from pathlib import Path
from typing import Any

import torch

from glmtts.errors import EvaluationError
from glmtts.eval.systems.bundle import SpeakerSystem
from glmtts.places import EXPORTED_FILE
from glmtts.synthesis.speaker import Speaker
from glmtts.weights import digest_of


class ExportedSystem(SpeakerSystem):
    """`onnx:FOLDER[?options]`, with the options of a bundle but `device`: the sessions are the CPU's.

    Raises:
        EvaluationError: no folder is given, or an option is not known.
    """

    def __init__(self, argument: str | None, options: dict[str, str]) -> None:
        if argument is None:
            raise EvaluationError("Which exported model? Write onnx:FOLDER.")
        if "device" in options:
            raise EvaluationError("ONNX Runtime speaks on the CPU. Leave out the option device.")
        super().__init__(argument, options)

    def about(self) -> dict[str, Any]:
        """The bundle's."""
        return super().about() | {"runtime": "onnx"}

    def _opened(self, argument: str | None, device: str) -> Speaker[Any]:
        from glmtts import load_onnx

        # a worker among several has one thread, which is for these sessions too
        threads = 1 if torch.get_num_threads() == 1 else None
        return load_onnx(Path(argument or ""), threads)

    def _digest(self) -> str:
        # it names the hash of each file
        return digest_of(self.tts.bundle.folder / EXPORTED_FILE)
