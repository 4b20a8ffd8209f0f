"""What judges tokens and sound: the CTC recogniser, verdicts, faults, resampling of candidates."""

from glmtts.stages import register

register(
    "token_recogniser",
    config="glmtts.speech_tokenizer.model:SpeechTokenizerConfig",
    model="glmtts.judging.recogniser:TokenRecogniser",
)
