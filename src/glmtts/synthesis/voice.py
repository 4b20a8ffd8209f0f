"""A voice: what the models need to know of a speaker, computed once and saved as one small file."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save_file
from torch import Tensor

from glmtts import durable
from glmtts.audio.f0 import voice_f0
from glmtts.audio.io import load_audio
from glmtts.audio.loudness import to_loudness
from glmtts.audio.mel import LogMel
from glmtts.audio.pitch import REFERENCE_HZ
from glmtts.audio.prompt import LONGEST_SECONDS, PROMPT_LUFS, check_prompt
from glmtts.audio.resample import resample
from glmtts.bundle import Bundle
from glmtts.errors import VoiceError
from glmtts.places import check_holds_weights, is_file
from glmtts.synthesis.adapter_pool import StoredAdapter
from glmtts.synthesis.preparing import readable_text
from glmtts.synthesis.settings import SynthesisDefaults
from glmtts.synthesis.transcribe import transcribe
from glmtts.synthesis.voice_sizes import OTHER_SIZES, VoiceArrays, VoiceSizes
from glmtts.text.frontend import TextFrontend

CODES, PRIOR = "speech_tokenizer", "flow"


@dataclass(frozen=True)
class Voice:
    """Prompt of a speaker: its text, speech tokens (S,), log-mel (M, T), embedding (D,), median F0 in Hz.

    `adaptation` (L, K) is what the mel prior misses of the speaker (flow/adaptation.py); None where the model asks
    for none. `made_with` holds the sha256 of the speech tokenizer and of the flow; without them, tokens are taken to
    fit and the adaptation is not. `adapter` is that of a trained voice (trained_voice.py).
    """

    text: str
    tokens: Tensor
    mel: Tensor
    embedding: Tensor
    f0: Tensor
    adaptation: Tensor | None = None
    made_with: Mapping[str, str] = field(default_factory=dict)
    adapter: StoredAdapter | None = None

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, atomically.

        Raises:
            VoiceError: the path cannot be written, the disk is full, or the voice is a trained one.
        """
        path = Path(path)
        if self.adapter is not None:
            raise VoiceError(f"A trained voice is kept as its own file: copy {self.adapter.path} to {path}.")
        check_holds_weights(path, VoiceError)
        cure = "Free some space or choose another path."
        with durable.writable(path, VoiceError, cure), durable.whole(path) as temporary:
            save_file(self.tensors(), temporary, metadata=self.metadata())

    def tensors(self) -> dict[str, Tensor]:
        """What a file holds of the voice, without the adapter of a trained one."""
        tensors = {
            "tokens": self.tokens.to(torch.int32),
            "mel": self.mel.half().contiguous(),  # half the file, which is mostly this
            "embedding": self.embedding.half(),
            "f0": self.f0,
        }
        if self.adaptation is not None:
            tensors["adaptation"] = self.adaptation.half()
        return tensors

    def metadata(self) -> dict[str, str]:
        """What a file says beside `tensors`."""
        return {"text": self.text, **self.made_with}

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Raises:
            VoiceError: the file is missing or no voice.
        """
        check_holds_weights(Path(path), VoiceError)
        if not is_file(Path(path), VoiceError):
            raise VoiceError(f"{path} is not a file. Give that of a saved voice, or make one with `glm-tts clone`.")
        try:
            with safe_open(str(path), framework="pt") as file:
                metadata = file.metadata() or {}
            return cls.of(load(Path(path).read_bytes()), metadata)
        except (OSError, SafetensorError, KeyError, ValueError):
            raise VoiceError(f"{path} is not a saved voice. Make it again from a recording.") from None

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> Self:
        """The voice of `tensors` and `metadata`; KeyError or ValueError where they are none."""
        adapted = tensors["adaptation"].float() if "adaptation" in tensors else None
        tokens, mel, embedding = tensors["tokens"].long(), tensors["mel"].float(), tensors["embedding"].float()
        made_with = {name: metadata[name] for name in (CODES, PRIOR) if name in metadata}
        text, f0 = metadata.get("text", ""), tensors["f0"].float()
        return cls(text, tokens, mel, embedding, f0, adapted, made_with=made_with)._checked()

    def _checked(self) -> Self:
        """Itself; a ValueError where sizes do not fit each other or a number is not finite."""
        self._arrays().check()
        return self

    def _arrays(self) -> VoiceArrays:
        own = (self.tokens, self.mel, self.embedding, self.f0)
        tokens, mel, embedding, f0 = (tensor.detach().cpu().numpy() for tensor in own)
        adaptation = None if self.adaptation is None else self.adaptation.detach().cpu().numpy()
        return VoiceArrays(tokens, mel, embedding, f0, adaptation)

    def compatible_with(self, bundle: Bundle) -> Self:
        """The voice as `bundle` can use it, without tokens of another tokenizer and the adaptation of another flow.

        Raises:
            VoiceError: it is a trained voice of another model, or its sizes are another model's.
        """
        if self.adapter is not None:
            self.adapter.check_base(bundle)
        own, kept = _made_with(bundle), self
        if self.adaptation is not None and self.made_with.get(PRIOR) != own.get(PRIOR):
            kept = replace(kept, adaptation=None)
        # tokens of another codebook mean other sounds; with them goes the text that they say
        if self.made_with.get(CODES, own.get(CODES)) != own.get(CODES):
            kept = replace(kept, text="", tokens=self.tokens[:0], mel=self.mel[:, :0])
        return kept.checked(bundle)

    def checked(self, bundle: Bundle) -> Self:
        """Itself, where its sizes are those of `bundle`.

        Raises:
            VoiceError: they are not.
        """
        flow = bundle.config.modules[PRIOR].parsed()
        wanted = getattr(bundle.flow, "adaptation_shape", None) if self.adaptation is not None else None
        shape = None if wanted is None else tuple(wanted)
        width, frames = (getattr(flow, name, None) for name in ("speaker_width", "frames_per_token"))
        sizes = VoiceSizes(flow.n_mels, flow.vocabulary, width, shape, frames)
        if not self._arrays().fit(sizes):
            raise VoiceError(OTHER_SIZES)
        return self

    def prompt(self, shown: bool) -> tuple[Tensor, Tensor]:
        """The tokens (S,) and the log-mel (M, T) that the flow sees before what it speaks; empty if not `shown`."""
        return (self.tokens, self.mel) if shown else (self.tokens[:0], self.mel[:, :0])


def _made_with(bundle: Bundle) -> dict[str, str]:
    """The sha256 of the modules that a voice holds products of."""
    return {name: entry.sha256 for name, entry in bundle.config.modules.items() if name in (CODES, PRIOR)}


def make_voice(bundle: Bundle, frontend: TextFrontend, path: str | Path, text: str | None = None) -> Voice:
    """A voice from a recording, as `recorded_voice` takes it, adapted to the bundle's flow."""
    return adapted_voice(bundle, recorded_voice(bundle, frontend, path, text))


