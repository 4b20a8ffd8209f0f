"""POST /v1/audio/speech, as OpenAI's clients call it."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from glmtts.audio.encode import MEDIA_TYPES, Encoder, encoder
from glmtts.audio.provenance import synthetic_tags
from glmtts.server.errors import CLIENT_GONE, ApiError, as_api_error, documented
from glmtts.server.routes.common import WITH_KEY, ServiceOf
from glmtts.server.routes.options import SpeechOptions, check_model
from glmtts.server.service import Service
from glmtts.server.speaking import Speaking
from glmtts.text.frontend import Piece

router = APIRouter(tags=["speech"], dependencies=WITH_KEY)


class SpeechRequest(SpeechOptions):
    """A text to speak."""

    model: Annotated[str, Field(min_length=1, max_length=200)]
    input: Annotated[str, Field(min_length=1)]
    stream_format: Literal["audio", "sse"] = "audio"


class SpeechResponse(StreamingResponse):
    """Audio as it is made; whatever ends the answer ends the work."""

    def __init__(self, speaking: Speaking, content: AsyncIterator[Any], media_type: str) -> None:
        super().__init__(content, media_type=media_type, headers={"Cache-Control": "no-store"})
        self._speaking = speaking

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._speaking.close()


@router.post(
    "/v1/audio/speech",
    response_class=Response,
    responses={
        200: {
            "description": "The audio, or server-sent events with parts of it.",
            "content": {kind: {} for kind in (*dict.fromkeys(MEDIA_TYPES.values()), "text/event-stream")},
        },
        **documented(400, 401, 404, 409, 413, 429, 503, 504),
    },
)
async def speech(body: SpeechRequest, request: Request, service: ServiceOf) -> Response:
    """Speak a text; audio leaves as soon as it is made."""
    check_model(body.model, service)
    pieces = await asyncio.to_thread(service.read, body.input, body.language)
    utterance = await asyncio.to_thread(body.utterance, pieces, service)
    encoding = encoder(body.response_format, service.engine.rate, synthetic_tags(service.engine.name))
    speaking = Speaking(service, utterance)
    speaking.cancel_when_gone(request.receive)
    parts = encoded(speaking, encoding)
    try:
        first = await anext(parts)  # so that what goes wrong before any audio is an error status
    except BaseException as error:
        speaking.close()
        if isinstance(error, StopAsyncIteration):
            raise ApiError(CLIENT_GONE, "The client left.") from None
        raise
    if body.stream_format == "sse":
        count = partial(_text_tokens, service, pieces)
        return SpeechResponse(speaking, _events(speaking, first, parts, count), "text/event-stream")
    return SpeechResponse(speaking, _joined(first, parts), MEDIA_TYPES[body.response_format])


async def encoded(speaking: Speaking, encoding: Encoder) -> AsyncIterator[bytes]:
    """The bytes of an utterance as they become ready; none after the client left."""
    async for chunk in speaking.chunks():
        if data := await asyncio.to_thread(encoding.feed, chunk):
            yield data
    if not speaking.cancelled and (data := await asyncio.to_thread(encoding.finish)):
        yield data


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for data in rest:
        yield data


def _text_tokens(service: Service, pieces: Sequence[Piece]) -> int:
    return sum(len(piece.ids) for piece in service.engine.encode(pieces))


async def _events(
    speaking: Speaking, first: bytes, rest: AsyncIterator[bytes], count: Callable[[], int]
) -> AsyncIterator[str]:
    """OpenAI's events: `speech.audio.delta` with base64 audio, then `speech.audio.done` with the usage."""
    try:
        async for data in _joined(first, rest):
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()})
        text_tokens = await asyncio.to_thread(count)
    except Exception as error:
        yield _event({"type": "error", **as_api_error(error).body()})
        return
    made = round(speaking.seconds * speaking.token_rate)
    usage = {"input_tokens": text_tokens, "output_tokens": made, "total_tokens": text_tokens + made}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content)}\n\n"
