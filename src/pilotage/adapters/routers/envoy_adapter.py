"""`router: {kind: envoy}`: the embedded load balancer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from pilotage.adapters.context import Context
from pilotage.adapters.ports import AdapterError, Router
from pilotage.adapters.registry import Adapter
from pilotage.adapters.routers.envoy_cohort import MOST
from pilotage.config.fields import Address, Duration, HeaderName, Misplaced, Section, Url, host_and_port
from pilotage.config.hosts import HostSection
from pilotage.config.kinds import RouterSection
from pilotage.model.capabilities import RouterCapabilities
from pilotage.model.finding import Finding

if TYPE_CHECKING:
    from pilotage.adapters.fence import Fence
    from pilotage.adapters.routers.envoy_elsewhere import EnvoyElsewhere
    from pilotage.adapters.routers.envoy_resources import Tls


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


class TlsSection(Section):
    """What users speak with the router: TLS, with HTTP/2 and HTTP/1.1."""

    certificate: str = Field(
        min_length=1, description="PEM file of the certificate with its chain, such as fullchain.pem of certbot."
    )
    key: str = Field(min_length=1, description="PEM file of its private key, without a passphrase.")
    redirect_from: Address | None = Field(
        None, description="Address of plain HTTP, such as 0.0.0.0:80, whose requests are redirected to TLS."
    )


class EnvoyRouterSection(RouterSection):
    """The embedded load balancer, an Envoy."""

    kind: Literal["envoy"]
    host: HostSection | None = Field(
        None, description="Where Envoy runs, reached by SSH. It needs curl there. Default: this machine."
    )
    program: Annotated[str, Field(pattern=r"^[A-Za-z0-9/][A-Za-z0-9._/+-]{0,200}$")] | None = Field(
        None, description="Envoy on that host, such as /usr/local/bin/envoy. Default: envoy on the PATH there."
    )
    listen: Address = Field(description="Address where users reach the service, such as 0.0.0.0:8080.")
    tls: TlsSection | None = Field(None, description="Serve users over TLS. Default: plain HTTP.")
    url: Url | None = Field(
        None, description="Where users reach the service, such as https://shop.example.org. Default: that of listen."
    )
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

    @model_validator(mode="after")
    def _placed(self) -> EnvoyRouterSection:
        if self.host and not self.host.address:
            raise Misplaced("name the host, such as lb1.example.org", "host", "address")
        if self.program and not self.host:
            raise Misplaced("only for an Envoy on another host; here, PATH or PILOTAGE_ENVOY names it", "program")
        return self


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
        tls=_tls(section, context.folder),
        url=(section.url or "").rstrip("/"),
    )
    return EnvoyRouter(context.directory, context.fence, settings, place=_elsewhere(section, context, context.fence))


def _elsewhere(section: EnvoyRouterSection, context: Context, fence: Fence | None) -> EnvoyElsewhere | None:
    """The Envoy on another host; None for one on this machine."""
    if section.host is None:
        return None
    from pilotage.adapters.hosts.place import host_of, record_of
    from pilotage.adapters.routers.envoy_elsewhere import EnvoyElsewhere, Whose, record_for

    host = host_of(section.host, context.directory, context.folder)
    whose = Whose(
        service=context.service,
        environment=context.environment,
        router=context.directory.name,
        program=section.program or "envoy",
    )
    record = record_for(whose, record_of(section.host, context.folder))
    return EnvoyElsewhere(context.directory, host, whose, fence, record)


def _tls(section: EnvoyRouterSection, folder: Path) -> Tls | None:
    from pilotage.adapters.routers.envoy_resources import Tls

    if (given := section.tls) is None:
        return None
    redirect = host_and_port(given.redirect_from) if given.redirect_from else None
    return Tls(str(folder / given.certificate), str(folder / given.key), redirect)


def _configured(section: EnvoyRouterSection) -> RouterCapabilities:
    return replace(_AT_BEST, sticky=section.sticky is not None)


def _examine(section: EnvoyRouterSection, context: Context) -> Iterator[Finding]:
    place = _elsewhere(section, context, None)
    yield _program() if place is None else place.examined()
    if (tls := _tls(section, context.folder)) is not None:
        yield _certificate(tls, place)


def _certificate(tls: Tls, place: EnvoyElsewhere | None) -> Finding:
    from pilotage.adapters.certificates import now
    from pilotage.adapters.routers.envoy_process import content_of
    from pilotage.adapters.routers.envoy_tls import examined

    try:
        pair = examined(tls, place.content if place else content_of)
    except AdapterError as error:
        return Finding("FAIL", "certificate", str(error))
    left = (pair.until - now()).days
    said = f"of {', '.join(pair.names)}, valid for {left} days"
    if left < _SOON:
        return Finding("WARN", "certificate", f"{said}: renew it; Pilotage takes up the new files by itself")
    return Finding("PASS", "certificate", said)


def _program() -> Finding:
    import subprocess

    from pilotage.adapters.envoy_admin import envoy_program

    try:
        program = envoy_program()
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
        version = said.strip().rpartition("version: ")[2].split("/")[1:2]
        return Finding("PASS", "Envoy", f"{''.join(version)} at {program}")
    except (AdapterError, OSError, subprocess.SubprocessError) as error:
        return Finding("FAIL", "Envoy", str(error))


def _lacks(section: EnvoyRouterSection, folder: Path, _version: str) -> str:
    """What listens on its ports, or what is wrong with its certificate; empty if nothing is."""
    from pilotage.adapters.routers.envoy_process import content_of
    from pilotage.adapters.routers.envoy_tls import examined
    from pilotage.adapters.routers.listening import refuse_taken

    tls = _tls(section, folder)
    if section.host:
        return _lacks_there(section, folder, tls)
    try:
        refuse_taken(*host_and_port(section.listen))
        if tls is not None:
            examined(tls, content_of)
            if tls.redirect:
                refuse_taken(*tls.redirect)
    except AdapterError as error:
        return str(error)
    return ""


def _lacks_there(section: EnvoyRouterSection, folder: Path, tls: Tls | None) -> str:
    """The same of another host."""
    from pilotage.adapters.fence import Fence
    from pilotage.adapters.routers.envoy_tls import examined

    unused = Fence(folder / "unused", 0)
    context = Context(directory=folder / "router", fence=unused, service="", environment="", folder=folder)
    try:
        place = _elsewhere(section, context, None)
        assert place is not None
        if (found := place.examined()).result == "FAIL":
            return found.sentence
        place.refuse_taken(host_and_port(section.listen))
        if tls is not None:
            examined(tls, place.content)
    except AdapterError as error:
        return str(error)
    return ""


_SOON = 10
"""Days before its end at which a certificate should have been renewed."""
_AT_BEST = RouterCapabilities(cohort=MOST)

ADAPTER = Adapter(
    section=EnvoyRouterSection,
    capabilities=_AT_BEST,
    open=_open,
    configured=_configured,
    examine=_examine,
    lacks=_lacks,
    files=lambda section: [section.maintenance_page] if section.maintenance_page else [],
)