def recorded_voice(bundle: Bundle, frontend: TextFrontend, path: str | Path, text: str | None = None) -> Voice:
    """A voice from a recording of 1 to 30 seconds and what is said in it, as the flow knows it.

    With `text`, the language model continues the recording and takes over its manner of speaking. None is
    transcribed where a recogniser is at hand (transcribe.py); without a text, or with an empty one, only timbre is
    taken: the flow model has the recording and the speaker embedding. The recording is brought to one loudness (ITU-R
    BS.1770), so that a voice is not loud or quiet because its recording was.

    Raises:
        AudioError: the file cannot be read.
        VoiceError: the recording is too short, or silent, or its text cannot be read.
    """
    rate = bundle.config.sample_rate
    samples = load_audio(path, rate, LONGEST_SECONDS)
    check_prompt(path, len(samples) / rate, float(samples.abs().max()) if len(samples) else 0.0)
    samples = torch.from_numpy(to_loudness(samples.numpy(), rate, PROMPT_LUFS))
    said = _text_of(frontend, samples, rate) if text is None else readable_text(frontend, text)
    return voice_of(bundle, samples, said)


@torch.inference_mode()
def adapted_voice(bundle: Bundle, voice: Voice) -> Voice:
    """The voice with what the mel prior misses of it, where the bundle's voices have that; a few seconds of work."""
    device, steps = bundle.device, SynthesisDefaults.of(bundle).adaptation_steps
    if not steps:
        return voice
    added = bundle.flow.adapt(
        voice.tokens.to(device), voice.embedding.to(device), voice.mel.to(device), voice.f0.to(device), steps
    )
    return replace(voice, adaptation=added.cpu())


def _text_of(frontend: TextFrontend, samples_T: Tensor, rate: int) -> str:
    """What a recogniser hears; nothing where the front end cannot read it."""
    try:
        return readable_text(frontend, transcribe(samples_T, rate))
    except VoiceError:
        return ""


@torch.inference_mode()
def voice_of(bundle: Bundle, samples_T: Tensor, text: str) -> Voice:
    """A voice from samples (T,) at the bundle's rate, as the flow knows it."""
    clock, tokenizer, speaker, device = bundle.clock, bundle.speech_tokenizer, bundle.speaker, bundle.device
    # whole tokens, so that tokens and mel end together and the prompt has no frame without a token
    samples = samples_T[: len(samples_T) // clock.samples_per_token * clock.samples_per_token].cpu()
    heard = resample(samples, clock.sample_rate, tokenizer.sample_rate)
    tokens = tokenizer.tokenize(heard.to(device)).cpu()
    embedding = speaker.embed(resample(samples, clock.sample_rate, speaker.sample_rate).to(device)).cpu()
    # a whisper has no F0: the flow is given one between men and women
    f0 = torch.tensor(voice_f0(heard, tokenizer.sample_rate) or REFERENCE_HZ)
    return voice_of_features(bundle, text, tokens, LogMel(clock.mel)(samples[None])[0], embedding, f0)


def voice_of_features(
    bundle: Bundle, text: str, tokens_S: Tensor, mel_MT: Tensor, embedding_D: Tensor, f0: Tensor
) -> Voice:
    """A voice from what `bundle` has made of a recording; tokens and mel are cut to the same length."""
    per_token = bundle.clock.frames_per_token
    length = min(len(tokens_S), mel_MT.shape[1] // per_token)
    mel_MT = mel_MT[:, : per_token * length]
    return Voice(text, tokens_S[:length], mel_MT, embedding_D, f0, made_with=_made_with(bundle))
