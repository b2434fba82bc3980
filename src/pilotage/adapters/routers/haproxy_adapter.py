"""`router: {kind: haproxy}`: an HAProxy that other people own, changed while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from pilotage.adapters.context import Context
from pilotage.adapters.ports import AdapterError, Router
from pilotage.adapters.registry import Adapter
from pilotage.adapters.routers.envoy_adapter import StickySection
from pilotage.adapters.routers.haproxy_cohort import MOST
from pilotage.config.fields import NAME, Duration, HeaderName, Url
from pilotage.config.hosts import HostSection
from pilotage.config.kinds import RouterSection
from pilotage.model.address import parse_address
from pilotage.model.capabilities import RouterCapabilities
from pilotage.model.finding import Finding

if TYPE_CHECKING:
    from pilotage.adapters.routers.haproxy import HAProxyRouter
    from pilotage.adapters.routers.haproxy_lines import Settings

_PATH = r"^/[A-Za-z0-9._/+@-]{1,200}$"
"""HAProxy's configuration and commands separate words by blanks."""


def _named(host: HostSection) -> HostSection:
    """It stands in no list of hosts that would name it."""
    if not host.address:
        raise ValueError("needs an address")
    return host


def _socket(text: str) -> str:
    """The path of a UNIX socket, or an address."""
    if not text.startswith("/"):
        parse_address(text)
    return text


class HAProxyRouterSection(RouterSection):
    """An HAProxy (2.4 or newer) that you run. Pilotage changes it through its runtime API and one included file."""

    kind: Literal["haproxy"]
    address: Annotated[str, AfterValidator(_socket)] = Field(
        description="Its stats socket with level admin: a path such as /run/haproxy/admin.sock, or host:port."
    )
    files: Annotated[str, Field(pattern=_PATH)] = Field(
        description="Folder for Pilotage's files, such as /etc/haproxy/pilotage. HAProxy reads NAME.cfg in it."
    )
    host: Annotated[HostSection, AfterValidator(_named)] | None = Field(
        None, description="The machine of HAProxy's files, and of a socket with a path. Default: this machine."
    )
    name: Annotated[str, Field(pattern=NAME)] = Field(
        description="Name of backends and files, such as shop. No other environment may use it in the same HAProxy."
    )
    url: Url | None = Field(
        None, description="Address where users reach the service, such as https://shop.example.org."
    )
    sticky: StickySection | None = Field(None, description="Keep each user on one version, by cookie or header.")
    headers: list[HeaderName] = Field(
        default_factory=list, max_length=8, description="Request headers that lead testers or a cohort to a version."
    )
    tenant_header: HeaderName | None = Field(
        None, description="Request header that names a user's tenant, for waves of tenants. Default: none."
    )
    balance: Literal["roundrobin", "leastconn", "random"] = Field(
        "roundrobin", description="How HAProxy chooses between instances of a version."
    )
    request_timeout: Duration | None = Field(
        None, description="Time limit until an instance answers. Default: timeout server of your configuration."
    )
    retry_idempotent: bool = Field(
        False, description="Retry GET, HEAD, OPTIONS, PUT and DELETE if an instance dies before it answers."
    )
    http2: bool = Field(False, description="Speak HTTP/2 without TLS to instances. gRPC needs it.")
    maintenance_page: str | None = Field(
        None, description="HTML file that users see while the service is closed, or no instance answers."
    )
    reload: list[str] = Field(
        default_factory=list,
        description="Command that reloads HAProxy after a change of these settings, such as [systemctl, reload, "
        "haproxy]. Default: you reload it.",
    )


def _settings(section: HAProxyRouterSection, page: str, *, synthetic: bool) -> Settings:
    from pilotage.adapters.routers.haproxy_lines import Settings

    sticky = section.sticky
    return Settings(
        address=section.address,
        folder=section.files.rstrip("/"),
        name=section.name,
        url=section.url or "",
        cookie=(sticky.cookie or "") if sticky else "",
        header=(sticky.header or "") if sticky else "",
        headers=tuple(section.headers),
        tenants=section.tenant_header or "",
        balance=section.balance,
        request_timeout=section.request_timeout,
        retry_idempotent=section.retry_idempotent,
        http2=section.http2,
        page=page,
        synthetic=synthetic,
    )


def _open(section: HAProxyRouterSection, context: Context) -> Router:
    return _opened(section, context)


def _opened(section: HAProxyRouterSection, context: Context) -> HAProxyRouter:
    from pilotage.adapters.routers.haproxy import HAProxyRouter
    from pilotage.adapters.routers.haproxy_record import Place

    page = (context.text_of(section.maintenance_page) or "") if section.maintenance_page else ""
    return HAProxyRouter(
        context.directory,
        context.fence,
        _settings(section, page, synthetic=context.peers.synthetic),
        Place(section=section.host.model_dump(mode="json"), base=str(context.folder)) if section.host else Place(),
        owner=f"{context.service}/{context.environment}",
        reload=section.reload,
    )


def _configured(section: HAProxyRouterSection) -> RouterCapabilities:
    headers = tuple(sorted({header.lower() for header in section.headers}))
    return replace(
        _AT_BEST,
        sticky=section.sticky is not None,
        header_routes=bool(section.headers),
        headers=headers,
        cohort_headers=((section.tenant_header or "").lower(),),
    )


def _examine(section: HAProxyRouterSection, context: Context) -> Iterator[Finding]:
    from pilotage.adapters.routers.haproxy_setup import examined

    yield from examined(_opened(section, context))


def _lacks(section: HAProxyRouterSection, folder: Path, _version: str) -> str:
    """Which lines its configuration lacks. The files that they name are written, or HAProxy would refuse the lines."""
    from pilotage.adapters.fence import Fence
    from pilotage.adapters.routers.haproxy_setup import lacking

    unused = Fence(folder / "unused", 0)
    context = Context(directory=folder, fence=unused, service="", environment="", folder=folder)
    try:
        return lacking(_opened(section, context))
    except AdapterError as error:
        return str(error)


_AT_BEST = RouterCapabilities(mirror=False, versions=8, cohort=MOST)

ADAPTER = Adapter(
    section=HAProxyRouterSection,
    capabilities=_AT_BEST,
    open=_open,
    configured=_configured,
    examine=_examine,
    lacks=_lacks,
    of_others=True,
    files=lambda section: [section.maintenance_page] if section.maintenance_page else [],
)
