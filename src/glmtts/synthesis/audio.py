"""What synthesis gives: samples and their rate."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glmtts.audio.io import audio_bytes, write_audio
from glmtts.audio.provenance import synthetic_tags


@dataclass(frozen=True)
class Audio:
    """Mono samples (T,) float32 in ±1 at `rate` Hz, spoken by `model`; plays in a notebook.

    They are a tensor, or NumPy's where ONNX Runtime spoke. `warnings` say in a sentence each what of the text could not
    be spoken, such as a script that the model cannot read.
    """

    samples: Any
    rate: int
    model: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate

    def save(self, path: str | Path) -> None:
        """Write to a file whose suffix names the format (wav, flac, ogg, opus, mp3); its tags say what made it.

        Raises:
            AudioError: the path cannot be written.
        """
        write_audio(path, self.samples, self.rate, synthetic_tags(self.model))

    def to_bytes(self, form: str = "wav") -> bytes:
        """What `save` writes to a file, for `wav`, `flac`, `ogg`, `opus` and `mp3`.

        Raises:
            AudioError: there is no such format.
        """
        return audio_bytes(self.samples, self.rate, form, synthetic_tags(self.model))

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.to_bytes()).decode()
        return f'<audio controls src="data:audio/wav;base64,{data}"></audio>'
