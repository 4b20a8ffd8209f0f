"""Character errors of Mandarin by Paraformer, as Seed-TTS-eval measures them."""

from glmtts.eval.scorers.asr_errors import AsrScorer


class ParaformerWer(AsrScorer):
    """Options: `model`, paraformer-zh or paraformer:FOLDER; `device`."""

    def __init__(self, model: str = "paraformer-zh", device: str = "cpu") -> None:
        super().__init__("paraformer", model, device, local_only=False)
