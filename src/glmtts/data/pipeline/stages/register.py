"""The names of the built-in stages. A stage's module is imported when a run asks for it."""

from glmtts.data.pipeline.stage import register

_HERE = "glmtts.data.pipeline.stages"

register("vad", f"{_HERE}.vad:VadStage")
register("separate", f"{_HERE}.separate:SeparateStage")
register("denoise", f"{_HERE}.denoise:DenoiseStage")
register("diarize", f"{_HERE}.diarize:DiarizeStage")
register("length", f"{_HERE}.length:LengthStage")
register("transcribe", f"{_HERE}.transcribe:TranscribeStage")
register("punctuate", f"{_HERE}.punctuate:PunctuateStage")
register("features", f"{_HERE}.features:FeaturesStage")
