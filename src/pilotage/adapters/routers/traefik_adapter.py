"""`router: {kind: traefik}`: a Traefik of Pilotage's own, or one that is there already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from pilotage.adapters.context import Context
from pilotage.adapters.ports import AdapterError, Router
from pilotage.adapters.registry import Adapter
from pilotage.config.fields import Address, BaseUrl, Duration, HeaderName, Misplaced, PlainUrl, Section, host_and_port
from pilotage.config.hosts import HostSection
from pilotage.config.kinds import RouterSection
from pilotage.model.capabilities import RouterCapabilities
from pilotage.model.finding import Finding

if TYPE_CHECKING:
    from pilotage.adapters.routers.traefik_config import Settings

_OWN = ("stats", "version_header", "retry_idempotent")
_BESIDE = ("host", "api", "rule", "entrypoints", "priority", "middlewares", "tls", "cert_resolver", "url")


class StickyCookieSection(Section):
    """How to recognise a user, so that each one stays on one version."""

    cookie: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = Field(
        description="Name of a cookie that only Traefik sets. A value that the application sets would be replaced."
    )


class TraefikRouterSection(RouterSection):
    """A Traefik: its own with listen, or one that is already there with directory and api."""

    kind: Literal["traefik"]
    listen: Address | None = Field(
        None,
        description="Address where users reach the service, such as 0.0.0.0:8080. Pilotage starts its own Traefik.",
    )
    directory: str | None = Field(
        None,
        pattern=r"^/[^\x00\n]*$",
        description="Directory of the file provider of a Traefik that is already there. Pilotage owns one file in it.",
    )
    host: HostSection | None = Field(
        None, description="Where that Traefik runs, reached by SSH. Default: this machine."
    )
    api: BaseUrl | None = Field(
        None, description="Where the API of that Traefik answers, such as http://127.0.0.1:8080."
    )
    rule: str | None = Field(
        None,
        min_length=1,
        max_length=2000,
        description="Rule of the service's requests, such as Host(`shop.example.com`).",
    )
    entrypoints: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]] = Field(
        default_factory=list, description="Entry points of that Traefik. Default: all default ones."
    )
    priority: int = Field(
        0, ge=0, le=1_000_000, description="Priority of the rule. Default: its length, as in Traefik."
    )
    middlewares: list[Annotated[str, Field(pattern=r"^[^\s{}]{1,200}$")]] = Field(
        default_factory=list, description="Middlewares of that Traefik to run first, such as auth@file."
    )
    tls: bool = Field(False, description="Whether the entry points speak TLS.")
    cert_resolver: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")] | None = Field(
        None, description="Certificate resolver of that Traefik. Implies tls."
    )
    url: PlainUrl | None = Field(
        None, description="Address where users reach the service, for messages and synthetic requests."
    )
    sticky: StickyCookieSection | None = Field(None, description="Keep each user on one version, by a cookie.")
    request_timeout: Duration = Field(60.0, description="Time limit until a response starts; 0 for none.")
    version_header: HeaderName | None = Field(
        None, description="Response header that names the version, such as x-release. With listen only. Default: none."
    )
    maintenance_url: PlainUrl | None = Field(
        None,
        description="Page that users see while the service is closed, with status 503. Traefik fetches it from there. "
        "Default: a line of text.",
    )
    stats: Address | None = Field(
        None, description="Address where Prometheus can scrape /metrics, such as 127.0.0.1:9901. With listen only."
    )
    http2: bool = Field(False, description="Speak HTTP/2 without TLS to instances. gRPC needs it.")
    retry_idempotent: bool = Field(
        False,
        description="Retry requests with idempotent methods if an instance dies mid-request or answers 502. "
        "With listen only.",
    )

    @model_validator(mode="after")
    def _one(self) -> TraefikRouterSection:
        if (self.listen is None) == (self.directory is None):
            raise ValueError("name either listen, for a Traefik of Pilotage's own, or directory, for one that is there")
        if self.directory and not (self.api and self.rule):
            raise Misplaced(
                "is missing: with directory, name the API of that Traefik and the rule of the service's requests",
                "rule" if self.api else "api",
            )
        if self.host and not self.host.address:
            raise Misplaced("name the host, such as lb1.example.org", "host", "address")
        for name in _BESIDE if self.listen else _OWN:
            if name in self.model_fields_set and getattr(self, name):
                raise Misplaced(f"cannot be used with {'listen' if self.listen else 'directory'}", name)
        return self


def _open(section: TraefikRouterSection, context: Context) -> Router:
    from pilotage.adapters.routers.traefik_config import Settings

    common = Settings(
        cookie=section.sticky.cookie if section.sticky else "",
        request_timeout=section.request_timeout,
        page=section.maintenance_url or "",
        http2=section.http2,
    )
    if section.listen:
        return _embedded(section, context, section.listen, common)
    return _beside(section, context, section.directory or "", common)


def _embedded(section: TraefikRouterSection, context: Context, listen: Address, common: Settings) -> Router:
    from pilotage.adapters.routers.traefik import TraefikRouter
    from pilotage.adapters.routers.traefik_process import USERS

    settings = replace(
        common,
        entry_points=(USERS,),
        version_header=section.version_header or "",
        health=context.peers.health_path,
        retry_idempotent=section.retry_idempotent,
    )
    return TraefikRouter(
        context.directory,
        context.fence,
        settings,
        host_and_port(listen),
        stats=host_and_port(section.stats) if section.stats else None,
        synthetic=context.peers.synthetic,
    )


def _beside(section: TraefikRouterSection, context: Context, directory: str, common: Settings) -> Router:
    from pilotage.adapters.hosts.place import host_of, record_of
    from pilotage.adapters.routers.traefik_beside import There, TraefikBeside

    resolver = {"certResolver": section.cert_resolver} if section.cert_resolver else {}
    name = f"pilotage-{context.service}_{context.environment}"
    settings = replace(
        common,
        prefix=name,
        rule=section.rule or "",
        entry_points=tuple(section.entrypoints),
        priority=section.priority,
        middlewares=tuple(section.middlewares),
        tls=resolver if section.tls or resolver else None,
    )
    host = host_of(section.host, context.directory, context.folder)
    file = f"{directory.rstrip('/')}/{name}.yml"
    there = There(file=file, api=section.api or "", settings=settings, url=section.url or "")
    return TraefikBeside(context.directory, context.fence, host, there, record_of(section.host, context.folder))


def _configured(section: TraefikRouterSection) -> RouterCapabilities:
    sticky = section.sticky is not None
    if section.listen:
        return replace(_AT_BEST, sticky=sticky)
    # A secret in a file that others read, and that the API shows, is none; a change may wait for two seconds.
    return replace(_AT_BEST, sticky=sticky, own_requests=False, settle=4.0)


def _examine(section: TraefikRouterSection, _context: Context) -> Iterator[Finding]:
    import subprocess

    from pilotage.adapters.traefik_api import TraefikApi, traefik_program

    if section.api:
        api = TraefikApi(section.api)
        try:
            version = api.version()
            api.served()
        except AdapterError as error:
            yield Finding("FAIL", "Traefik", str(error))
            return
        known = version.partition(".")[0] not in ("1", "2")
        yield Finding("PASS" if known else "FAIL", "Traefik", f"{version} at {section.api}" if known else _TOO_OLD)
        folder = Path(section.directory or "")
        if section.host is None and not folder.is_dir():
            yield Finding("FAIL", "Traefik's files", f"{folder} is no directory: name that of providers.file.directory")
        return
    try:
        program = traefik_program()
        said = subprocess.run([program, "version"], capture_output=True, text=True, timeout=10, check=True).stdout
        yield Finding("PASS", "Traefik", f"{said.partition('Version:')[2].split()[0]} at {program}")
    except (AdapterError, OSError, subprocess.SubprocessError, IndexError) as error:
        yield Finding("FAIL", "Traefik", str(error))


def _lacks(section: TraefikRouterSection, _folder: Path, _version: str) -> str:
    """What listens on its port; empty if nothing does."""
    from pilotage.adapters.routers.listening import refuse_taken

    try:
        if section.listen:
            refuse_taken(*host_and_port(section.listen))
    except AdapterError as error:
        return str(error)
    return ""


_TOO_OLD = "Traefik 3 is needed: its rules and services are others than those of Traefik 2"
_AT_BEST = RouterCapabilities()

ADAPTER = Adapter(
    section=TraefikRouterSection,
    capabilities=_AT_BEST,
    open=_open,
    configured=_configured,
    examine=_examine,
    lacks=_lacks,
)
