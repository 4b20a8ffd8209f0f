"""Word and character errors by Whisper, on faster-whisper or, as Seed-TTS-eval runs it, on Transformers."""

from glmtts.eval.scorers.asr_errors import AsrScorer

PUBLISHED = "whisper-hf"


class WhisperWer(AsrScorer):
    """Options: `model`, a name of `glmtts.asr`, such as whisper-base, whisper:FOLDER, whisper-hf; `device`;
    `local_only`, to download nothing."""

    def __init__(self, model: str = "whisper-large-v3", device: str = "cpu", local_only: bool = False) -> None:
        super().__init__("whisper", model, device, local_only)
        self.stand_in_for = None if "large-v3" in model or model == PUBLISHED else "Whisper-large-v3"
