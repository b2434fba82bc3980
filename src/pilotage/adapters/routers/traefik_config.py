"""What a split means to Traefik: one dynamic configuration, which Traefik takes up as a whole.

Users are kept on their version by *buckets*: a cookie of Traefik's own pins each user to one of a thousand services,
and each of these leads to a version. A weight is the number of buckets that lead to a version, so a user changes
versions only with the bucket, and a larger weight only adds users. Pure: data in, data out; `traefik_read_back` says
what such a configuration means.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pilotage.adapters.envoy_admin import cluster_of, version_of
from pilotage.adapters.own_requests import SYNTHETIC_HEADER
from pilotage.adapters.ports import Backends
from pilotage.adapters.routers.envoy_routes import HEALTH_HEADER
from pilotage.adapters.strata import SYNTHETIC, TESTERS
from pilotage.model.address import show_host
from pilotage.model.json import Json, JsonObject
from pilotage.model.traffic import WHOLE, Split, artifact_of

USERS, CLOSED, MIRRORING, MIRRORED, NOTHING, BUCKET = "users", "closed", "mirroring", "mirrored", "nothing", "bucket"
OF = "#"
"""Between the name of a version's service and the address of an instance."""
_COOKIE_TTL = 30 * 86400
_ATTEMPTS = 4
_IDLE = "1500ms"
"""How long a connection to an instance is kept without a request: whoever closes first loses no request."""
_LARGEST_COPY = 64 * 1024
"""Bytes of a request's body up to which it is mirrored. Traefik reserves them for every request."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What stays the same whatever the split.

    prefix: of everything that is ours · rule: of the requests that are the service's · entry_points: of Traefik's, all
    if empty · priority: of the users' router, 0 for the length of the rule, as Traefik counts it · middlewares: of
    somebody else, run first · tls: of the routers, None for plain HTTP · cookie: keeps users on their version, empty
    for none · request_timeout: seconds until a response begins, 0 for none · version_header: response header with the
    version · page: address of a page for users while the service is closed · health: path of a load balancer's
    question, if the router answers it itself · http2: instances speak HTTP/2 without TLS · retry_idempotent: requests
    that may be made twice are, also when an instance dies under them.
    """

    prefix: str = "pilotage"
    rule: str = "PathPrefix(`/`)"
    entry_points: tuple[str, ...] = ()
    priority: int = 0
    middlewares: tuple[str, ...] = ()
    tls: JsonObject | None = None
    cookie: str = ""
    request_timeout: float = 60.0
    version_header: str = ""
    page: str = ""
    health: str = ""
    http2: bool = False
    retry_idempotent: bool = False

    def named(self, what: str) -> str:
        """The name of something of ours."""
        return f"{self.prefix}.{what}"

    def version(self, version: str, stratum: str = "") -> str:
        """The name of a version's service for one stratum of its traffic."""
        return self.named(cluster_of(version, stratum))


def version_in(service: str) -> str | None:
    """The version of a service of ours, as a whole or of one instance; None for any other."""
    return version_of(service.partition(OF)[0])


def configuration(settings: Settings, split: Split, backends: Backends, token: str) -> JsonObject:
    """The whole of what is ours. token: header value of synthetic requests; empty if they are not told apart."""
    middlewares = _middlewares(settings, {*backends, *_versions_of(split)})
    return {
        "http": {
            "routers": dict(_routers(settings, split, token, "page" in middlewares)),
            "services": {settings.named(name): found for name, found in _services(settings, split, backends, token)},
            "middlewares": {settings.named(name): found for name, found in middlewares.items()},
            "serversTransports": {settings.named("instances"): _transport(settings)},
        }
    }


def text_of(configured: JsonObject) -> bytes:
    """As a file. Traefik reads files as templates: nothing in it may look like one."""
    text = json.dumps(configured, sort_keys=True, ensure_ascii=False)
    return text.replace("{{", "{\\u007b").encode()


