"""Word and character errors by SenseVoice: a second recogniser, which training against Paraformer has not seen."""

from glmtts.eval.scorers.asr_errors import AsrScorer


class SenseVoiceWer(AsrScorer):
    """Options: `model`, sensevoice or sensevoice:FOLDER; `device`."""

    def __init__(self, model: str = "sensevoice", device: str = "cpu") -> None:
        super().__init__("sensevoice", model, device, local_only=False)
