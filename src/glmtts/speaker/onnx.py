"""CAM++ as the release ships it: an ONNX file, run by onnxruntime."""

from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from glmtts.config import Count, StrictConfig
from glmtts.errors import BundleError
from glmtts.speaker.embed import Embeds


class OnnxSpeakerConfig(StrictConfig):
    """Input and output widths of the file."""

    n_mels: Count = 80
    embedding: Count = 192


class OnnxSpeaker(Embeds):
    """Filter banks to one embedding an utterance; called like `glmtts.speaker.campplus.CampPlus`."""

    def __init__(self, session: Any, config: OnnxSpeakerConfig) -> None:
        self.session, self.config = session, config

    @classmethod
    def open(cls, path: Path, config: OnnxSpeakerConfig) -> Self:
        """Load the file.

        Raises:
            BundleError: onnxruntime is not installed, or the file is no ONNX model.
        """
        try:
            import onnxruntime
        except ImportError:
            raise BundleError(
                "This model's speaker encoder needs onnxruntime. Install it with: pip install '.[official]'"
            ) from None
        try:
            session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own exceptions share no base
            raise BundleError(f"{path} is no ONNX model: {str(error)[:80]}. Fetch it again.") from None
        return cls(session, config)

    def __call__(self, fbank_BTF: Tensor) -> Tensor:
        """Kaldi filter banks (B, T, F), mean subtracted, to embeddings (B, embedding), not normalised."""
        session: Any = self.session
        name = session.get_inputs()[0].name
        return torch.from_numpy(session.run(None, {name: fbank_BTF.cpu().numpy()})[0])