def header_is(name: str, value: str) -> str:
    """The matcher of a header, as Traefik's rules are written: strings are those of Go."""
    return f"Header({_quoted(name)}, {_quoted(value)})"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


# ── routers ────────────────────────────────────────────────────────────────────────────────────────────────


def _routers(settings: Settings, split: Split, token: str, has_page: bool) -> Iterable[tuple[str, JsonObject]]:
    """Every router with its full name: requests of Pilotage's own go first, then those of testers, then all users'."""
    base = settings.priority or len(settings.rule)
    common: dict[str, Json] = {}
    if settings.entry_points:
        common["entryPoints"] = list(settings.entry_points)
    if settings.tls is not None:
        common["tls"] = settings.tls

    def router(service: str, middlewares: Iterable[str], above: int = 0, also: str = "") -> JsonObject:
        rule = f"({settings.rule}) && {also}" if also else settings.rule
        own = [settings.named(name) for name in middlewares]
        return {**common, "rule": rule, "priority": base + above, "service": service,
                "middlewares": [*settings.middlewares, *own]}  # fmt: skip

    for index, route in enumerate(split.header_routes):
        name = settings.named(f"{TESTERS}-{index}")
        to = settings.version(route.version, TESTERS)
        yield name, router(to, ("no-token", "retry"), 2, header_is(route.header, route.value))
    if split.closed:
        middlewares = ("closed", "page") if has_page else ("closed",)
        yield settings.named(USERS), router(settings.named(CLOSED), middlewares)
        if settings.health:
            asked = f"Path({_quoted(settings.health)}) && HeaderRegexp({_quoted(HEALTH_HEADER)}, `.*`)"
            yield settings.named("health"), router("ping@internal", (), 4, asked)
        return
    if token:
        own = header_is(SYNTHETIC_HEADER, token)
        yield settings.named(SYNTHETIC), router(settings.named(SYNTHETIC), ("token", "retry"), 3, own)
    service = settings.named(MIRRORING if split.mirror else USERS)
    yield settings.named(USERS), router(service, ("no-token", "retry"))


def _middlewares(settings: Settings, versions: Iterable[str]) -> dict[str, JsonObject]:
    # Another instance is tried where the first cannot have seen the request. With a status, Traefik makes requests
    # with idempotent methods again also where an instance died over them, which it answers with 502.
    retry: dict[str, Json] = {"attempts": _ATTEMPTS, "initialInterval": "20ms"}
    if settings.retry_idempotent:
        retry |= {"status": ["502"], "maxRequestBodyBytes": _LARGEST_COPY}
    found: dict[str, JsonObject] = {
        "retry": {"retry": retry},
        "token": {"headers": {"customRequestHeaders": {SYNTHETIC_HEADER: "1"}}},
        "no-token": {"headers": {"customRequestHeaders": {SYNTHETIC_HEADER: ""}}},
        "closed": {"headers": {"customResponseHeaders": {"retry-after": "120", "cache-control": "no-store"}}},
    }
    if settings.page:
        path = "/" + settings.page.partition("://")[2].partition("/")[2]
        found["page"] = {"errors": {"status": ["503"], "service": settings.named("page"), "query": path}}
    if settings.version_header:
        for version in versions:
            named = {settings.version_header: artifact_of(version)}
            found[f"name-{cluster_of(version)}"] = {"headers": {"customResponseHeaders": named}}
    return found


# ── services ───────────────────────────────────────────────────────────────────────────────────────────────


