"""Which client a request comes from, as far as its connection or a trusted proxy tells."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from pilotage.model.client_address import network_of


def address_of(request: HTTPConnection) -> str:
    """Empty where nobody knows."""
    return request.client.host if request.client else ""


def client_of(request: HTTPConnection) -> str:
    """What counts as one client where requests are counted."""
    return network_of(address_of(request))
