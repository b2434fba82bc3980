"""An HAProxy that Pilotage starts, and its counts: `router: {kind: own-haproxy}`, `metrics: {kind: own-haproxy}`."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from pilotage.ports import (
    Adapter,
    Context,
    Finding,
    Metrics,
    MetricsCapabilities,
    MetricsSection,
    Router,
    RouterCapabilities,
    RouterSection,
)


class HAProxySection(RouterSection):
    """HAProxy, started and told by Pilotage."""

    kind: Literal["own-haproxy"]
    listen: Annotated[str, Field(pattern=r"^[A-Za-z0-9.\-]+:[0-9]{1,5}$")] = Field(
        description="Where users reach the service, such as 0.0.0.0:8080."
    )
    sticky: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] | None = Field(
        None, description="A cookie that tells users apart; HAProxy sets it for users who have none."
    )
    program: str = Field("haproxy", description="The program, version 2.6 or newer.")


class HAProxyMetricsSection(MetricsSection):
    """Requests and errors (5xx) as that HAProxy counts them."""

    kind: Literal["own-haproxy"]


def _open(section: HAProxySection, context: Context) -> Router:
    from pilotage_haproxy.router import HAProxyRouter

    return HAProxyRouter(
        context.directory,
        context.fence,
        listen=section.listen,
        cookie=section.sticky,
        program=_found(section.program) or section.program,
    )


def _open_metrics(_section: HAProxyMetricsSection, context: Context) -> Metrics:
    from pilotage_haproxy.metrics import HAProxyMetrics

    return HAProxyMetrics(context.peers.router)


def _configured(section: HAProxySection) -> RouterCapabilities:
    return replace(_AT_BEST, sticky=section.sticky is not None)


def _found(program: str) -> str | None:
    """Where the program is: on PATH, or where Debian puts it, which is not on everybody's."""
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def _examine(section: HAProxySection, _context: Context) -> Iterator[Finding]:
    program = _found(section.program)
    if program is None:
        yield Finding("FAIL", "HAProxy", f"{section.program} is not on PATH: install HAProxy 2.6 or newer")
        return
    said = subprocess.run([program, "-v"], capture_output=True, text=True, timeout=10, check=False).stdout
    yield Finding("PASS", "HAProxy", f"{said.partition(' 20')[0].removeprefix('HAProxy version ')} at {program}")


_AT_BEST = RouterCapabilities(header_routes=False, mirror=False, own_requests=False)

ADAPTER = Adapter(section=HAProxySection, capabilities=_AT_BEST, open=_open, configured=_configured, examine=_examine)

METRICS = Adapter(
    section=HAProxyMetricsSection,
    capabilities=MetricsCapabilities(provides=("application_error_rate",), of_router="own-haproxy"),
    open=_open_metrics,
)