def _services(settings: Settings, split: Split, backends: Backends, token: str) -> Iterable[tuple[str, JsonObject]]:
    versions = sorted({*backends, *_versions_of(split)})
    for version in versions:
        yield from _instances(settings, version, "", backends)
    for version in {route.version for route in split.header_routes}:
        yield from _instances(settings, version, TESTERS, backends)
    yield USERS, _users(settings, split)
    if settings.cookie:
        for bucket, version in enumerate(_by_bucket(split)):
            # Mirrored to nowhere: the shortest service that only leads to another one.
            yield f"{BUCKET}-{bucket}", {"mirroring": {"service": settings.version(version)}}
    if token:
        for version, _ in split.weights:
            yield from _instances(settings, version, SYNTHETIC, backends)
        yield SYNTHETIC, _weighted([(settings.version(v, SYNTHETIC), weight) for v, weight in split.weights])
    if split.mirror:
        yield MIRRORING, _mirroring(settings)
        shares = [(settings.version(split.mirror.version), split.mirror.share)]
        shares.append((settings.named(NOTHING), WHOLE - split.mirror.share))
        yield MIRRORED, _weighted([(name, share) for name, share in shares if share])
        yield NOTHING, {"loadBalancer": {"servers": []}}
    # Traefik answers 503 for a service without servers.
    yield CLOSED, {"loadBalancer": {"servers": []}}
    if settings.page:
        scheme, _, rest = settings.page.partition("://")
        yield "page", {"loadBalancer": {"servers": [{"url": f"{scheme}://{rest.partition('/')[0]}"}]}}


def _instances(settings: Settings, version: str, stratum: str, backends: Backends) -> Iterable[tuple[str, JsonObject]]:
    """The service of a version, and one for each of its instances, because Traefik counts requests by service."""
    cluster, scheme = cluster_of(version, stratum), "h2c" if settings.http2 else "http"
    children = []
    for host, port in backends.get(version, ()):
        address = f"{show_host(host)}:{port}"
        children.append((settings.named(f"{cluster}{OF}{address}"), 1))
        servers = [{"url": f"{scheme}://{address}"}]
        one: JsonObject = {"servers": servers, "serversTransport": settings.named("instances")}
        yield f"{cluster}{OF}{address}", {"loadBalancer": one}
    named: JsonObject = {"middlewares": [settings.named(f"name-{cluster_of(version)}")]}
    whole: JsonObject = _weighted(children) if children else {"loadBalancer": {"servers": []}}
    yield cluster, {**whole, **(named if settings.version_header else {})}


def _users(settings: Settings, split: Split) -> JsonObject:
    if not settings.cookie:
        return _weighted([(settings.version(version), weight) for version, weight in split.weights])
    cookie: JsonObject = {
        "name": settings.cookie, "httpOnly": True, "sameSite": "lax", "maxAge": _COOKIE_TTL,
        **({"secure": True} if settings.tls is not None else {}),
    }  # fmt: skip
    buckets: list[Json] = [{"name": settings.named(f"{BUCKET}-{bucket}")} for bucket in range(WHOLE)]
    return {"weighted": {"services": buckets, "sticky": {"cookie": cookie}}}


def _by_bucket(split: Split) -> list[str]:
    """The version of each bucket. The version that grows stands first in a split, so that it keeps its buckets."""
    return [version for version, weight in split.weights for _ in range(weight)]


def _mirroring(settings: Settings) -> JsonObject:
    # Traefik mirrors whole per cents of requests; a split of its own behind the mirror knows per mille.
    mirrors: Sequence[Json] = [{"name": settings.named(MIRRORED), "percent": 100}]
    return {
        "mirroring": {"service": settings.named(USERS), "maxBodySize": _LARGEST_COPY, "mirrors": mirrors},
    }


def _weighted(shares: Iterable[tuple[str, int]]) -> dict[str, Json]:
    return {"weighted": {"services": [{"name": name, "weight": weight} for name, weight in shares]}}


def _transport(settings: Settings) -> JsonObject:
    limits: dict[str, Json] = {"dialTimeout": "3s", "idleConnTimeout": _IDLE}
    if settings.request_timeout:
        limits["responseHeaderTimeout"] = f"{settings.request_timeout:g}s"
    return {"forwardingTimeouts": limits}


def _versions_of(split: Split) -> set[str]:
    named = {version for version, _ in split.weights} | {route.version for route in split.header_routes}
    return named | ({split.mirror.version} if split.mirror else set())
