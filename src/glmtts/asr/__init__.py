"""Speech recognisers by name, loaded on first use; nothing heavy is imported before.

| name | backend |
|---|---|
| `whisper-SIZE`, `whisper:PATH_OR_NAME` | faster-whisper, with word times |
| `whisper-hf`, `whisper-hf:PATH_OR_NAME` | Transformers; by default openai/whisper-large-v3, as Seed-TTS-eval runs it |
| `paraformer-zh`, `paraformer:PATH_OR_NAME` | FunASR |
| `sensevoice`, `sensevoice:PATH_OR_NAME` | FunASR |
| `reverb`, `reverb:PATH` | Reverb (WeNet) |
"""

from importlib import import_module

from glmtts.asr.transcript import AsrSettings, SpeechRecogniser, Transcript, Word
from glmtts.errors import AsrError

__all__ = ["SAMPLE_RATE", "AsrSettings", "SpeechRecogniser", "Transcript", "Word", "load"]

SAMPLE_RATE = 16000
_CLASSES = {
    "whisper": "glmtts.asr.whisper:FasterWhisper",
    "whisper-hf": "glmtts.asr.whisper_hf:TransformersWhisper",
    "paraformer": "glmtts.asr.funasr:Paraformer",
    "sensevoice": "glmtts.asr.funasr:SenseVoice",
    "reverb": "glmtts.asr.reverb:Reverb",
}
_DEFAULT_MODELS = {
    "whisper-hf": "openai/whisper-large-v3",
    "paraformer": "paraformer-zh",
    "paraformer-zh": "paraformer-zh",
    "sensevoice": "iic/SenseVoiceSmall",
    "reverb": "reverb_asr_v1",
}


def load(
    name: str, device: str = "cpu", *, word_times: bool = False, local_only: bool = False, threads: int = 0
) -> SpeechRecogniser:
    """The recogniser of this name (see the table above).

    Args:
        name: a name, or FAMILY:MODEL with a folder or a model's name on its hub.
        device: "cpu", "cuda" or "cuda:N".
        word_times: ask for the times of words, where the backend has to do extra work for them (faster-whisper).
        local_only: never download.
        threads: threads a call on the CPU; 0 leaves it to the backend.

    Raises:
        AsrError: the name is unknown, the backend is not installed, or the model cannot be loaded.
    """
    family, model = _parsed(name)
    module, _, attribute = _CLASSES[family].partition(":")
    recogniser: SpeechRecogniser = getattr(import_module(module), attribute)(
        model, AsrSettings(device, word_times, local_only, threads), name
    )
    return recogniser


def _parsed(name: str) -> tuple[str, str]:
    """Family and model of a name."""
    family, colon, model = name.partition(":")
    if not colon and family in _DEFAULT_MODELS:
        # `paraformer-zh` is of the family `paraformer`, and its default model keeps the ending
        return family.removesuffix("-zh"), _DEFAULT_MODELS[family]
    if colon and model and family in _CLASSES:
        return family, model
    # after the table, as `whisper-hf` begins with `whisper-` too
    if not colon and family.startswith("whisper-") and family != "whisper-":
        return "whisper", family.removeprefix("whisper-")
    known = "whisper-SIZE, whisper:PATH, whisper-hf, paraformer-zh, sensevoice, reverb"
    raise AsrError(f"There is no speech recogniser '{name}'. Known are {known}.")
