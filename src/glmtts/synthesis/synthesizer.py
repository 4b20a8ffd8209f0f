"""The way from text and voice to audio: front end, language model, flow, vocoder."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from glmtts.bundle import Bundle, SynthesisDefaults
from glmtts.errors import ConfigError, VoiceError
from glmtts.flow.cfm import sample
from glmtts.lm.generate import generate, generate_candidates
from glmtts.lm.prompt import AudioTokens, build_prompt
from glmtts.synthesis.audio import Audio
from glmtts.synthesis.stream import ahead, stream_piece
from glmtts.synthesis.text_stream import pieces_of
from glmtts.synthesis.voice import Voice, make_voice
from glmtts.text.frontend import phonemes_of

logger = logging.getLogger(__name__)
RETRIES = 2
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3")


class Synthesizer:
    """Speaks text with the models of one bundle."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.frontend = bundle.frontend()
        self.layout = AudioTokens.of(self.frontend.tokenizer)
        self._voices: dict[str, Voice] = {}

    @property
    def voices(self) -> dict[str, str]:
        """Names of the bundled voices with their descriptions."""
        return {name: entry.description for name, entry in self.bundle.config.voices.items()}

    def voice(self, name: str | Path | None = None, text: str | None = None) -> Voice:
        """A bundled voice by name, a saved voice, or a new one from a recording (and its text).

        Raises:
            VoiceError: there is no such voice, or the recording does not serve.
            AudioError: the recording cannot be read.
        """
        chosen = name or self.bundle.config.synthesis.voice
        if chosen is None:
            raise VoiceError("This model has no voice of its own. Give a recording as the voice.")
        key = str(chosen)
        path = Path(key)
        if path.suffix.lower() in AUDIO_SUFFIXES:
            return make_voice(self.bundle, path, text)
        if path.suffix == ".safetensors":
            return Voice.load(path)
        if key not in self._voices:
            self._voices[key] = Voice.load(self.bundle.voice_path(key))
        return self._voices[key]

    def say(
        self,
        text: str,
        voice: Voice | str | Path | None = None,
        *,
        seed: int = 0,
        language: str | None = None,
        temperature: float | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        speaker: str | None = None,
    ) -> Audio:
        """Speak `text`; the same seed gives the same samples. `speaker` names a speaker of fine-tuned weights.

        Raises:
            TextError: nothing in the text can be spoken, or it is too long.
            VoiceError: there is no such voice.
            ConfigError: an option is out of its range.
        """
        options = self._options(temperature, steps, guidance)
        prefix = self._speaker_prompt(speaker)
        pieces = self.frontend.prepare(text, language)
        spoken = voice if isinstance(voice, Voice) else self.voice(voice)
        pause = torch.zeros(int(options.pause_seconds * self.bundle.config.sample_rate))
        waves: list[Tensor] = []
        for number, piece in enumerate(pieces):
            waves += [self.speak_piece(piece, spoken, options, seed + number, prefix), pause]
        return Audio(torch.cat(waves[:-1]), self.bundle.config.sample_rate)

    def stream(
        self,
        text: str | Iterable[str],
        voice: Voice | str | Path | None = None,
        *,
        seed: int = 0,
        language: str | None = None,
        temperature: float | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        speaker: str | None = None,
    ) -> Iterator[Audio]:
        """Speak `text`, or text that itself arrives in parts, chunk by chunk as soon as each is ready.

        A sentence of arriving text is spoken once its end is there. One candidate of tokens is drawn, since the first
        block leaves before the last token is known; so `say` with one candidate speaks the same tokens.

        Raises: as `say` does, when the first chunk is asked for.
        """
        options = self._options(temperature, steps, guidance)
        prefix = self._speaker_prompt(speaker)
        spoken = voice if isinstance(voice, Voice) else self.voice(voice)
        rate = self.bundle.config.sample_rate
        pause = Audio(torch.zeros(int(options.pause_seconds * rate)), rate)
        for number, piece in enumerate(pieces_of(self.frontend, text, language)):
            if number:
                yield pause
            tokens = ahead(self._token_stream(piece, spoken, options, seed + number, prefix))
            for samples in stream_piece(self.bundle, tokens, spoken, options, seed + number):
                yield Audio(samples, rate)

    @torch.inference_mode()
    def speak_piece(self, piece: str, voice: Voice, options: SynthesisDefaults, seed: int, prefix: list[int]) -> Tensor:
        """Samples (T,) of one piece of prepared text; `prefix` are the text ids of a fine-tuned speaker."""
        tokens = self._tokens(piece, voice, options, seed, prefix)
        device, generator = self.bundle.device, torch.Generator().manual_seed(seed)
        whole = torch.cat([voice.tokens, torch.tensor(tokens)])[None].to(device)
        noise = torch.randn(1, 2 * whole.shape[1], voice.mel.shape[0], generator=generator).to(device)
        mel = sample(
            self.bundle.module("flow"),
            whole,
            voice.embedding[None].to(device),
            voice.mel[None].to(device),
            noise,
            options.steps,
            options.guidance,
        )
        return self.bundle.module("vocoder")(mel)[0].cpu().clamp(-1, 1)

    def _tokens(self, piece: str, voice: Voice, options: SynthesisDefaults, seed: int, prefix: list[int]) -> list[int]:
        """Speech tokens of a piece: the candidate that reads best; drawn again with other seeds where none ended."""
        hybrid = self.frontend.to_hybrid(piece)
        text_ids = self.frontend.encode(hybrid)
        ids = [*prefix, *self._prompt(text_ids, voice)]
        limit = int(options.sampling.max_ratio * len(text_ids))
        tokens: list[int] = []
        for attempt in range(1 + RETRIES):
            tokens = self._best(self._draw(ids, options, len(text_ids), seed + 1000 * attempt), hybrid)
            if len(tokens) < limit:
                return tokens
            logger.warning("“%s” did not end within %d tokens (seed %d).", piece, limit, seed + 1000 * attempt)
        return tokens

    def _prompt(self, text_ids: list[int], voice: Voice) -> list[int]:
        """Ids before the first speech token: with the voice's own text and tokens where its text is known."""
        if not voice.text:
            return build_prompt(self.layout, text_ids)
        prompt_text = self.frontend.ids(" ".join(self.frontend.prepare(voice.text)) + " ")
        return build_prompt(self.layout, text_ids, prompt_text, voice.tokens.tolist())

    def _token_stream(
        self, piece: str, voice: Voice, options: SynthesisDefaults, seed: int, prefix: list[int]
    ) -> Iterator[int]:
        text_ids = self.frontend.ids(piece)
        ids = [*prefix, *self._prompt(text_ids, voice)]
        generator = torch.Generator(self.bundle.device).manual_seed(seed)
        return generate(self.bundle.module("lm"), ids, self.layout, options.sampling, len(text_ids), generator)

    def _draw(self, ids: list[int], options: SynthesisDefaults, length: int, seed: int) -> list[list[int]]:
        seeds = (seed + 100 * candidate for candidate in range(options.candidates))
        generators = [torch.Generator(self.bundle.device).manual_seed(number) for number in seeds]
        return generate_candidates(self.bundle.module("lm"), ids, self.layout, options.sampling, length, generators)

    def _best(self, candidates: list[list[int]], hybrid: str) -> list[int]:
        """The candidate in which the recogniser finds the wanted phonemes with the least doubt."""
        labels = phonemes_of(hybrid)
        if len(candidates) == 1 or not labels:
            return candidates[0]
        recogniser = self.bundle.module("token_recogniser")
        device = self.bundle.device
        return min(candidates, key=lambda tokens: recogniser.cost(torch.tensor(tokens, device=device), labels))

    def _speaker_prompt(self, speaker: str | None) -> list[int]:
        known = self.bundle.config.speaker_prompts
        if speaker is not None and speaker not in known:
            names = ", ".join(known) or "none"
            raise VoiceError(f"There is no fine-tuned speaker '{speaker}'. This model knows: {names}.")
        return known[speaker] if speaker is not None else []

    def _options(self, temperature: float | None, steps: int | None, guidance: float | None) -> SynthesisDefaults:
        """The bundle's defaults with what the user changed."""
        if temperature is not None and not 0 <= temperature <= 2:
            raise ConfigError(f"The temperature is {temperature}. Choose it from 0 to 2.")
        if steps is not None and not 1 <= steps <= 100:
            raise ConfigError(f"The number of flow steps is {steps}. Choose it from 1 to 100.")
        if guidance is not None and not 0 <= guidance <= 5:
            raise ConfigError(f"The guidance is {guidance}. Choose it from 0 to 5.")
        defaults = self.bundle.config.synthesis
        sampling = defaults.sampling
        if temperature is not None:
            sampling = sampling.model_copy(update={"temperature": temperature})
        changed = {"steps": steps, "guidance": guidance}
        kept = {name: value for name, value in changed.items() if value is not None}
        return defaults.model_copy(update={"sampling": sampling, **kept})
