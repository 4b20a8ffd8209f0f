"""/v1/audio/voices: list, add from a recording, delete."""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile
from pydantic import BaseModel, Field
from starlette.responses import Response

from glmtts.errors import AudioError, VoiceError
from glmtts.server.engine import ServedVoice
from glmtts.server.errors import ApiError, documented
from glmtts.server.routes.common import WITH_KEY, ServiceOf, client_of
from glmtts.server.routes.options import not_known
from glmtts.server.routes.trained import keep_trained
from glmtts.server.service import DEFAULT, Service, warning_header
from glmtts.server.voices import StorageError, VoiceRecord, valid_name
from glmtts.synthesis.suffixes import TRAINED_SUFFIX

router = APIRouter(prefix="/v1/audio/voices", tags=["voices"], dependencies=WITH_KEY)
FIELDS = ("name", "audio_sample", "file", "consent", "text", "description")
CONSENT = "The client states that the speaker agreed to the cloning of this voice."


class VoiceObject(BaseModel):
    """A voice that can be asked for."""

    id: str
    object: Literal["audio.voice"] = "audio.voice"
    name: str
    description: str
    source: Literal["bundled", "added"]
    created_at: int


class VoiceList(BaseModel):
    """All voices."""

    object: Literal["list"] = "list"
    data: list[VoiceObject]
    voices: list[VoiceObject] = Field(description="The same: Open WebUI and others read it here.")


class VoiceDeleted(BaseModel):
    """A voice that is gone."""

    id: str
    object: Literal["audio.voice.deleted"] = "audio.voice.deleted"
    deleted: bool = True


def _added(name: str, record: VoiceRecord) -> VoiceObject:
    return VoiceObject(id=name, name=name, description=record.description, source="added", created_at=record.created)


def _all_voices(service: Service) -> list[VoiceObject]:
    bundled = dict(service.engine.voices)
    if service.engine.default_voice:
        bundled = {DEFAULT: f"the model's own: {service.engine.default_voice}", **bundled}
    listed = [
        VoiceObject(id=name, name=name, description=text, source="bundled", created_at=service.started)
        for name, text in bundled.items()
    ]
    added = [_added(name, record) for name, record in service.voices.records().items()]
    # each once: an added voice is spoken in place of the model's of that name (`Service.voice`)
    hidden = {voice.id for voice in added}
    return [*(voice for voice in listed if voice.id not in hidden), *added]


@router.get("", responses=documented(401))
def list_voices(service: ServiceOf) -> VoiceList:
    """The bundled and the added voices."""
    voices = _all_voices(service)
    return VoiceList(data=voices, voices=voices)


@router.post("", status_code=201, responses=documented(400, 401, 403, 408, 409, 413, 429, 503, 504, 507))
async def add_voice(
    service: ServiceOf,
    request: Request,
    name: Annotated[str, Form(min_length=1, max_length=64, description="1 to 48 letters, digits, - or _.")],
    audio_sample: Annotated[
        UploadFile | None,
        File(description="1 to 30 s of one speaker (wav, flac, ogg, opus or mp3), or a trained voice (.glmvoice)."),
    ] = None,
    file: Annotated[UploadFile | None, File(description="Another name of `audio_sample`.")] = None,
    consent: Annotated[bool, Form(description="`true` states that the speaker agreed to this cloning.")] = False,
    text: Annotated[str | None, Form(max_length=1000, description="What is said in the recording.")] = None,
    description: Annotated[str, Form(max_length=200)] = "",
    *,
    answer: Response,
) -> VoiceObject:
    """Clone a voice from a recording, or add a trained one. Refused without the statement that the speaker agreed."""
    # FastAPI has parsed the form, which is there still
    given = [*request.query_params, *(name for name in await request.form() if name not in FIELDS)]
    answer.headers.update(warning_header(not_known(given, service)))
    if not consent:
        raise ApiError(
            400, "Set consent=true to state that the speaker agreed to this cloning.", "consent_required", "consent"
        )
    sample = audio_sample or file
    if sample is None:
        raise ApiError(400, "Send a recording as the file audio_sample.", "invalid_value", "audio_sample")
    name = _free_name(name, service)
    if (sample.filename or "").lower().endswith(TRAINED_SUFFIX):
        record = VoiceRecord(description=description, consent=CONSENT, created=int(time.time()))
        await keep_trained(service, name, await sample.read(), record, request)
        return _added(name, record)
    voice = await _clone(service, request, await sample.read(), text)
    record = VoiceRecord(description=description, consent=CONSENT, created=int(time.time()))
    try:
        await asyncio.to_thread(service.voices.add, name, voice, record)
    except VoiceError as error:
        raise ApiError(409, str(error), "voice_exists", "name") from None
    except StorageError as error:
        raise ApiError(507, str(error), "storage_full") from None
    return _added(name, record)


async def _clone(service: Service, request: Request, recording: bytes, text: str | None) -> ServedVoice:
    with tempfile.TemporaryDirectory(prefix="glm-tts-") as folder:
        path = Path(folder) / "recording.wav"
        try:
            await asyncio.to_thread(path.write_bytes, recording)
            return await service.clone(path, text or None, request.receive, client_of(request))
        except (AudioError, VoiceError) as error:
            # the name of a temporary file is no business of the client's
            message = str(error).replace(str(path), "The recording")
            raise ApiError(400, message, "invalid_recording", "audio_sample") from None
        except OSError:
            raise ApiError(507, "The server has no space for the recording. Try again later.", "storage_full") from None


def _free_name(name: str, service: Service) -> str:
    try:
        name = valid_name(name)
    except VoiceError as error:
        raise ApiError(400, str(error), "invalid_value", "name") from None
    if any(voice.id == name for voice in _all_voices(service)):
        raise ApiError(
            409, f"There is a voice '{name}' already. Choose another name or delete it.", "voice_exists", "name"
        )
    return name


def _bundled(voice: str, service: Service) -> bool:
    own = DEFAULT if service.engine.default_voice else None
    return voice == own or voice in service.engine.voices


@router.delete("/{voice}", responses=documented(400, 401, 403, 404, 507))
def delete_voice(voice: str, service: ServiceOf) -> VoiceDeleted:
    """Delete an added voice, also one that was added where the model had no voice of that name."""
    if _bundled(voice, service) and not service.voices.holds(voice):
        raise ApiError(403, f"'{voice}' belongs to the model and stays.", "voice_bundled", "voice")
    try:
        service.voices.delete(voice)
    except VoiceError as error:
        raise ApiError(404, str(error), "voice_not_found", "voice") from None
    except StorageError as error:
        raise ApiError(507, str(error), "storage_full") from None
    return VoiceDeleted(id=voice)
