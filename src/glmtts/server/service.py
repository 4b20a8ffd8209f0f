"""What the endpoints share: the engine and its workers, the voices, the limits, and whether we take requests."""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path

from starlette.types import Receive

from glmtts.audio.encode import PCM_RATE, Encoder, Format, check_mp3_kbps, encoder
from glmtts.audio.io import audio_seconds
from glmtts.audio.provenance import synthetic_tags
from glmtts.errors import ConfigError, TextError, VoiceError
from glmtts.server import aliases
from glmtts.server.engine import Engine, ServedVoice
from glmtts.server.errors import CLIENT_GONE, ApiError, shutting_down
from glmtts.server.jobs import Job, T
from glmtts.server.metrics import Metrics
from glmtts.server.queueing import Workers
from glmtts.server.settings import ServerSettings
from glmtts.server.voices import VoiceStore, valid_name
from glmtts.text.frontend import Piece

logger = logging.getLogger(__name__)
DEFAULT = "default"
WARNING, LONGEST_HEADER = "X-Warning", 1000
LONGEST_WARM_UP = 3600.0  # seconds; a choice: no client waits for it


class State(StrEnum):
    """Where a server is in its life."""

    loading = "loading"
    ready = "ready"
    failed = "failed"
    draining = "draining"


class Service:
    """One server's working parts.

    Raises:
        ConfigError: a setting does not fit the engine, or the voices cannot be kept.
    """

    def __init__(self, engine: Engine, settings: ServerSettings) -> None:
        if settings.mp3_kbps is not None:
            check_mp3_kbps(settings.mp3_kbps, [engine.rate, PCM_RATE])  # the second: /v1/audio/encode
        self.engine, self.settings = engine, settings
        self.voices = VoiceStore(settings.voices_folder)
        self._check_aliases()
        self.metrics = Metrics()
        self.workers = Workers(settings.workers, settings.queue_size)
        self.cloning = Workers(1, settings.clone_queue_size, "cloning")  # a voice takes seconds: none waits for speech
        self.metrics.waiting.set_function(lambda: self.workers.waiting)
        self.metrics.active.set_function(lambda: self.active)
        self.state, self._drain_until = State.loading, 0.0
        self.active, self._over = 0, asyncio.Event()
        self.started = int(time.time())

    def _check_aliases(self) -> None:
        """Tell the operator of aliases that cannot be asked for yet, and refuse those that never could."""
        for name, voice in self.settings.aliases.items():
            if voice == DEFAULT or voice in aliases.VOICES or voice in self.engine.voices or self.voices.holds(voice):
                continue
            try:
                valid_name(voice)
            except VoiceError as error:
                raise ConfigError(f"There can be no voice '{voice}', for which --alias has '{name}'. {error}") from None
            logger.warning("There is no voice '%s' yet, for which --alias has '%s'.", voice, name)

    async def warm_up(self) -> None:
        """Load the models on a worker; requests that come meanwhile wait behind it."""

        def load() -> Iterator[bool]:
            self.engine.warm_up()
            yield True

        try:
            async for _ in self.workers.submit(Job(load, LONGEST_WARM_UP)):
                pass
        except Exception:
            if self._over.is_set():
                return
            self.state = State.failed
            logger.exception("The models could not be loaded.")
        if self.state is State.loading:
            self.state = State.ready

    def stop(self) -> None:
        """Tell every client that is left that the server ends, and let the threads end after what they do."""
        self._over.set()
        self.workers.stop()
        self.cloning.stop()

    async def over(self) -> None:
        """Wait for `stop`, for those who talk with a client.

        Raises:
            ApiError: 503.
        """
        await self._over.wait()
        raise shutting_down()

    def wait(self, seconds: float) -> bool:
        """Wait so long for the threads to end, after `stop`; gives whether all did."""
        until = time.monotonic() + seconds
        ended = [workers.wait(max(0.0, until - time.monotonic())) for workers in (self.workers, self.cloning)]
        return all(ended)

    def drain(self) -> None:
        """Take no more requests."""
        if self.state is not State.draining:
            self.state, self._drain_until = State.draining, time.monotonic() + self.settings.drain_seconds

    @property
    def drained(self) -> bool:
        """Whether the server may end: everything that was begun is done, or had its time."""
        return self.state is State.draining and (self.active == 0 or time.monotonic() > self._drain_until)

    def admit(self) -> None:
        """Refuse work that cannot be done now.

        Raises:
            ApiError: 503.
        """
        if self.state is State.draining:
            raise shutting_down()
        if self.state is State.failed:
            raise ApiError(503, "The server could not load its models. Its log says why.", "failed")

    def voice(self, name: str) -> ServedVoice:
        """A bundled or an added voice; `default` is the model's own.

        An added voice is spoken where the model has one of the same name too, as after a change of the model: whoever
        asks for it gets the speaker that they were given before.

        Raises:
            ApiError: 404 there is none, 409 it cannot be used any more.
        """
        asked = self.settings.aliases.get(name, name)
        wanted = self._voice_meant(asked)
        # what stands for another name, such as `default`, is the model's own
        added = wanted == asked and self.voices.holds(wanted)
        try:
            if wanted in self.engine.voices and not added:
                return self.engine.bundled_voice(wanted)
            return self.engine.saved_voice(self.voices.path(wanted))
        except VoiceError:
            if added:
                hint = "Delete it and add it again."
                raise ApiError(
                    409, f"The voice '{name}' cannot be used any more. {hint}", "voice_unusable", "voice"
                ) from None
            hint = "GET /v1/audio/voices lists those that there are."
            meant = f", for which '{name}' stands" if asked != name else ""
            raise ApiError(404, f"There is no voice '{asked}'{meant}. {hint}", "voice_not_found", "voice") from None

    def _voice_meant(self, name: str) -> str:
        """The voice of this name; of OpenAI's names the one that stands for it, where no voice is called so."""
        default = self.engine.default_voice or name
        if self.voices.holds(name) or name in self.engine.voices:
            return name
        if name == DEFAULT:
            return default
        if name not in aliases.VOICES:
            return name
        return aliases.VOICES[name] if aliases.VOICES[name] in self.engine.voices else default

    def read(self, text: str, language: str | None, param: str = "input") -> list[Piece]:
        """The pieces in which a text is spoken; `param` is where a request has the text.

        Raises:
            ApiError: 413 too long, 400 nothing to speak.
        """
        self.check_length(text, param)
        try:
            return self.engine.read(text, language)
        except TextError as error:
            raise ApiError(400, str(error), "invalid_value", param) from None

    def check_length(self, text: str, param: str = "input") -> None:
        """Refuse a text that is longer than the operator allows. Raises ApiError 413."""
        if len(text) > self.settings.max_characters:
            raise ApiError(
                413,
                f"The text has {len(text)} characters; at most {self.settings.max_characters} are taken at once. "
                "Split it into parts.",
                "text_too_long",
                param,
            )

    def encoder(self, format: Format, rate: int | None = None) -> Encoder:
        """An encoder for samples at `rate`, the engine's where none is given, with tags that say what made them."""
        tags = synthetic_tags(self.engine.name)
        return encoder(format, rate or self.engine.rate, tags, self.settings.mp3_kbps)

    async def clone(self, recording: Path, text: str | None, receive: Receive, client: str) -> ServedVoice:
        """A voice from a recording, made on the thread for that; given up where the client leaves.

        Raises:
            ApiError: 400 the text cannot be read, 413, 429, 499, 503 or 504.
            GlmTtsError: the recording does not serve.
        """
        longest = self.settings.max_recording_seconds

        def work() -> Iterator[ServedVoice | None]:
            if text is not None:
                self.read(text, None, "text")
                yield None
            _check_length(recording, longest)
            # a step between reading and cloning, at which a client that left ends the work
            yield None
            yield from self.engine.clone(recording, text)

        return await self.in_turn(self.cloning, Job(work, self.settings.clone_timeout, client), receive)

    async def in_turn(self, workers: Workers, job: Job[T | None], receive: Receive) -> T:
        """The result of a job of one request among those of other clients, given up where the client leaves.

        It is the first that is not None, between which and the next the workers may turn to somebody else.

        Raises:
            ApiError: 429, 499, 503 or 504.
            Exception: what the work raises.
        """
        self.admit()
        workers.submit(job)
        self.active += 1  # a server that shuts down waits for it
        watcher = job.cancel_when_gone(receive)
        try:
            async for made in job:
                if made is not None:
                    return made
            raise ApiError(CLIENT_GONE, "The client left.")
        finally:
            watcher.cancel()
            job.cancel()
            self.active -= 1


def _check_length(recording: Path, longest: float) -> None:
    """A small file can hold hours: refuse before anything is decoded."""
    seconds = audio_seconds(recording)
    if seconds > longest:
        raise ApiError(
            413, f"The recording has {seconds:.0f} s; at most {longest:g} s are taken.", "recording_too_long"
        )


def warnings_of(pieces: Sequence[Piece]) -> list[str]:
    """What the front end warns of in a text, each once, in order: for the header X-Warning and for events."""
    return list(dict.fromkeys(warning for piece in pieces for warning in piece.warnings))


def warning_header(warnings: Sequence[str]) -> dict[str, str]:
    """The header that tells of warnings, none where there are none; headers are ASCII, and clients bound them."""
    text = " ".join(warnings).encode("ascii", "backslashreplace").decode()
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    return {WARNING: printable[:LONGEST_HEADER]} if printable else {}
