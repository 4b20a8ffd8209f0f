"""A first trial of a trained voice, before others have to rely on it: the models compute with it once."""

from pathlib import Path

import torch

from glmtts.errors import TextError, VoiceError
from glmtts.synthesis.adapter_pool import AdapterPool
from glmtts.synthesis.conditions import flow_conditions
from glmtts.synthesis.segment import Prompter, Segment
from glmtts.synthesis.speaker import Speaker
from glmtts.synthesis.trained_voice import TrainedVoice, read_adapter
from glmtts.synthesis.voice import Voice

TRIED_TOKENS = 25  # one second of `mini` and of the release
LARGEST_PROMPT = 0.5  # of the positions of the language model; the rest is for a text and its speech


def try_trained(tts: Speaker[Voice], path: Path) -> None:
    """Read all of a `.glmvoice`, and let language model and flow each compute with its adapters once.

    Raises:
        VoiceError: it is damaged, was trained for another model, or does not compute.
        BundleError: a module of the model takes no trained voices.
    """
    # a pool of its own: what is refused leaves nothing in that of the synthesizer
    voice = TrainedVoice.open(path).voice(AdapterPool(read_adapter)).compatible_with(tts.bundle)
    (segment,) = tts.segments(tts.frontend.prepare("Hello.", "en"), voice, 0, {})
    for module, finite in (("lm", _logits_are_finite), ("flow", _mel_is_finite)):
        if not finite(tts, segment, path):
            raise VoiceError(
                f"{path} cannot be spoken: with its {module} adapter the model computes no finite numbers. "
                "Train the voice anew."
            )


@torch.inference_mode()
def _logits_are_finite(tts: Speaker[Voice], segment: Segment, path: Path) -> bool:
    lm, layout = tts.bundle.lm, tts.bundle.audio_tokens
    try:
        (request,) = Prompter(tts.frontend, layout).requests(segment, [segment.seed], lm)
    except TextError as error:
        raise VoiceError(f"{path} cannot be spoken: its own text cannot be read. {error}") from None
    if len(request.prompt_ids) > LARGEST_PROMPT * lm.max_positions:
        raise VoiceError(f"{path} cannot be spoken: its own text and speech leave no room for others. Train it anew.")
    adapted = {} if request.adapter is None else {"adapter": request.adapter}
    return bool(torch.isfinite(lm.prefill(lm.new_state(layout), request.prompt_ids, 1, **adapted)).all())


@torch.inference_mode()
def _mel_is_finite(tts: Speaker[Voice], segment: Segment, path: Path) -> bool:
    bundle, settings, voice = tts.bundle, segment.settings, segment.voice
    tokens = voice.tokens[:TRIED_TOKENS].tolist() or [0]
    conditions = flow_conditions(bundle, [voice], [tokens], settings.show_prompt)
    frames = bundle.clock.frames_per_token * conditions.tokens_BS.shape[1]
    noise_1TM = torch.zeros(1, frames, bundle.clock.mel.n_mels, device=bundle.device)
    return bool(torch.isfinite(bundle.flow.sample(conditions, noise_1TM, settings.solver)[0]).all())
