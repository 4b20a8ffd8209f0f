"""Similarity by ERes2Net (Chen et al., 2023), as CV3-Eval measures it: an ONNX file, or by ModelScope."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from glmtts.audio.fbank import kaldi_fbank
from glmtts.backends import backend, reason_of
from glmtts.errors import BundleError, EvaluationError
from glmtts.eval.scorers.similarity import SpeakerScorer
from glmtts.speaker.onnx import OnnxSpeaker, OnnxSpeakerConfig

INSTALL = "pip install 'modelscope[framework]' addict simplejson sortedcontainers torchaudio"


class Eres2Net(SpeakerScorer):
    """Options: `model`, an ONNX file of 3D-Speaker's ERes2Net, or a folder or name of ModelScope; `device`."""

    column = "spk_similarity_eres2net"

    def __init__(self, model: str = "iic/speech_eres2net_sv_zh-cn_16k-common", device: str = "cpu") -> None:
        self._onnx: OnnxSpeaker | None = None
        self._pipeline: Any = None
        if model.endswith(".onnx"):
            try:
                self._onnx = OnnxSpeaker.open(Path(model), OnnxSpeakerConfig())
            except (BundleError, OSError) as error:
                raise EvaluationError(f"ERes2Net cannot be loaded from {model}: {error}") from None
            return
        modelscope = backend("modelscope.pipelines", "The scorer 'speaker_eres2net'", INSTALL, EvaluationError)
        try:
            self._pipeline = modelscope.pipeline(task="speaker-verification", model=model, device=device)
        except Exception as error:  # ModelScope raises whatever its parts do
            reason = reason_of(error)
            raise EvaluationError(f"ModelScope cannot load '{model}': {reason}. Give a folder or its name.") from None

    def embed(self, wave: np.ndarray) -> np.ndarray:
        """The embedding (192,)."""
        if self._onnx is not None:
            return self._onnx(kaldi_fbank(torch.from_numpy(wave))[None])[0].numpy()
        found: np.ndarray = np.asarray(self._pipeline([wave], output_emb=True)["embs"])[0]
        return found
