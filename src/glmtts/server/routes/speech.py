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

from glmtts.audio.encode import MEDIA_TYPES, Encoder
from glmtts.server.errors import CLIENT_GONE, ApiError, as_api_error, documented
from glmtts.server.routes.common import WITH_KEY, ServiceOf
from glmtts.server.routes.options import SpeechOptions, check_model
from glmtts.server.service import Service
from glmtts.server.speech_job import SpeechJob
from glmtts.synthesis.synthesizer import TOKENS_PER_SECOND
from glmtts.text.frontend import Piece

router = APIRouter(tags=["speech"], dependencies=WITH_KEY)


class SpeechBody(SpeechOptions):
    """A text to speak."""

    model: Annotated[str, Field(min_length=1, max_length=200)]
    input: Annotated[str, Field(min_length=1)]
    stream_format: Literal["audio", "sse"] = "audio"


class SpeechResponse(StreamingResponse):
    """Audio as it is made; whatever ends the answer ends the work."""

    def __init__(self, job: SpeechJob, content: AsyncIterator[Any], media_type: str) -> None:
        super().__init__(content, media_type=media_type, headers={"Cache-Control": "no-store"})
        self._job = job

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._job.close()


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
async def speech(body: SpeechBody, request: Request, service: ServiceOf) -> Response:
    """Speak a text; audio leaves as soon as it is made."""
    check_model(body.model, service)
    pieces = await asyncio.to_thread(service.read, body.input, body.language)
    wanted = await asyncio.to_thread(body.request, pieces, service)
    encoding = service.encoder(body.response_format)
    job = SpeechJob(service, wanted)
    job.cancel_when_gone(request.receive)
    parts = encoded(job, encoding)
    try:
        first = await anext(parts)  # so that what goes wrong before any audio is an error status
    except BaseException as error:
        job.close()
        if isinstance(error, StopAsyncIteration):
            raise ApiError(CLIENT_GONE, "The client left.") from None
        raise
    if body.stream_format == "sse":
        count = partial(_text_tokens, service, pieces)
        return SpeechResponse(job, _events(job, first, parts, count), "text/event-stream")
    return SpeechResponse(job, _joined(first, parts), MEDIA_TYPES[body.response_format])


async def encoded(job: SpeechJob, encoding: Encoder) -> AsyncIterator[bytes]:
    """The bytes of the speech as they become ready; none after the client left."""
    async for chunk in job.chunks():
        if data := await asyncio.to_thread(encoding.feed, chunk):
            yield data
    if not job.cancelled and (data := await asyncio.to_thread(encoding.finish)):
        yield data


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for data in rest:
        yield data


def _text_tokens(service: Service, pieces: Sequence[Piece]) -> int:
    return sum(len(piece.ids) for piece in service.engine.encode(pieces))


async def _events(
    job: SpeechJob, first: bytes, rest: AsyncIterator[bytes], count: Callable[[], int]
) -> AsyncIterator[str]:
    """OpenAI's events: `speech.audio.delta` with base64 audio, then `speech.audio.done` with the usage."""
    try:
        async for data in _joined(first, rest):
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()})
        text_tokens = await asyncio.to_thread(count)
    except Exception as error:
        yield _event({"type": "error", **as_api_error(error).body()})
        return
    made = round(job.seconds * TOKENS_PER_SECOND)
    usage = {"input_tokens": text_tokens, "output_tokens": made, "total_tokens": text_tokens + made}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content)}\n\n"
