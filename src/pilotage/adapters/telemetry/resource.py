"""Who tells: Pilotage's service name and version, and what OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME add."""

from __future__ import annotations

import os
import socket
from importlib.metadata import version

from opentelemetry.sdk.resources import Resource

SCOPE = ("pilotage", version("pilotage"))
"""Name and version of the instrumentation."""


def resource() -> Resource:
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "pilotage"}
    given = Resource.create({"service.version": SCOPE[1], "host.name": socket.gethostname()})
    if given.attributes.get("service.name", "").__str__().startswith("unknown_service"):
        return given.merge(Resource(named))
    return given
