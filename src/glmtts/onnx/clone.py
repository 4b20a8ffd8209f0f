"""A voice from a recording without PyTorch: synthesis/voice.py, but for the adaptation of the mel prior.

That is found by gradient descent, which needs PyTorch. Without it a cloned voice is nearer to an average timbre.
"""

from pathlib import Path

import numpy as np
import soxr

from glmtts.audio.f0 import REFERENCE_HZ, voice_f0
from glmtts.audio.fbank import fbank_of
from glmtts.audio.io import read_array
from glmtts.audio.loudness import to_loudness
from glmtts.audio.prompt import LONGEST_SECONDS, PROMPT_LUFS, check_prompt
from glmtts.errors import VoiceError
from glmtts.onnx.bundle import OnnxBundle
from glmtts.onnx.features import SAMPLE_RATE, log_mel
from glmtts.onnx.voice import NumpyVoice
from glmtts.synthesis.preparing import readable_text
from glmtts.text.frontend import TextFrontend


def clone(bundle: OnnxBundle, frontend: TextFrontend, path: Path, text: str | None) -> NumpyVoice:
    """A voice from a recording of 1 to 30 seconds, and what is said in it, where that is given.

    Raises:
        AudioError: the file cannot be read.
        VoiceError: the recording is too short or silent, its text cannot be read, or the model cannot clone.
    """
    if bundle.speaker is None or bundle.speech_tokenizer is None:
        raise VoiceError(
            "This exported model has no speaker encoder or no speech tokenizer: it cannot clone. "
            "Give one of its voices, or a saved one."
        )
    samples, own_rate = read_array(path, LONGEST_SECONDS)
    rate = bundle.clock.sample_rate
    samples = soxr.resample(samples, own_rate, rate)
    # before the loudness is levelled, which would lift near silence as well
    check_prompt(path, len(samples) / rate, float(np.abs(samples).max(initial=0.0)))
    said = readable_text(frontend, text or "")
    return _voice_of(bundle, to_loudness(samples, rate, PROMPT_LUFS), said)


def _voice_of(bundle: OnnxBundle, samples: np.ndarray, text: str) -> NumpyVoice:
    """A voice from samples (T,) at the model's rate; tokens and mel are cut to the same length."""
    clock = bundle.clock
    samples = samples[: len(samples) // clock.samples_per_token * clock.samples_per_token]
    heard = soxr.resample(samples, clock.sample_rate, SAMPLE_RATE)
    assert bundle.speech_tokenizer is not None and bundle.speaker is not None
    tokens, mel = bundle.speech_tokenizer.tokenize(heard), log_mel(samples, clock.mel)
    # resampling may give a token more or less than the mel has
    length = min(len(tokens), mel.shape[1] // clock.frames_per_token)
    (fbank,) = bundle.speaker.get_inputs()
    vector = bundle.speaker.run(None, {"fbank": fbank_of(heard, fbank.shape[2])[None]})[0][0]
    # the floor of F.normalize
    embedding = np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), np.float32)
    f0 = voice_f0(heard, SAMPLE_RATE) or REFERENCE_HZ  # no voiced frame: no median
    mel = mel[:, : clock.frames_per_token * length]
    return NumpyVoice(text, tokens[:length], mel, embedding, f0, None, bundle.config.made_with)
