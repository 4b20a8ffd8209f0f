"""POST /v1/audio/encode: samples that were spoken before as a file, so that what was heard is what is kept."""

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Request
from starlette.responses import Response

from glmtts.audio.encode import MEDIA_TYPES, PCM_RATE, Format
from glmtts.server.errors import CLIENT_GONE, ApiError, documented
from glmtts.server.jobs import Job
from glmtts.server.routes.common import WITH_KEY, ServiceOf, client_of
from glmtts.server.routes.options import Lower, not_known
from glmtts.server.service import warning_header

router = APIRouter(tags=["speech"], dependencies=WITH_KEY)
_BLOCK = 10 * PCM_RATE  # samples of a step of the work
_SAMPLES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary", "minLength": 2}}},
    }
}


@router.post(
    "/v1/audio/encode",
    response_class=Response,
    openapi_extra=_SAMPLES,
    responses={
        200: {"description": "The file.", "content": {kind: {} for kind in dict.fromkeys(MEDIA_TYPES.values())}},
        **documented(400, 401, 403, 408, 413, 429, 503, 504),
    },
)
async def encode(request: Request, service: ServiceOf, response_format: Annotated[Format, Lower] = "mp3") -> Response:
    """A file of samples as `response_format` pcm gives them: 16-bit little-endian mono at 24 kHz.

    The first byte of a sample that is not whole is left out.
    """
    data = await request.body()
    if len(data) < 2:
        raise ApiError(400, "Send 16-bit samples, mono at 24 kHz, as the body.", "invalid_value")
    warnings = not_known([name for name in request.query_params if name != "response_format"], service)
    service.admit()

    def work() -> Iterator[bytes]:
        encoding = service.encoder(response_format, PCM_RATE)
        samples = np.frombuffer(data, "<i2", len(data) // 2)
        for start in range(0, len(samples), _BLOCK):
            # the scale that pcm is written with (audio/encode.py): the samples come back as they were
            yield encoding.feed(samples[start : start + _BLOCK].astype(np.float32) / 32767)
        yield encoding.finish()

    job = service.workers.submit(Job(work, service.settings.request_timeout, client_of(request)))
    service.active += 1  # a server that shuts down waits for it
    watcher = job.cancel_when_gone(request.receive)
    try:
        content = b"".join([part async for part in job])
    finally:
        watcher.cancel()
        job.cancel()
        service.active -= 1
    if not content:
        raise ApiError(CLIENT_GONE, "The client left.")
    headers = {"Cache-Control": "no-store", **warning_header(warnings)}
    return Response(content, media_type=MEDIA_TYPES[response_format], headers=headers)
