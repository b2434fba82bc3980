"""`router: {kind: envoy}`: the embedded load balancer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pilotage.adapters.context import Context
from pilotage.adapters.ports import AdapterError, Router
from pilotage.adapters.registry import Adapter
from pilotage.config.fields import Address, Duration, HeaderName, Section, host_and_port
from pilotage.config.kinds import RouterSection
from pilotage.model.capabilities import RouterCapabilities
from pilotage.model.finding import Finding


class StickySection(Section):
    """How to recognise a user, so that each one stays on one version."""

    cookie: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] | None = Field(
        None, description="Name of a cookie. The router sets it for users who have none."
    )
    header: HeaderName | None = Field(
        None, description="Name of a request header, such as x-user-id set by a gateway. Use it instead of cookie."
    )

    @model_validator(mode="after")
    def _one(self) -> StickySection:
        if (self.cookie is None) == (self.header is None):
            raise ValueError("name either a cookie or a header")
        return self


class EnvoyRouterSection(RouterSection):
    """The embedded load balancer, an Envoy."""

    kind: Literal["envoy"]
    listen: Address = Field(description="Address where users reach the service, such as 0.0.0.0:8080.")
    sticky: StickySection | None = Field(None, description="Keep each user on one version, by cookie or header.")
    request_timeout: Duration = Field(
        60.0, description="Time limit until a response starts; 0 for none. A stream that has started is not cut off."
    )
    idle_timeout: Duration = Field(
        300.0, description="Time without a byte after which a request, stream or WebSocket ends; 0 for none."
    )
    version_header: HeaderName | None = Field(
        None, description="Response header that names the version, such as x-release. Default: none."
    )
    maintenance_page: str | None = Field(None, description="HTML file that users see while the service is closed.")
    stats: Address | None = Field(
        None, description="Address where Prometheus can scrape /stats/prometheus, such as 127.0.0.1:9901."
    )
    http2: bool = Field(False, description="Speak HTTP/2 without TLS to instances. gRPC needs it.")
    retry_idempotent: bool = Field(
        False, description="Retry GET, HEAD, OPTIONS, PUT and DELETE once if an instance dies mid-request."
    )


def _open(section: EnvoyRouterSection, context: Context) -> Router:
    from pilotage.adapters.routers.envoy import EnvoyRouter
    from pilotage.adapters.routers.envoy_resources import Settings, Sticky

    sticky = section.sticky
    settings = Settings(
        listen=host_and_port(section.listen),
        sticky=Sticky(sticky.cookie or "", sticky.header or "") if sticky else None,
        request_timeout=section.request_timeout,
        idle_timeout=section.idle_timeout,
        version_header=section.version_header or "",
        # Where the page is gone users get Pilotage's own.
        page=(context.text_of(section.maintenance_page) or "") if section.maintenance_page else "",
        health=context.peers.health_path,
        strata=context.peers.strata,
        synthetic=context.peers.synthetic,
        http2=section.http2,
        retry_idempotent=section.retry_idempotent,
        stats=host_and_port(section.stats) if section.stats else None,
    )
    return EnvoyRouter(context.directory, context.fence, settings)


def _configured(section: EnvoyRouterSection) -> RouterCapabilities:
    return replace(_AT_BEST, sticky=section.sticky is not None)


def _examine(_section: EnvoyRouterSection, _context: Context) -> Iterator[Finding]:
    import subprocess

    from pilotage.adapters.envoy_admin import envoy_program

    try:
        program = envoy_program()
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
        version = said.strip().rpartition("version: ")[2].split("/")[1:2]
        yield Finding("PASS", "Envoy", f"{''.join(version)} at {program}")
    except (AdapterError, OSError, subprocess.SubprocessError) as error:
        yield Finding("FAIL", "Envoy", str(error))


def _lacks(section: EnvoyRouterSection, _folder: Path, _version: str) -> str:
    """What listens on its port; empty if nothing does."""
    from pilotage.adapters.routers.listening import refuse_taken

    try:
        refuse_taken(*host_and_port(section.listen))
    except AdapterError as error:
        return str(error)
    return ""


_AT_BEST = RouterCapabilities()

ADAPTER = Adapter(
    section=EnvoyRouterSection,
    capabilities=_AT_BEST,
    open=_open,
    configured=_configured,
    examine=_examine,
    lacks=_lacks,
    files=lambda section: [section.maintenance_page] if section.maintenance_page else [],
)
