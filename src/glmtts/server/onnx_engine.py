"""What the server needs of synthesis, by ONNX Runtime: without PyTorch, and quicker on a CPU."""

from collections.abc import Iterator
from pathlib import Path

from glmtts.onnx.clone import clone
from glmtts.server.engine import Engine, ServedVoice


class OnnxEngine(Engine):
    """Speaks on the thread that calls it, with the `OnnxSynthesizer` of an exported bundle."""

    def use_threads(self, requests: int) -> int:
        """The threads of an operation: the exported stages were opened with theirs, one where they are small."""
        threads: int = self._tts.bundle.threads
        return threads

    def try_trained(self, path: Path) -> None:
        """Refuse a `.glmvoice`: its adapters are exported with their model. Raises VoiceError."""
        self._tts.voice(path)

    def clone(self, recording: Path, text: str | None) -> Iterator[ServedVoice | None]:
        """A voice from a recording, in one step; onnx/clone.py says what is missing of it.

        Raises:
            AudioError, VoiceError: the recording does not serve.
        """
        yield clone(self._tts.bundle, self._tts.frontend, recording, text)
