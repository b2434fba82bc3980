"""What HAProxy's configuration says of Pilotage: an included file that Pilotage writes, and a few lines in a frontend
of the people who own the rest.

The lines depend on the section of `pilotage.yaml` alone and never change during a rollout. The included file has a
backend for each slot, with the servers of the moment, so that a reload or a restart starts with what is set now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pilotage.adapters.haproxy_runtime import CHECK, address_of, name_of
from pilotage.adapters.own_requests import SYNTHETIC_HEADER
from pilotage.adapters.routers.haproxy_cohort import MEMBER, OTHERS
from pilotage.adapters.routers.haproxy_map import CLOSED, OWN, SLOTS, TESTERS, USERS
from pilotage.model.address import show_host

Servers = Mapping[str, Mapping[tuple[str, int], str]]
"""Of each slot: the IP address of each instance, by the instance's own address."""
_COOKIE_TTL = 30 * 86400
_RETRIED = "GET HEAD OPTIONS PUT DELETE"
_MAINTENANCE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Maintenance</title>'
    "<h1>Closed for maintenance</h1><p>We will be back soon. Nothing you did is lost.</p></html>\n"
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Of one router. address: of the runtime API · folder: of the files that HAProxy reads, as HAProxy's machine names
    it · name: of backends and files · headers: that header routes may name · tenants: the header of cohorts, empty for
    none · request_timeout: seconds, None for what the rest of the configuration says · page: HTML, empty for Pilotage's
    own."""

    address: str
    folder: str
    name: str
    url: str = ""
    cookie: str = ""
    header: str = ""
    headers: tuple[str, ...] = ()
    tenants: str = ""
    balance: str = "roundrobin"
    request_timeout: float | None = None
    retry_idempotent: bool = False
    http2: bool = False
    page: str = ""
    synthetic: bool = False

    @property
    def map(self) -> str:
        return f"{self.folder}/{self.name}.map"

    @property
    def include(self) -> str:
        return f"{self.folder}/{self.name}.cfg"

    @property
    def html(self) -> str:
        return f"{self.folder}/{self.name}.html"

    @property
    def marker(self) -> str:
        """A backend that nothing is sent to: its name tells whether HAProxy has loaded these settings."""
        text = "".join(_backends(self, {})) + options_of(self, USERS) + page_of(self)
        return f"{self.name}-settings-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def lines_of(settings: Settings) -> tuple[str, ...]:
    """For the frontend that serves the service. A rule whose expression finds nothing leaves its variable alone."""
    name, looked_up = settings.name, f"map({settings.map})"
    user, to = f"txn.{_variable(name)}_user", f"txn.{_variable(name)}"
    bucket = f"concat(/),map({settings.map},{CLOSED})"
    set_user: tuple[str, ...] = ()
    if settings.cookie:
        set_user = (
            f"http-request set-var({user}) req.cook({settings.cookie})",
            f"http-request set-var({user}) uuid() if !{{ var({user}) -m len gt 0 }}",
        )
    elif settings.header:
        set_user = (
            f"http-request set-var({user}) uuid()",
            f"http-request set-var({user}) req.fhdr({settings.header})",
        )
    drawn = f"var({user}),xxh32,mod(1000)" if set_user else "rand(1000)"
    own = f"req.fhdr({SYNTHETIC_HEADER}),sha2(256),hex,concat(|own),{looked_up}"
    tenants: tuple[str, ...] = ()
    if settings.tenants:
        tenants = (
            f"http-request set-var({to}) {drawn},concat({OTHERS}),{looked_up} unless {{ {own} -m found }}",
            f"http-request set-var({to}) req.fhdr({settings.tenants}),hex,concat({MEMBER}),{looked_up} "
            f"if {{ req.fhdr_cnt({settings.tenants}) eq 1 }}",
        )
    routes = (
        f"http-request set-var({to}) req.fhdr({header}),hex,concat(|{header.lower()}),{looked_up}"
        for header in settings.headers
    )
    return (
        *set_user,
        f"http-request set-var({to}) {drawn},{bucket}",
        *tenants,
        f"http-request set-var({to}) var({to}),concat({OWN}) if {{ {own} -m found }}",
        *routes,
        f"use_backend {name}-%[var({to})]",
    )


def uses_of_map(settings: Settings) -> int:
    """How often one frontend's lines use the map."""
    return sum(line.count(f"map({settings.map}") for line in lines_of(settings))


