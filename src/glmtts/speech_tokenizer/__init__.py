"""Speech to tokens: Whisper encoder, codebook, the heads of training."""

from glmtts.stages import register

register(
    "whisper_vq",
    config="glmtts.speech_tokenizer.model:SpeechTokenizerConfig",
    model="glmtts.speech_tokenizer.model:SpeechTokenizer",
)
