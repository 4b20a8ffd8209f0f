"""An exported bundle on disk, opened without PyTorch; the stages are its properties, loaded when they are asked for."""

import hashlib
import threading
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np

from glmtts.config import read_json
from glmtts.errors import BundleError, ConfigError, VoiceError
from glmtts.onnx.config import OnnxConfig
from glmtts.onnx.flow import OnnxFlow
from glmtts.onnx.inputs import check_inputs
from glmtts.onnx.stages import OnnxLanguageModel, OnnxRecogniser, OnnxSpeechTokenizer
from glmtts.onnx.stft import STFT
from glmtts.onnx.vocoder import HarmonicVocoder, OnnxVocoder, SpectrumVocoder
from glmtts.onnx.voice import NumpyVoice
from glmtts.options import nearest
from glmtts.ort.decoder import Decoder, Embedding
from glmtts.ort.runtime import Session, session
from glmtts.ort.tensors import stored
from glmtts.places import EXPORTED_FILE, check_holds_weights, is_file
from glmtts.stages import Clock
from glmtts.synthesis.suffixes import TRAINED_SUFFIX
from glmtts.synthesis.voice_sizes import OTHER_SIZES, VoiceSizes
from glmtts.text.audio_tokens import AudioTokens
from glmtts.text.frontend import TextFrontend
from glmtts.text.tokenizer import TextTokenizer
from glmtts.threads import check_threads, threads_for

LM_WEIGHTS = "lm.safetensors"
T = TypeVar("T")


class once(cached_property[T]):
    """Computed once, also where threads ask at the same time: from Python 3.12 on each of them would load a stage."""

    def __get__(self, bundle: Any, owner: type | None = None) -> T:  # type: ignore[override]
        with bundle.loading:
            return super().__get__(bundle, owner)