def include_of(settings: Settings, servers: Servers) -> str:
    """The file that Pilotage writes."""
    head = [
        f"# Written by Pilotage for {settings.name}, and written again at every change: edit pilotage.yaml instead.",
        "# The frontend that serves it has these lines, the last one with your own condition if it serves more:",
        *(f"#     {line}" for line in lines_of(settings)),
        "",
        f"backend {settings.marker}",
        "    mode http",
        "    http-request deny",
        "",
    ]
    return "\n".join(head) + "\n" + "".join(_backends(settings, servers))


def servers_in(text: str) -> dict[str, dict[tuple[str, int], str]]:
    """The servers of each slot that an included file names."""
    found: dict[str, dict[tuple[str, int], str]] = {}
    backend = ""
    for row in text.splitlines():
        words = row.split()
        if words[:1] == ["backend"] and len(words) == 2:
            backend = words[1]
        elif words[:1] == ["server"] and len(words) > 2 and (address := address_of(words[1])):
            slot = backend.rpartition("-")[2]
            if slot in SLOTS:
                found.setdefault(slot, {})[address] = words[2].rpartition(":")[0].strip("[]")
    return found


def union(one: Servers, other: Servers) -> dict[str, dict[tuple[str, int], str]]:
    """The servers of both."""
    return {slot: {**one.get(slot, {}), **other.get(slot, {})} for slot in {*one, *other}}


def page_of(settings: Settings) -> str:
    return settings.page or _MAINTENANCE


def backend_of(settings: Settings, slot: str, kind: str) -> str:
    return f"{settings.name}-{slot}{kind}"


def kinds_of(settings: Settings) -> tuple[str, ...]:
    """Which backends of a slot get servers."""
    return (USERS, *((TESTERS,) if settings.headers else ()), *((OWN,) if settings.synthetic else ()))


def _backends(settings: Settings, servers: Servers) -> Iterator[str]:
    page = (
        f'content-type "text/html; charset=utf-8" file {settings.html} hdr retry-after 120 hdr cache-control no-store'
    )
    yield _block(f"{settings.name}-{CLOSED}", ["mode http", f"http-request return status 503 {page}"])
    for slot in SLOTS:
        for kind in (USERS, TESTERS, OWN):
            served = servers.get(slot, {}) if kind in kinds_of(settings) else {}
            rows = [*_behaviour(settings, kind), f"http-error status 503 {page}"]
            rows += [_server(address, at, options_of(settings, kind)) for address, at in sorted(served.items())]
            yield _block(backend_of(settings, slot, kind), rows)


def _behaviour(settings: Settings, kind: str) -> Iterator[str]:
    """Every setting that somebody's `defaults` might have turned the wrong way is said."""
    yield "mode http"
    yield f"balance {settings.balance}"
    # An old state file would put servers into maintenance, or give them another port.
    yield "load-server-state-from-file none"
    # It takes the place of an inherited check of a path.
    yield "option tcp-check"
    yield "option redispatch 1"
    yield "retries 3"
    if settings.retry_idempotent:
        yield "retry-on conn-failure empty-response"
        yield f"http-request disable-l7-retry unless {{ method {_RETRIED} }}"
    else:
        yield "retry-on conn-failure"
    if settings.request_timeout is not None:
        yield f"timeout server {round(settings.request_timeout * 1000)}ms"
    if kind == OWN:
        yield f"http-request set-header {SYNTHETIC_HEADER} 1"
    else:
        yield f"http-request del-header {SYNTHETIC_HEADER}"
    if settings.cookie and kind == USERS:
        user = f"txn.{_variable(settings.name)}_user"
        new = f"txn.{_variable(settings.name)}_new"
        yield f"http-request set-var({new}) bool(true) unless {{ req.cook({settings.cookie}) -m len gt 0 }}"
        yield (
            f'http-response add-header Set-Cookie "{settings.cookie}=%[var({user})]; Path=/; Max-Age={_COOKIE_TTL}; '
            f'HttpOnly; SameSite=Lax" if {{ var({new}) -m found }}'
        )


def options_of(settings: Settings, kind: str) -> str:
    """Of a server, in the file and when it is added while HAProxy runs."""
    return " ".join([*(["proto h2"] if settings.http2 else []), *([CHECK] if kind == USERS else [])])


def _server(address: tuple[str, int], at: str, options: str) -> str:
    return f"server {name_of(address)} {show_host(at)}:{address[1]} {options}".rstrip()


def _block(name: str, rows: Sequence[str]) -> str:
    return f"backend {name}\n" + "".join(f"    {row}\n" for row in rows) + "\n"


def _variable(name: str) -> str:
    """A name as variables may be called."""
    return name.replace("-", "_")
