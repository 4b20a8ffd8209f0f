"""Vocoder copy-synthesis (Table 8 of the report): a recording's mel and back.

The report names NISQA, UTMOS, Audiobox Aesthetics' production quality and a listening test (`glm-tts eval listening`);
beside them stand measures against the recording itself. Another vocoder's copies are a folder: `recordings:FOLDER`.
"""

from glmtts.eval.protocols.base import Protocol

PROTOCOL = Protocol(
    name="vocoder",
    title="Vocoder, copy synthesis",
    source="Table 8 of the report; the row `recordings` is its 'GT'.",
    columns=(),
    scorers=("nisqa", "utmos", "audiobox_aesthetics", "mr_stft", "pesq", "f0"),
    systems=("recordings", "vocoder"),
)
