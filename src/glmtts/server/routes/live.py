"""WebSocket /v1/audio/stream: text in as it is written, audio out as it is spoken.

The client sends JSON: {"type": "start", "voice": …, "response_format": "pcm", "api_key": …}, then any number of
{"type": "text", "text": …}, {"type": "flush"} to have the rest spoken now, and {"type": "end"}. The server answers
{"type": "started", "rate": …}, audio as binary messages, {"type": "speech.words", …} where the start asks for times,
{"type": "speech.warning", …}, and {"type": "done", "seconds": …}; or {"type": "error"}.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from glmtts.audio.encode import PCM_RATE, Encoder
from glmtts.server.auth import bearer, check_key
from glmtts.server.engine import SpeechRequest, Words
from glmtts.server.errors import ApiError, as_api_error, place_in
from glmtts.server.events import words_event
from glmtts.server.incoming import Incoming
from glmtts.server.routes.common import client_of, service_of
from glmtts.server.routes.options import Lower, SpeechOptions, check_model
from glmtts.server.service import Service, warnings_of
from glmtts.server.speech_job import SpeechJob
from glmtts.synthesis.text_stream import SilenceBetween
from glmtts.text.frontend import Piece
from glmtts.text.reader import Sentence

router = APIRouter()
# RFC 6455's normal, policy and internal error; IANA's registry has the fourth, try again later
CLOSE_NORMAL, CLOSE_REFUSED, CLOSE_FAILED, CLOSE_LATER = 1000, 1008, 1011, 1013
LARGEST_START = 16 * 1024  # characters of a message that comes before its key was checked


class Start(SpeechOptions):
    """The first message."""

    type: Literal["start"]
    model: str | None = None
    response_format: Annotated[Literal["pcm", "wav", "mp3", "opus", "aac"], Lower] = "pcm"
    api_key: str | None = None


class Text(BaseModel):
    """More text."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["text"]
    text: str


