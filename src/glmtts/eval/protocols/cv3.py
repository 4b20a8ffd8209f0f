"""CV3-Eval: cloning in and across languages.

https://github.com/FunAudioLLM/CV3-Eval: Whisper-large-v3 (openai-whisper) and Paraformer-zh, Japanese and Korean by
character, ERes2Net for similarity, DNSMOS.
"""

from glmtts.eval.protocols.base import Protocol
from glmtts.eval.units import PUBLISHED

WHISPER = "whisper-large-v3"
PROTOCOL = Protocol(
    name="cv3",
    title="CV3-Eval",
    source="Folders `data/*/LANGUAGE` of the benchmark. Its script skips missing files and those that its recogniser "
    "fails on: 'as published'.",
    columns=PUBLISHED,
    recognisers={"en": WHISPER, "zh": "paraformer-zh", "ja": WHISPER, "ko": WHISPER},
    scorers=("speaker_eres2net", "dnsmos"),
)
