"""What the server needs of synthesis, by ONNX Runtime: without PyTorch, and quicker on a CPU."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from glmtts.onnx.clone import clone
from glmtts.server.engine import Engine, ServedVoice

if TYPE_CHECKING:
    from glmtts.onnx.synthesizer import OnnxSynthesizer


class OnnxEngine(Engine):
    """Speaks on the thread that calls it, with an exported bundle."""

    def __init__(self, tts: "OnnxSynthesizer") -> None:
        super().__init__(tts)
        self._bundle, self._frontend = tts.bundle, tts.frontend

    def use_threads(self, requests: int) -> int:
        """The threads of an operation: the exported stages were opened with theirs, one where they are small."""
        return self._bundle.threads

    def try_trained(self, path: Path) -> None:
        """Refuse a `.glmvoice`: its adapters are exported with their model. Raises VoiceError."""
        self._tts.voice(path)

    def clone(self, recording: Path, text: str | None) -> Iterator[ServedVoice | None]:
        """A voice from a recording, in one step; onnx/clone.py says what is missing of it.

        Raises:
            AudioError, VoiceError: the recording does not serve.
        """
        yield clone(self._bundle, self._frontend, recording, text)
