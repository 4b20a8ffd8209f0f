"""Seed-TTS-eval (Table 3 of the report): zero-shot cloning, Mandarin, English and hard cases.

https://github.com/BytedanceSpeech/seed-tts-eval: Whisper-large-v3 of Transformers for English, Paraformer-zh and
simplified characters for Mandarin, WavLM-large for the similarity of prompt and output.
"""

from glmtts.eval.protocols.base import Protocol
from glmtts.eval.units import PUBLISHED

PROTOCOL = Protocol(
    name="seed-tts",
    title="Seed-TTS-eval",
    source="Table 3 of the report. 'As published' skips utterances without a file, as the public script does; "
    "'all counted' takes them, and outputs in which nothing is heard, as errors of 100 %.",
    columns=PUBLISHED,
    recognisers={"en": "whisper-hf", "zh": "paraformer-zh"},
    scorers=("speaker_wavlm",),
)
