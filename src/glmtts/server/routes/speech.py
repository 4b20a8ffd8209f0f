"""POST /v1/audio/speech, as OpenAI's clients call it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from glmtts.audio.encode import MEDIA_TYPES, Encoder
from glmtts.server.engine import SpeechRequest, Words
from glmtts.server.errors import CLIENT_GONE, ApiError, documented
from glmtts.server.events import EVENT_TYPES, Wire, events
from glmtts.server.routes.common import WITH_KEY, ServiceOf, client_of
from glmtts.server.routes.options import Lower, SpeechOptions, check_model, not_known
from glmtts.server.service import Service, warning_header, warnings_of
from glmtts.server.speech_job import SpeechJob

router = APIRouter(tags=["speech"], dependencies=WITH_KEY)


class SpeechBody(SpeechOptions):
    """A text to speak. `stream` is taken, and changes nothing: audio always leaves as it is made."""

    model: Annotated[str, Field(min_length=1, max_length=200)]
    input: Annotated[str, Field(min_length=1)]
    stream_format: Annotated[Literal["audio", "sse", "json"], Lower] = "audio"
    stream: Annotated[bool, Field(strict=True)] | None = None

    def ignored(self, service: Service) -> list[str]:
        """Also where times are asked for and have no place."""
        more = []
        if self.timestamps and self.stream_format == "audio":
            more = ["Times of words come in events: set stream_format to sse or json."]
            if service.settings.strict:
                raise ApiError(400, more[0], "unsupported", "timestamps")
        return [*super().ignored(service), *more]


class SpeechResponse(StreamingResponse):
    """Audio as it is made; whatever ends the answer ends the work."""

    def __init__(self, job: SpeechJob, content: AsyncIterator[Any], media_type: str, warnings: Sequence[str]) -> None:
        headers = {"Cache-Control": "no-store", **warning_header(warnings)}
        super().__init__(content, media_type=media_type, headers=headers)
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
            "description": "The audio, or events with parts of it and the times of words.",
            "content": {kind: {} for kind in (*dict.fromkeys(MEDIA_TYPES.values()), *EVENT_TYPES.values())},
            "headers": {"X-Warning": {"description": "What was ignored.", "schema": {"type": "string"}}},
        },
        **documented(400, 401, 403, 404, 408, 409, 413, 429, 503, 504),
    },
)
async def speech(body: SpeechBody, request: Request, service: ServiceOf) -> Response:
    """Speak a text; audio leaves as soon as it is made."""
    check_model(body.model, service)
    warnings = body.ignored(service) + not_known(list(request.query_params), service)
    service.check_length(body.input)
    encoding = service.encoder(body.response_format)

    def read() -> SpeechRequest:
        return body.request(service.read(body.input, body.language), service)

    job = SpeechJob(service, read, client_of(request), count_text=body.stream_format != "audio")
    job.cancel_when_gone(request.receive)
    parts = encoded(job, encoding)
    try:
        warnings += warnings_of((await job.prepared()).pieces)
        first = await anext(parts)  # so that what goes wrong before any audio is an error status
    # also where the request is cancelled, which is no Exception: its work must end
    except BaseException as error:
        job.close()
        if isinstance(error, StopAsyncIteration):
            raise ApiError(CLIENT_GONE, "The client left.") from None
        raise
    if body.stream_format == "audio":
        return SpeechResponse(job, _audio(first, parts), MEDIA_TYPES[body.response_format], warnings)
    wire: Wire = body.stream_format
    content = events(wire, job, _joined(first, parts), warnings)
    return SpeechResponse(job, content, EVENT_TYPES[wire], warnings)


async def encoded(job: SpeechJob, encoding: Encoder) -> AsyncIterator[bytes | Words]:
    """The bytes of the speech as they become ready, and times of words; none after the client left."""
    async for part in job.parts():
        if isinstance(part, Words):
            yield part
        elif data := await asyncio.to_thread(encoding.feed, part):
            yield data
    if not job.cancelled and (data := await asyncio.to_thread(encoding.finish)):
        yield data


async def _joined(first: bytes | Words, rest: AsyncIterator[bytes | Words]) -> AsyncIterator[bytes | Words]:
    yield first
    async for part in rest:
        yield part


async def _audio(first: bytes | Words, rest: AsyncIterator[bytes | Words]) -> AsyncIterator[bytes]:
    async for part in _joined(first, rest):
        if isinstance(part, bytes):
            yield part
