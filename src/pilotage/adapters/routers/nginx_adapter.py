"""`router: {kind: nginx}`: an nginx that runs already, by one file that its configuration includes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from pilotage.adapters.context import Context
from pilotage.adapters.ports import AdapterError, Router
from pilotage.adapters.registry import Adapter
from pilotage.adapters.routers.envoy_adapter import StickySection
from pilotage.adapters.routers.nginx_state import MOST
from pilotage.config.fields import Address, Duration, HeaderName, Misplaced, Url, host_and_port
from pilotage.config.hosts import HostSection
from pilotage.config.kinds import RouterSection
from pilotage.model.address import is_loopback
from pilotage.model.capabilities import RouterCapabilities
from pilotage.model.finding import Finding

if TYPE_CHECKING:
    from pilotage.adapters.routers.nginx_settings import Settings

_PATH = r"^/[A-Za-z0-9._/-]{1,200}$"
Command = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1, max_length=20)]


class NginxRouterSection(RouterSection):
    """An nginx that runs already. Pilotage owns one file that nginx.conf includes."""

    kind: Literal["nginx"]
    file: Annotated[str, Field(pattern=_PATH)] = Field(
        description="The owned file, such as /etc/nginx/pilotage/shop.conf. nginx.conf includes *.conf of its folder."
    )
    control: Address = Field(
        description="Loopback address where nginx answers what it serves, such as 127.0.0.1:9101; one for each service."
    )
    mode: Literal["reload", "lua"] = Field(
        "reload",
        description="How nginx takes up a split: by a reload, which closes idle connections, or by Lua, without one.",
    )
    host: HostSection | None = Field(None, description="Where nginx runs, reached by SSH. Default: this machine.")
    listen: Address | None = Field(
        None,
        description="Address where users reach the service. Default: a server of your own includes the location file.",
    )
    url: Url | None = Field(None, description="Where users reach the service, without listen.")
    sticky: StickySection | None = Field(None, description="Keep each user on one version, by cookie or header.")
    log: Annotated[str, Field(pattern=_PATH)] | None = Field(
        None, description="Access log in the format that metrics of kind nginx read. Default: none."
    )
    version_header: HeaderName | None = Field(
        None, description="Response header that names the version, such as x-release. Default: none."
    )
    maintenance_page: str | None = Field(None, description="HTML file that users see while the service is closed.")
    retry_idempotent: bool = Field(
        True,
        description="Try another instance if one refuses a connection, or dies during a GET, HEAD, OPTIONS, PUT or "
        "DELETE. nginx cannot tell the two apart: without it, users see a dead instance until it is removed.",
    )
    keepalive: Annotated[int, Field(ge=0, le=10_000)] = Field(
        0,
        description="Idle connections that each worker keeps to instances. An instance that closes one as nginx sends "
        "a POST loses that request.",
    )
    idle_timeout: Duration = Field(60.0, description="Time without a byte from an instance after which a request ends.")
    protocol: Literal["http", "grpc"] = Field("http", description="What instances speak.")
    test: Command = Field(["nginx", "-t"], description="Command that tests the configuration.")
    reload: Command = Field(["nginx", "-s", "reload"], description="Command that reloads it.")

    @model_validator(mode="after")
    def _together(self) -> NginxRouterSection:
        if not self.file.endswith(".conf"):
            raise Misplaced(f"{self.file} must end with .conf: nginx.conf includes *.conf of its folder", "file")
        if not is_loopback(host_and_port(self.control)[0]):
            raise Misplaced(f"{self.control} must be a loopback address such as 127.0.0.1:9101", "control")
        if self.host and not self.host.address:
            raise Misplaced("name the host, such as lb1.example.org", "host", "address")
        if self.listen == self.control:
            raise Misplaced("users and Pilotage need an address each", "control")
        if self.listen and self.url:
            raise Misplaced("with listen, the address is known: leave url out", "url")
        return self


def _settings(section: NginxRouterSection, context: Context) -> Settings:
    from pilotage.adapters.own_requests import synthetic_token
    from pilotage.adapters.routers.nginx_settings import Settings

    sticky = section.sticky
    return Settings(
        name=f"{context.service} in {context.environment}",
        file=section.file,
        control=host_and_port(section.control),
        lua=section.mode == "lua",
        listen=host_and_port(section.listen) if section.listen else None,
        cookie=(sticky.cookie or "") if sticky else "",
        header=(sticky.header or "") if sticky else "",
        version_header=section.version_header or "",
        synthetic=synthetic_token(context.directory) if context.peers.synthetic else "",
        url=section.url or "",
        page=(context.text_of(section.maintenance_page) or "") if section.maintenance_page else "",
        log=section.log or "",
        retry_idempotent=section.retry_idempotent,
        keepalive=section.keepalive,
        idle_timeout=section.idle_timeout,
        grpc=section.protocol == "grpc",
        test=tuple(section.test),
        reload=tuple(section.reload),
    )


def _open(section: NginxRouterSection, context: Context) -> Router:
    from pilotage.adapters.hosts.place import host_of, record_of
    from pilotage.adapters.routers.nginx import NginxRouter

    host = host_of(section.host, context.directory, context.folder)
    where = record_of(section.host, context.folder)
    return NginxRouter(context.directory, context.fence, _settings(section, context), host, where)


def _configured(section: NginxRouterSection) -> RouterCapabilities:
    return replace(
        _AT_BEST,
        sticky=section.sticky is not None,
        lossless_switch=section.mode == "lua",
        cohort=MOST if section.mode == "lua" else 0,
    )


def _examine(section: NginxRouterSection, context: Context) -> Iterator[Finding]:
    if problem := _problem(section, context.folder):
        yield Finding("FAIL", "nginx", problem)
    else:
        yield Finding("PASS", "nginx", f"its configuration is valid and includes {section.file}")


def _lacks(section: NginxRouterSection, folder: Path, _version: str) -> str:
    return _problem(section, folder)


def _problem(section: NginxRouterSection, folder: Path) -> str:
    """What nginx says against its configuration, or which line is missing there; empty if nothing. Changes nothing."""
    from pilotage.adapters.fence import Fence
    from pilotage.adapters.hosts.place import host_of
    from pilotage.adapters.routers.nginx_server import Server

    context = Context(directory=folder, fence=Fence(folder, 0), service="", environment="", folder=folder)
    host = host_of(section.host, folder, folder)
    server = Server(host, _settings(section.model_copy(update={"maintenance_page": None}), context))
    try:
        found = server.examined()
        return found.refusal or found.missing
    except AdapterError as error:
        return str(error)


_AT_BEST = RouterCapabilities(mirror=False, cohort=MOST)

ADAPTER = Adapter(
    section=NginxRouterSection,
    capabilities=_AT_BEST,
    open=_open,
    configured=_configured,
    examine=_examine,
    lacks=_lacks,
    of_others=True,
    files=lambda section: [section.maintenance_page] if section.maintenance_page else [],
)
