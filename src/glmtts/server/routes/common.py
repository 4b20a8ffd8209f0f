"""What every endpoint needs."""

from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from glmtts.server.auth import DOCUMENTED_KEY, bearer
from glmtts.server.service import Service

WITH_KEY: list[Any] = [DOCUMENTED_KEY]


def service_of(connection: HTTPConnection) -> Service:
    """The server's working parts."""
    service: Service = connection.app.state.service
    return service


def client_of(connection: HTTPConnection, key: str | None = None) -> str:
    """Who shares the server with others: an address, and the key where several people have one address.

    A server without keys takes any: there a key tells nobody apart, or one client could be as many as it makes up.
    Behind a proxy on this machine it is the address that `X-Forwarded-For` names.
    """
    host = connection.client.host if connection.client else ""
    if not service_of(connection).settings.api_keys:
        return host
    return f"{host} {key or bearer(connection.headers.get('authorization', '')) or ''}"


ServiceOf = Annotated[Service, Depends(service_of)]
