"""A voice without PyTorch: what synthesis/voice.py saves, as NumPy arrays."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from glmtts import durable
from glmtts.errors import VoiceError
from glmtts.places import check_holds_weights, is_file
from glmtts.synthesis.voice_sizes import OTHER_SIZES, VoiceArrays, VoiceSizes

CODES, PRIOR = "speech_tokenizer", "flow"


@dataclass(frozen=True)
class NumpyVoice:
    """Text, tokens (S,), log-mel (M, T), embedding (D,), median F0 in Hz and adaptation (L, K) of a speaker.

    `adapter` is always None: a trained voice is merged into its model before that is exported.
    """

    text: str
    tokens: np.ndarray
    mel: np.ndarray
    embedding: np.ndarray
    f0: float
    adaptation: np.ndarray | None
    made_with: dict[str, str]
    adapter: None = None

    @classmethod
    def load(cls, path: Path) -> "NumpyVoice":
        """Read a voice that `glm-tts clone` wrote.

        Raises:
            VoiceError: the file is missing or no voice.
        """
        check_holds_weights(path, VoiceError)
        if not is_file(path, VoiceError):
            raise VoiceError(f"{path} is not a file. Give that of a saved voice, or make one with `glm-tts clone`.")
        try:
            with safe_open(str(path), framework="np") as file:
                said, found = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            # saved in half precision; the graphs take float32
            wide = {name: np.asarray(value, np.float32) for name, value in found.items() if name != "tokens"}
            voice = cls(
                said.get("text", ""),
                found["tokens"].astype(np.int64),
                wide["mel"],
                wide["embedding"],
                float(wide["f0"]),
                wide.get("adaptation"),
                {name: said[name] for name in (CODES, PRIOR) if name in said},
            )
            VoiceArrays(voice.tokens, voice.mel, voice.embedding, wide["f0"], voice.adaptation).check()
        except (OSError, SafetensorError, KeyError, ValueError, TypeError, AttributeError):  # the last of an odd dtype
            raise VoiceError(f"{path} is not a saved voice. Make it again from a recording.") from None
        return voice

    def save(self, path: Path) -> None:
        """Write the file that `glm-tts clone` writes with PyTorch too, atomically.

        Raises:
            VoiceError: the path cannot be written, or the disk is full.
        """
        tensors: dict[str, Any] = {
            "tokens": self.tokens.astype(np.int32),
            "mel": self.mel.astype(np.float16),
            "embedding": self.embedding.astype(np.float16),
            "f0": np.array(self.f0, np.float32),
        }
        if self.adaptation is not None:
            tensors["adaptation"] = self.adaptation.astype(np.float16)
        check_holds_weights(path, VoiceError)
        cure = "Free some space or choose another path."
        with durable.writable(path, VoiceError, cure), durable.whole(path) as temporary:
            save_file(tensors, temporary, metadata={"text": self.text, **self.made_with})

    def compatible_with(self, made_with: dict[str, str], sizes: VoiceSizes) -> "NumpyVoice":
        """The voice for a model of these parts, without tokens of another tokenizer and adaptation of another flow.

        Raises:
            VoiceError: its sizes are another model's.
        """
        kept = self
        if self.adaptation is not None and self.made_with.get(PRIOR) != made_with.get(PRIOR):
            kept = replace(kept, adaptation=None)
        # a voice that names no tokenizer is taken as it is
        if self.made_with.get(CODES, made_with.get(CODES)) != made_with.get(CODES):
            kept = replace(kept, text="", tokens=self.tokens[:0], mel=self.mel[:, :0])
        arrays = VoiceArrays(kept.tokens, kept.mel, kept.embedding, np.array(kept.f0), kept.adaptation)
        if not arrays.fit(sizes):
            raise VoiceError(OTHER_SIZES)
        return kept

    def prompt(self, shown: bool) -> tuple[np.ndarray, np.ndarray]:
        """The tokens (S,) and the log-mel (M, T) that the flow sees before what it speaks; empty if not `shown`."""
        return (self.tokens, self.mel) if shown else (self.tokens[:0], self.mel[:, :0])
