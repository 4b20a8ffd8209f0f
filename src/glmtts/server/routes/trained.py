"""Trained voices (`.glmvoice`) that clients add: checked against the server's model before they are kept."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fastapi import Request

from glmtts.errors import VoiceError
from glmtts.server.errors import ApiError
from glmtts.server.jobs import Job
from glmtts.server.routes.common import client_of
from glmtts.server.service import Service
from glmtts.server.voices import StorageError, VoiceRecord
from glmtts.synthesis.suffixes import TRAINED_SUFFIX


async def keep_trained(service: Service, name: str, contents: bytes, record: VoiceRecord, request: Request) -> None:
    """Keep a voice that was uploaded by a request under a free name.

    Raises:
        ApiError: 400 it is damaged or of another model, 409 the name is taken, 507 the disk is full; or as
            `Service.in_turn` does.
    """

    def work() -> Iterator[bool | None]:
        _check(service, contents)
        yield True

    # where voices are cloned: this takes as long, and one client must not occupy the machine with it
    job = Job(work, service.settings.clone_timeout, client_of(request))
    await service.in_turn(service.cloning, job, request.receive)
    try:
        await asyncio.to_thread(service.voices.add_trained, name, contents, record)
    except VoiceError as error:
        raise ApiError(409, str(error), "voice_exists", "name") from None
    except StorageError as error:
        raise ApiError(507, str(error), "storage_full") from None


def _check(service: Service, contents: bytes) -> None:
    """Read all of a voice and compute with it once, so that requests need not fear it."""
    with tempfile.TemporaryDirectory(prefix="glm-tts-") as folder:
        path = Path(folder) / f"voice{TRAINED_SUFFIX}"
        try:
            path.write_bytes(contents)
            service.engine.try_trained(path)
        except VoiceError as error:
            # the name of a temporary file is no business of the client's
            message = str(error).replace(str(path), "The voice")
            raise ApiError(400, message, "invalid_voice", "audio_sample") from None
        except OSError:
            raise ApiError(507, "The server has no space for the voice. Try again later.", "storage_full") from None
