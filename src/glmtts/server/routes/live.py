"""WebSocket /v1/audio/stream: text in as it is written, audio out as it is spoken.

The client sends JSON: {"type": "start", "voice": …, "response_format": "pcm", "api_key": …}, then any number of
{"type": "text", "text": …}, {"type": "flush"} to have the rest spoken now, and {"type": "end"}. The server answers
{"type": "started", "rate": …}, audio as binary messages, and {"type": "done", "seconds": …}; or {"type": "error"}.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from glmtts.audio.encode import PCM_RATE, Encoder, encoder
from glmtts.audio.provenance import synthetic_tags
from glmtts.server.auth import check_key
from glmtts.server.errors import ApiError, as_api_error
from glmtts.server.routes.common import service_of
from glmtts.server.routes.options import SpeechOptions, check_model
from glmtts.server.service import Service
from glmtts.server.speaking import Speaking
from glmtts.synthesis.text_stream import SilenceBetween, sentence_ends
from glmtts.text.frontend import Piece

router = APIRouter()
CLOSE_NORMAL, CLOSE_REFUSED, CLOSE_FAILED, CLOSE_LATER = 1000, 1008, 1011, 1013


class Start(SpeechOptions):
    """The first message."""

    type: Literal["start"]
    model: str | None = None
    response_format: Literal["pcm", "wav", "mp3", "opus", "aac"] = "pcm"
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


class Incoming:
    """Text that has arrived and is not spoken yet."""

    def __init__(self, longest: int) -> None:
        self._longest, self._text, self._flushed, self.ended = longest, "", 0, False
        self._added, self._taken = asyncio.Event(), asyncio.Event()

    def add(self, message: Text | Mark) -> None:
        """Take a message in.

        Raises:
            ApiError: 413, it is too long.
        """
        if isinstance(message, Text):
            if len(message.text) > self._longest:
                raise ApiError(413, f"A message has at most {self._longest} characters.", "text_too_long", "text")
            self._text += message.text
        else:
            self._flushed = len(self._text)
            self.ended = self.ended or message.type == "end"
        self._added.set()

    async def room(self) -> None:
        """Wait until more text may come: whoever writes faster than we speak is held back by the connection."""
        while len(self._text) > self._longest:
            self._taken.clear()
            await self._taken.wait()

    async def next(self) -> str | None:
        """All sentences that are complete; waits for one; None at the end of the text."""
        while (end := self._complete()) == 0:
            if self.ended:
                return None
            self._added.clear()
            await self._added.wait()
        part, self._text = self._text[:end], self._text[end:]
        self._flushed = max(0, self._flushed - end)
        self._taken.set()
        return part

    def _complete(self) -> int:
        """How much can be spoken; text that grew too long without the end of a sentence is cut somewhere."""
        ends = [end for end in sentence_ends(self._text[: self._longest + 1]) if end <= self._longest]
        best = max([self._flushed if self._flushed <= self._longest else 0, *ends])
        return self._longest if not best and len(self._text) > self._longest else best


class Session:
    """One connection."""

    def __init__(self, socket: WebSocket, service: Service) -> None:
        self._socket, self._service = socket, service
        self._incoming = Incoming(service.settings.max_characters)
        self._seconds, self._silence = 0.0, SilenceBetween(service.engine.pause)

    async def run(self) -> None:
        """Speak until the text ends, the client leaves or something is wrong; then close."""
        try:
            start = await self._start()
            reader = asyncio.create_task(self._read())
            speaker = asyncio.create_task(self._speak(start))
            try:
                await self._first_to_end(reader, speaker)
            finally:
                reader.cancel()
                speaker.cancel()
                await asyncio.gather(reader, speaker, return_exceptions=True)
        except WebSocketDisconnect:
            return
        except ValidationError as error:
            await self._fail(_invalid(error))
        except Exception as error:
            await self._fail(as_api_error(error))
        else:
            await self._socket.send_json({"type": "done", "seconds": round(self._seconds, 3)})
            await self._socket.close(CLOSE_NORMAL)

    @staticmethod
    async def _first_to_end(reader: asyncio.Task[None], speaker: asyncio.Task[None]) -> None:
        """The reader ends only by an error or with the client."""
        done, _ = await asyncio.wait((reader, speaker), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def _start(self) -> Start:
        authorization = self._socket.headers.get("authorization", "")
        start = Start.model_validate_json(await self._receive())
        key = authorization.removeprefix("Bearer ") or start.api_key
        check_key(self._service.settings.api_keys, key)
        self._service.admit()
        if start.model is not None:
            check_model(start.model, self._service)
        return start

    async def _receive(self) -> str:
        patience = None if self._incoming.ended else self._service.settings.request_timeout
        try:
            async with asyncio.timeout(patience):
                return await self._socket.receive_text()
        except TimeoutError:
            raise ApiError(408, "No message came for too long.", "timeout") from None
        except KeyError:
            raise ApiError(400, "Messages are JSON text.", "invalid_value") from None

    async def _read(self) -> None:
        """Take messages in; after the end of the text only to notice that the client leaves."""
        while True:
            await self._incoming.room()
            self._incoming.add(_message.validate_json(await self._receive()))

    async def _speak(self, start: Start) -> None:
        rate = PCM_RATE if start.response_format == "pcm" else self._service.engine.rate
        encoding = encoder(start.response_format, self._service.engine.rate, synthetic_tags(self._service.engine.name))
        utterance = await asyncio.to_thread(start.utterance, [], self._service)
        await self._socket.send_json({"type": "started", "rate": rate, "response_format": start.response_format})
        while (text := await self._incoming.next()) is not None:
            if pieces := await self._pieces(text, start):
                await self._speak_part(Speaking(self._service, replace(utterance, pieces=pieces)), encoding)
        await self._send(await asyncio.to_thread(encoding.finish))

    async def _pieces(self, text: str, start: Start) -> list[Piece]:
        """The pieces of a part, none where it holds nothing to speak (a lone mark)."""
        read = partial(self._service.engine.read, text, start.language)
        return await asyncio.to_thread(self._silence.before, read)

    async def _speak_part(self, speaking: Speaking, encoding: Encoder) -> None:
        try:
            async for chunk in speaking.chunks():
                await self._send(await asyncio.to_thread(encoding.feed, chunk))
            self._seconds += speaking.seconds
        finally:
            speaking.close()

    async def _send(self, data: bytes) -> None:
        if data:
            await self._socket.send_bytes(data)

    async def _fail(self, error: ApiError) -> None:
        close = CLOSE_REFUSED if error.status < 500 else CLOSE_FAILED
        with suppress(WebSocketDisconnect, RuntimeError):  # the client may have left meanwhile
            await self._socket.send_json({"type": "error", **error.body()})
            await self._socket.close(CLOSE_LATER if error.status in (429, 503) else close)


def _invalid(error: ValidationError) -> ApiError:
    first = error.errors()[0]
    param = ".".join(map(str, first["loc"])) or None
    return ApiError(400, f"The message is not valid: {param or 'it'}: {first['msg']}.", "invalid_value", param)


@router.websocket("/v1/audio/stream")
async def stream(socket: WebSocket) -> None:
    """Speak a text while it is written."""
    service = service_of(socket)
    await socket.accept()
    service.active += 1
    try:
        await Session(socket, service).run()
    finally:
        service.active -= 1
