"""Models, health, readiness, metrics."""

from typing import Literal

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.responses import Response

from glmtts.server.errors import ApiError, documented
from glmtts.server.routes.common import WITH_KEY, ServiceOf
from glmtts.server.routes.options import check_model
from glmtts.server.service import Service, State

router = APIRouter(tags=["status"])


class ModelObject(BaseModel):
    """A model, as OpenAI's clients read it."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class ModelList(BaseModel):
    """All models: one."""

    object: Literal["list"] = "list"
    data: list[ModelObject]


class AudioModelList(ModelList):
    """The same under another name."""

    models: list[ModelObject]


class Status(BaseModel):
    """Where the server is in its life."""

    status: str


def _model(service: Service) -> ModelObject:
    return ModelObject(id=service.engine.name, created=service.started, owned_by="glm-tts")


@router.get("/v1/models", dependencies=WITH_KEY, responses=documented(401))
def list_models(service: ServiceOf) -> ModelList:
    """The loaded model."""
    return ModelList(data=[_model(service)])


@router.get("/v1/audio/models", dependencies=WITH_KEY, responses=documented(401))
def list_audio_models(service: ServiceOf) -> AudioModelList:
    """The loaded model, where Open WebUI looks for it."""
    return AudioModelList(data=[_model(service)], models=[_model(service)])


@router.get("/v1/models/{model}", dependencies=WITH_KEY, responses=documented(401, 404))
def show_model(model: str, service: ServiceOf) -> ModelObject:
    """The loaded model by its name."""
    check_model(model, service)
    return _model(service)


@router.head("/health", include_in_schema=False)  # what many monitors ask
@router.get("/health", responses=documented(503))
def health(service: ServiceOf) -> Status:
    """Whether the process works; restart it where it does not."""
    if not service.workers.alive or service.state is State.failed:
        raise ApiError(503, "The server cannot speak. Its log says why.", "failed")
    return Status(status="ok")


@router.head("/ready", include_in_schema=False)  # what many monitors ask
@router.get("/ready", responses=documented(503))
def ready(service: ServiceOf) -> Status:
    """Whether requests should be sent here: the models are loaded and the server is not shutting down."""
    if service.state is not State.ready:
        raise ApiError(503, f"The server is {service.state}.", service.state.value)
    return Status(status="ready")


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(service: ServiceOf) -> Response:
    """Metrics for Prometheus."""
    return Response(service.metrics.render(), media_type=CONTENT_TYPE_LATEST)
