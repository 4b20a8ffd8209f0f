"""What every endpoint needs."""

from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from glmtts.server.auth import DOCUMENTED_KEY
from glmtts.server.service import Service

WITH_KEY: list[Any] = [DOCUMENTED_KEY]


def service_of(connection: HTTPConnection) -> Service:
    """The server's working parts."""
    service: Service = connection.app.state.service
    return service


ServiceOf = Annotated[Service, Depends(service_of)]
