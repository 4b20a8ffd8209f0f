"""The training tasks of this package by the names that runs give them; a stage is imported when a run asks for it."""

from glmtts.training.registry import register

register("lm", "glmtts.lm.train:LanguageModelTask")
register("flow", "glmtts.flow.train:FlowTask")
register("speech_tokenizer", "glmtts.speech_tokenizer.train:SpeechTokenizerTask")
register("vocoder", "glmtts.vocoder.train:VocoderTask")