class Mark(BaseModel):
    """`flush`: speak what is there. `end`: the text ends here."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["flush", "end"]


_message: TypeAdapter[Text | Mark] = TypeAdapter(Annotated[Text | Mark, Field(discriminator="type")])


class Session:
    """One connection."""

    def __init__(self, socket: WebSocket, service: Service) -> None:
        self._socket, self._service, self._settings = socket, service, service.settings
        self._incoming, self._client = Incoming(service.settings.max_characters), client_of(socket)
        self._seconds, self._silence = 0.0, SilenceBetween(service.engine.pause)
        self._heard_until = 0.0  # when the client will have played what has left
        self._speaking = self._counted = False

    async def run(self) -> None:
        """Speak until the text ends, the client leaves or something is wrong; then close."""
        try:
            await _first_to_end(self._talk(), self._service.over())
            await self._tell({"type": "done", "seconds": round(self._seconds, 3)})
            await self._socket.close(CLOSE_NORMAL)
        except (WebSocketDisconnect, TimeoutError):  # the client left, or takes nothing any more
            return
        except Exception as error:
            await self._fail(as_api_error(error))
        finally:
            # nothing waits any more, so that `_count` lets a server that shuts down end
            self._incoming, self._speaking = Incoming(0), False
            self._count()

    async def _talk(self) -> None:
        start = await self._start()
        # the reader ends only by an error or with the client
        await _first_to_end(self._read(), self._speak(start))

    async def _start(self) -> Start:
        text = await self._receive(self._settings.header_seconds)
        if len(text) > LARGEST_START:
            raise ApiError(413, f"The first message has at most {LARGEST_START} characters.", "too_large")
        try:
            start = Start.model_validate_json(text)
        except ValidationError as error:
            raise _invalid(error, text) from None
        key = bearer(self._socket.headers.get("authorization", "")) or start.api_key
        check_key(self._settings.api_keys, key)
        self._client = client_of(self._socket, key)
        self._service.admit()
        if start.model is not None:
            check_model(start.model, self._service)
        return start

    async def _receive(self, patience: float) -> str:
        """The next message; a client may be silent while it is spoken to."""
        while True:
            try:
                async with asyncio.timeout(patience):
                    return await self._socket.receive_text()
            except TimeoutError:
                if not (self._counted or self._ahead > 0):
                    raise ApiError(408, "No message came for too long.", "timeout") from None
            # a binary message, which has no key "text"
            except KeyError:
                raise ApiError(400, "Messages are JSON text.", "invalid_value") from None

    async def _read(self) -> None:
        """Take messages in; after the end of the text only to notice that the client leaves."""
        while True:
            await self._incoming.wait_for_space()
            text = await self._receive(self._settings.idle_seconds)
            try:
                message = _message.validate_json(text)
            except ValidationError as error:
                raise _invalid(error, text, 1) from None
            if isinstance(message, Text):
                self._incoming.add(message.text)
            else:
                self._incoming.flush(ended=message.type == "end")
            self._count()

    def _count(self) -> None:
        """A server that shuts down waits for those that have something to speak, not for the silent."""
        busy = self._speaking or self._incoming.waiting
        self._service.active += busy - self._counted
        self._counted = busy

    @property
    def _ahead(self) -> float:
        """Seconds of audio that the client has not played yet, if it plays them as they come."""
        return max(0.0, self._heard_until - asyncio.get_running_loop().time())

    async def _speak(self, start: Start) -> None:
        engine = self._service.engine
        rate = PCM_RATE if start.response_format == "pcm" else engine.rate
        encoding = self._service.encoder(start.response_format)
        wanted = await asyncio.to_thread(start.request, [], self._service)
        await self._tell({"type": "started", "rate": rate, "response_format": start.response_format})
        await self._warn(start.ignored(self._service))
        while sentences := await self._incoming.next(self._ahead):
            self._speaking = True
            read = partial(self._request, wanted, sentences, start.language)
            await self._speak_part(SpeechJob(self._service, read, self._client, admitted=True), encoding)
            self._speaking = False
            self._count()
        await self._send(await asyncio.to_thread(encoding.finish))

    def _request(self, wanted: SpeechRequest, sentences: Sequence[Sentence], language: str | None) -> SpeechRequest:
        """`wanted` with the pieces of a part, none where it holds nothing to speak (a lone mark)."""
        pieces: list[Piece] = []
        for sentence in sentences:
            more = self._silence.before(partial(self._service.engine.read_sentence, sentence, language))
            if pieces and more and pieces[-1].pause_after is None:
                pieces[-1] = replace(pieces[-1], pause_after=0.0)  # the usual pause stands before the next one
            pieces += more
            if not more and sentence.after.seconds:  # an empty line after a sentence that was spoken before
                self._silence.at_least(sentence.after.seconds)
        return replace(wanted, pieces=pieces)

    async def _warn(self, warnings: list[str]) -> None:
        for warning in warnings:
            await self._tell({"type": "speech.warning", "message": warning})

    async def _speak_part(self, job: SpeechJob, encoding: Encoder) -> None:
        before = self._seconds
        try:
            await self._warn(warnings_of((await job.prepared()).pieces))
            async for part in job.parts():
                if isinstance(part, Words):
                    await self._tell(words_event(part, before))
                    continue
                await self._send(await asyncio.to_thread(encoding.feed, part))
                now, made = asyncio.get_running_loop().time(), before + job.seconds - self._seconds
                self._seconds = before + job.seconds
                # a client that had run out of audio plays this part at once; else it comes after what is still to be
                # played
                self._heard_until = max(now, self._heard_until) + made
        finally:
            job.close()

    async def _send(self, data: bytes) -> None:
        if data:
            async with self._patience():
                await self._socket.send_bytes(data)

    async def _tell(self, message: dict[str, Any]) -> None:
        async with self._patience():
            await self._socket.send_json(message)

    def _patience(self) -> asyncio.Timeout:
        """A client that takes nothing for so long is taken for one that left."""
        return asyncio.timeout(self._settings.stall_seconds)

    async def _fail(self, error: ApiError) -> None:
        close = CLOSE_REFUSED if error.status < 500 else CLOSE_FAILED
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # the client may have left meanwhile
            await self._tell({"type": "error", **error.body()})
            await self._socket.close(CLOSE_LATER if error.status in (429, 503) else close)


async def _first_to_end(*talks: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends, then end the others. Raises what that one raised."""
    tasks = [asyncio.create_task(talk) for talk in talks]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _invalid(error: ValidationError, text: str, tags: int = 0) -> ApiError:
    """What is wrong with a message; the place that pydantic gives begins with so many tags of its type."""
    first = error.errors()[0]
    body = None if first["type"] == "json_invalid" else from_json(text)
    if first["type"].startswith("union_tag"):
        return ApiError(400, "'type' of the message is not valid: Write text, flush or end.", "invalid_value", "type")
    param = place_in(body, first["loc"][tags:], first["type"]) or None
    where = f"'{param}' of the message" if param else "The message"
    return ApiError(400, f"{where} is not valid: {first['msg']}.", "invalid_value", param)


@router.websocket("/v1/audio/stream")
async def stream(socket: WebSocket) -> None:
    """Speak a text while it is written."""
    await socket.accept()
    await Session(socket, service_of(socket)).run()
