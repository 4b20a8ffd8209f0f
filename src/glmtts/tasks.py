"""What training is told of this package: its tasks by the names that runs give them, and how to read its bundles.

Importing this is cheap; a stage is imported when a run asks for it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from glmtts.training.registry import register, use_bundles

if TYPE_CHECKING:
    import torch
    from torch import nn

    from glmtts.training.listening import Renderer

EMBEDDED = "bundle"  # names the bundle that ships with the package

register("lm", "glmtts.lm.train:LanguageModelTask")
register("flow", "glmtts.flow.train:FlowTask")
register("speech_tokenizer", "glmtts.speech_tokenizer.train:SpeechTokenizerTask")
register("voice_lm", "glmtts.voices.tasks:VoiceLanguageModel")
register("voice_flow", "glmtts.voices.tasks:VoiceFlow")
register("vocoder", "glmtts.vocoder.train:Vocos2DTask")
register("vocos", "glmtts.vocoder.train:VocosTask")
register("vocos_harmonic", "glmtts.vocoder.train:HarmonicVocosTask")
register("grpo", "glmtts.rl.grpo:PolicyTask")
register("diffro", "glmtts.rl.diffro:DiffroTask")


class _Bundles:
    """See `training.registry.Bundles`."""

    def folder(self, bundle: str) -> Path:
        from glmtts.bundle import embedded

        return embedded() if bundle == EMBEDDED else Path(bundle)

    def network(self, bundle: str, module: str) -> "nn.Module":
        from glmtts.bundle import Bundle

        return Bundle.open(self.folder(bundle)).network(module)

    def renderer(self, bundle: str, device: "torch.device") -> "Renderer":
        from glmtts.bundle import Bundle
        from glmtts.synthesis.listening import BundleRenderer

        return BundleRenderer(Bundle.open(self.folder(bundle), device))


use_bundles(_Bundles())