class OnnxBundle:
    """What `glm-tts export-onnx` wrote, for `threads` threads an operation."""

    def __init__(self, folder: Path, config: OnnxConfig, threads: int) -> None:
        self.folder, self.config, self.threads = folder, config, threads
        self.loading = threading.RLock()
        self.clock = Clock(config.token_rate, config.flow.frames_per_token, config.mel)

    @classmethod
    def open(cls, folder: str | Path, threads: int | None = None) -> Self:
        """Open a folder.

        Raises:
            BundleError: it holds no exported bundle, or one whose description is not valid.
            ConfigError: the number of threads is not one or more.
        """
        check_threads(threads)
        folder = Path(folder)
        path = folder / EXPORTED_FILE
        check_holds_weights(folder, BundleError)
        if not is_file(path, BundleError):
            raise BundleError(
                f"{folder} is no exported model: it holds no {EXPORTED_FILE}. "
                "Make one, where PyTorch is installed, with: glm-tts export-onnx OUT"
            )
        try:
            config = OnnxConfig.parse(read_json(path))
            bundle = cls(folder, config, threads or 1)
            bundle.clock.check()
        except (ValueError, ConfigError) as error:
            raise BundleError(f"{path} is corrupt: {error} Export the model again.") from None
        if threads is None:
            # a link that leads nowhere is no file; where the model needs it, `path` says so
            held = [one for one in folder.glob("*") if is_file(one, BundleError)]
            bundle.threads = threads_for(sum(one.stat().st_size for one in held))
        return bundle

    @once
    def audio_tokens(self) -> AudioTokens:
        """Where speech tokens lie in the vocabulary."""
        return AudioTokens.of(self.tokenizer)

    @once
    def tokenizer(self) -> TextTokenizer:
        """The bundle's vocabulary."""
        for name in ("tokenizer.model", "added_tokens.json"):
            self.path(name)
        return TextTokenizer.load(self.folder)

    def frontend(self) -> TextFrontend:
        """A text front end with the bundle's vocabulary."""
        return TextFrontend(self.config.text, self.tokenizer)

    @once
    def lm(self) -> OnnxLanguageModel:
        """Text to speech tokens."""
        weights, sizes = self.path(LM_WEIGHTS), self.config.lm
        embedding = Embedding(weights, stored(weights))
        if embedding.shape != (sizes.vocab_size, sizes.hidden_size):
            raise BundleError(
                f"{weights} holds an embedding of another size than {EXPORTED_FILE} says. Export it again."
            )
        layout = self.audio_tokens
        if layout.count + 1 != sizes.choices or max(layout.first + layout.count, layout.end + 1) > sizes.vocab_size:
            raise BundleError(
                f"The vocabulary of {self.folder} has {layout.count} speech tokens, and the language model chooses "
                f"from {sizes.choices - 1}: they are of two models. Export the model again."
            )
        # as bytes: the weights beside it are looked for in the folder that is given
        path = self.path("lm.onnx")
        one = session(path.read_bytes(), self.threads, self.folder)
        check_inputs("lm", one, self.config, path)
        return OnnxLanguageModel(Decoder(one, sizes, embedding), sizes.max_positions)

    @once
    def flow(self) -> OnnxFlow:
        """Speech tokens to mel."""
        return OnnxFlow(self._session("flow_inputs"), self._session("flow_velocity"), self.config.flow)

    @once
    def vocoder(self) -> OnnxVocoder:
        """Mel to waveform."""
        mel, istft, ahead = self.config.mel, self.config.istft, self.config.look_ahead or 0
        graph, stft = self._session("vocoder"), STFT(istft.n_fft, istft.hop_length)
        if not istft.source:
            return SpectrumVocoder(graph, stft, ahead)
        return HarmonicVocoder(self._session("vocoder_pitch"), graph, stft, ahead, mel.hop_length, mel.sample_rate)

    @once
    def recogniser(self) -> OnnxRecogniser | None:
        """The judge of speech tokens, which some bundles lack."""
        return None if self.config.reads is None else OnnxRecogniser(self._session("recogniser"), self.config.reads)

    @once
    def speech_tokenizer(self) -> OnnxSpeechTokenizer | None:
        """Speech to tokens, by which audio is judged; None where it was not exported."""
        if self.config.tokenizer_mels is None:
            return None
        # at 16 kHz, for one token
        samples = round(16000 / self.config.token_rate)
        return OnnxSpeechTokenizer(self._session("speech_tokenizer"), self.config.tokenizer_mels, samples)

    @once
    def speaker(self) -> Any | None:
        """The session of the speaker encoder, from filter banks; None where it was not exported."""
        return self._session("speaker") if "speaker.onnx" in self.config.files else None

    def voice(self, name: str) -> NumpyVoice:
        """A bundled voice by name, or a saved one.

        Raises:
            VoiceError: there is no such voice, or it is one that needs PyTorch.
        """
        if Path(name).suffix == ".safetensors":
            return self.usable(NumpyVoice.load(Path(name)))
        if Path(name).suffix == TRAINED_SUFFIX:
            raise VoiceError(
                f"{name} is a trained voice, which is exported with its model: glm-tts voice merge {name} -o FOLDER, "
                "then glm-tts export-onnx OUT --model FOLDER."
            )
        # after the names that there are, which may have a point within
        if Path(name).suffix and name not in self.config.voices:
            raise VoiceError(f"{name} is neither a recording nor a saved voice. Give one, or the name of a voice.")
        if name not in self.config.voices:
            known, meant = ", ".join(self.config.voices) or "none", nearest(name, self.config.voices)
            hint = f"Did you mean '{meant}'? " if meant else ""
            raise VoiceError(f"There is no voice '{name}'. {hint}Known are: {known}; or give a saved one.")
        return self.usable(NumpyVoice.load(self.path(self.config.voices[name].file)))

    def usable(self, voice: NumpyVoice) -> NumpyVoice:
        """A voice as this model can use it (`NumpyVoice.compatible_with`). Raises VoiceError where it cannot."""
        kept = voice.compatible_with(self.config.made_with, self._voice_sizes)
        # a flow of other frames a token may know the same tokens
        if kept.mel.shape[1] != self.clock.frames_per_token * len(kept.tokens):
            raise VoiceError(OTHER_SIZES)
        return kept

    @once
    def _voice_sizes(self) -> VoiceSizes:
        codes, flow = self.config.lm.choices - 1, self.config.flow  # the last choice ends speech
        return VoiceSizes(flow.n_mels, codes, self.flow.speaker_width, flow.adaptation)

    def load_all(self) -> None:
        """Open every stage now instead of when it is asked for."""
        for stage in ("lm", "flow", "vocoder", "recogniser", "speech_tokenizer", "speaker"):
            getattr(self, stage)

    def path(self, name: str) -> Path:
        """Path of one file, checked against its hash.

        Raises:
            BundleError: the file is missing or was changed.
        """
        path = self.folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise BundleError(f"The model names a file outside its folder: {name}. Export it yourself from its source.")
        if name not in self.config.files:
            raise BundleError(f"{self.folder / EXPORTED_FILE} does not list the file {name}. Export the model again.")
        if not is_file(path, BundleError):
            if path.is_symlink():
                raise BundleError(f"{path} is a link to a file that is not there. Copy the model with its files.")
            raise BundleError(f"The exported model lacks the file {path}. Copy or export it again.")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != self.config.files[name]:
                raise BundleError(f"{path} is corrupt: its hash is not the recorded one. Copy or export it again.")
        return path

    def noise(self, seed: int, frames: int) -> np.ndarray:
        """Normal noise (T, M) of a seed."""
        return np.random.default_rng(seed).standard_normal((frames, self.config.mel.n_mels), np.float32)

    def _session(self, name: str) -> Session:
        path = self.path(f"{name}.onnx")
        opened = session(path, self.threads)
        check_inputs(name, opened, self.config, path)
        return opened
