"""Cloudflare Load Balancing as its API is documented, and an edge that forwards real requests by what the API was told.

The server keeps state and checks every request: route, method, token and its permissions, content type, and each
property with its type and range. Answers have Cloudflare's envelope, codes and headers. What it knows of Cloudflare
comes from the published OpenAPI document, the documentation, and error answers that people reported.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import http.client
import ipaddress
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import unquote

from .cloudflare_schema import BALANCER, POOL, Object, Refusal, checked

ACCOUNT, ZONE, NETWORK = "a" * 32, "b" * 32, "11111111-2222-4333-8444-555555555555"
TOKEN = "cf-token-of-the-tests"
POOLS_READ, POOLS_EDIT, BALANCERS_READ, BALANCERS_EDIT = "pools:read", "pools:edit", "lb:read", "lb:edit"
ALL = frozenset({POOLS_READ, POOLS_EDIT, BALANCERS_READ, BALANCERS_EDIT})
NAME = "shop.example.org"


# ── the API ────────────────────────────────────────────────────────────────────────────────────────────────


class Cloudflare:
    """tokens: permissions of each · status: of every token · refuse: statuses to answer the next calls with ·
    loses_answers: whether these calls are done all the same · slow: seconds before each answer · asked: method and path
    of every call · health: what data centers find of a pool, None for not checked yet; pools without an entry are
    healthy · propagation: seconds until the edge knows a change · after: called when a call was answered · ignore:
    properties that a change does not reach."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.tokens: dict[str, frozenset[str]] = {TOKEN: ALL}
        self.status = "active"
        self.pools: dict[str, Object] = {}
        self.balancers: dict[str, Object] = {}
        self.health: dict[str, bool | None] = {}
        self.refuse: list[int] = []
        self.loses_answers = False
        self.blocked_until = 0.0
        self.slow = self.propagation = 0.0
        self.asked: list[str] = []
        self.ignore: tuple[str, ...] = ()
        self.after: Callable[[str], None] = lambda _: None
        self.rules_allowed = 1
        self._numbers = count(1)
        self._known: tuple[float, Object, dict[str, Object]] = (0.0, {}, {})
        self.counts: Counter[tuple[str, bool]] = Counter()
        self.api = _serve(_Api, self)
        self.edge = _serve(_Edge, self)
        theirs = self.create_pool({"name": "theirs", "origins": [self.origin("9.9.9.9", 80)]})
        self.theirs = str(theirs["id"])
        self.create_balancer(
            {
                "name": NAME, "description": "made by ops", "ttl": 30, "proxied": True, "enabled": True,
                "default_pools": [self.theirs], "fallback_pool": self.theirs, "steering_policy": "off",
                "session_affinity": "none", "adaptive_routing": {"failover_across_pools": False},
            }
        )  # fmt: skip

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.api.server_address[1]}/client/v4"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.edge.server_address[1]}"

    @property
    def balancer(self) -> Object:
        return next(one for one in self.balancers.values() if one["name"] == NAME)

    def origin(self, address: str, port: int) -> Object:
        return {"name": f"{address}:{port}", "address": address, "port": port, "enabled": True, "weight": 1}

    def section(self, **more: Any) -> Object:
        """A router's section that reaches this server."""
        return {
            "kind": "cloudflare", "load_balancer": NAME, "zone": ZONE, "account": ACCOUNT, "api": self.base,
            "token": "secret://env/CLOUDFLARE_TOKEN", "url": self.url, "virtual_network": NETWORK, "propagation": 0,
            **more,
        }  # fmt: skip

    def edit(self, **properties: Any) -> None:
        """Somebody changes the load balancer in the dashboard."""
        with self.lock:
            self.balancer.update(properties)
            self._touch(self.balancer)

    def throttle(self, seconds: float) -> None:
        """Block the token, as after too many calls."""
        self.blocked_until = time.monotonic() + seconds

    def weights(self) -> dict[str, float]:
        """By version, as the load balancer has them."""
        given = self.balancer.get("random_steering", {}).get("pool_weights", {})
        return {version_of(self.pools[pool]): given.get(pool, 1) for pool in self.balancer["default_pools"]}

    def totals(self) -> Object:
        versions = {version for version, _ in self.counts}
        return {
            "started": "once",
            "totals": {
                version: {
                    "requests": self.counts[version, False] + self.counts[version, True],
                    "errors": self.counts[version, True],
                }
                for version in versions
            },
        }

    def end(self) -> None:
        for server in (self.api, self.edge):
            server.shutdown()
            server.server_close()

    # ── what calls do ──

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Any:
        """The result of a call. Raises Refusal."""
        self.asked.append(f"{method} {path}")
        if self.slow:
            time.sleep(self.slow)
        granted = self._authenticated(headers)
        with self.lock:
            if (left := self.blocked_until - time.monotonic()) > 0:
                told = {"retry-after": f"{int(left) + 1}", "ratelimit": f'"default";r=0;t={int(left) + 1}'}
                raise Refusal(429, 971, "Please wait and consider throttling your request speed", **told)
            status = self.refuse.pop(0) if self.refuse else 200
            if status != 200 and not self.loses_answers:
                raise Refusal(status, 10_001, "service unavailable")
            content = self._content(method, headers, body)
            result = self._routed(method, path, granted, content)
            if status != 200:
                raise Refusal(status, 10_001, "service unavailable")
            return result

    def _authenticated(self, headers: Mapping[str, str]) -> frozenset[str]:
        given = headers.get("authorization", "")
        if not re.fullmatch(r"Bearer [A-Za-z0-9_-]+", given):
            raise Refusal(400, 6003, "Invalid request headers")
        if (token := given.removeprefix("Bearer ")) not in self.tokens:
            raise Refusal(401, 1000, "Invalid API Token")
        return self.tokens[token]

    def _content(self, method: str, headers: Mapping[str, str], body: bytes) -> Any:
        if method not in ("POST", "PUT", "PATCH"):
            return None
        if headers.get("content-type", "").partition(";")[0] != "application/json":
            raise Refusal(415, 10_002, "Content-Type must be application/json")
        try:
            return json.loads(body)
        except ValueError:
            raise Refusal(400, 1002, "malformed JSON") from None

    def _routed(self, method: str, path: str, granted: frozenset[str], content: Any) -> Any:
        if path == "/user/tokens/verify" and method == "GET":
            return {"id": "c" * 32, "status": self.status}
        if found := re.fullmatch(rf"/zones/{ZONE}/load_balancers(?:/([0-9a-f]{{32}}))?", path):
            _allowed(granted, BALANCERS_READ if method == "GET" else BALANCERS_EDIT)
            return self._of_balancers(method, found[1], content)
        if found := re.fullmatch(rf"/accounts/{ACCOUNT}/load_balancers/pools(?:/([0-9a-f]{{32}})(/health)?)?", path):
            _allowed(granted, POOLS_READ if method == "GET" else POOLS_EDIT)
            return self._of_pools(method, found[1], found[2] or "", content)
        raise Refusal(404, 7003, f"Could not route to {path}, perhaps your object identifier is invalid?")

    def _of_balancers(self, method: str, identity: str | None, content: Any) -> Any:
        match method, identity:
            case "GET", None:
                return list(self.balancers.values())
            case "POST", None:
                return self.create_balancer(content)
        found = self.balancers.get(identity or "")
        if found is None:
            raise Refusal(404, 1001, "load balancer not found")
        match method:
            case "GET":
                return found
            case "PATCH":
                changed = {**found, **checked(content, BALANCER)}
                self._consistent(changed)
                self._remember_for_edge()
                found.update({name: value for name, value in content.items() if name not in self.ignore})
                return self._touch(found)
            case "DELETE":
                del self.balancers[found["id"]]
                return {"id": found["id"]}
        raise Refusal(405, 10_405, "Method not allowed for this authentication scheme")

    def _of_pools(self, method: str, identity: str | None, more: str, content: Any) -> Any:
        match method, identity:
            case "GET", None:
                return list(self.pools.values())
            case "POST", None:
                return self.create_pool(content)
        found = self.pools.get(identity or "")
        if found is None:
            raise Refusal(404, 1001, "pool not found")
        match method, more:
            case "GET", "/health":
                return self._health(found)
            case "GET", "":
                return found
            case "PATCH", "":
                checked(content, POOL)
                self._refuse_unreachable(content.get("origins", []))
                self._refuse_taken(content.get("name"), found["id"])
                self._remember_for_edge()
                found.update({**content, **self._disabled(found, content)})
                return self._touch(found)
            case "DELETE", "":
                if any(found["id"] in _pools_in(one) for one in self.balancers.values()):
                    raise Refusal(412, 1005, "This object is referenced by other objects, delete them first.")
                self._remember_for_edge()
                return {"id": self.pools.pop(found["id"])["id"]}
        raise Refusal(405, 10_405, "Method not allowed for this authentication scheme")

    def create_pool(self, content: Any) -> Object:
        checked(content, POOL)
        if "name" not in content or "origins" not in content:
            raise Refusal(400, 1002, "validation failed: name and origins are required")
        self._refuse_unreachable(content["origins"])
        self._refuse_taken(content["name"], "")
        whole = {"enabled": True, "minimum_origins": 1, "monitor": None, "description": "", **content}
        pool = self._touch({"id": self._new_id(), "created_on": _now(), **whole})
        self._remember_for_edge()
        self.pools[pool["id"]] = pool
        return pool

    def create_balancer(self, content: Any) -> Object:
        checked(content, BALANCER)
        self._consistent(content)
        balancer = self._touch({"id": self._new_id(), "created_on": _now(), **content})
        self.balancers[balancer["id"]] = balancer
        return balancer

    def _consistent(self, balancer: Object) -> None:
        if missing := _pools_in(balancer) - set(self.pools):
            raise Refusal(400, 1002, f"pool {min(missing)} not found: validation failed")
        if len(balancer.get("rules", [])) > self.rules_allowed:
            raise Refusal(403, 1006, "your plan allows one rule for each load balancer")

    def _refuse_taken(self, name: str | None, mine: str) -> None:
        if name is not None and any(pool["name"] == name and pool["id"] != mine for pool in self.pools.values()):
            raise Refusal(400, 1003, "value not unique")

    def _refuse_unreachable(self, origins: list[Object]) -> None:
        for origin in origins:
            with contextlib.suppress(ValueError):
                address = ipaddress.ip_address(origin["address"])
                if (address.is_loopback or address.is_private) and not origin.get("virtual_network_id"):
                    raise Refusal(400, 1002, "validation failed: virtual_network_id is required for this address")

    def _disabled(self, before: Object, content: Object) -> Object:
        """Since when an origin is disabled is Cloudflare's to say."""
        if "origins" not in content:
            return {}
        since = {(one["address"], one.get("port")): one.get("disabled_at") for one in before["origins"]}
        whole = []
        for one in content["origins"]:
            off = one.get("enabled") is False
            at = since.get((one["address"], one.get("port"))) or _now()
            whole.append({**one, "disabled_at": at} if off else one)
        return {"origins": whole}

    def _health(self, pool: Object) -> Object:
        seen = self.health.get(pool["id"], True)
        if seen is None or not pool["monitor"]:
            return {"pool_id": pool["id"], "pop_health": {}}
        told = {"healthy": seen, "failure_reason": "No failure" if seen else "TCP connection failed",
                "response_code": 200 if seen else 0, "rtt": "12.1ms"}  # fmt: skip
        origins = [{one["address"]: told} for one in pool["origins"]]
        return {"pool_id": pool["id"], "pop_health": {"Amsterdam, NL": {"healthy": seen, "origins": origins}}}

    def _touch(self, found: Object) -> Object:
        found["modified_on"] = _now()
        return found

    def _new_id(self) -> str:
        return f"{next(self._numbers):032x}"

    # ── what the edge does ──

    def _remember_for_edge(self) -> None:
        """Data centers that have not heard of a change go on as before."""
        if self.propagation and self.balancers:
            self._known = (time.monotonic(), copy.deepcopy(self.balancer), copy.deepcopy(self.pools))

    def seen_by_edge(self) -> tuple[Object, dict[str, Object]]:
        with self.lock:
            at, balancer, pools = self._known
            if self.propagation and time.monotonic() - at < self.propagation:
                return balancer, pools
            return copy.deepcopy(self.balancer), copy.deepcopy(self.pools)

    def choose(self, cookie: str) -> tuple[Object, list[Object], str] | Object:
        """The pool, its origins in the order in which to try them, and a new cookie (empty where the user has a valid
        one); or a fixed response."""
        balancer, pools = self.seen_by_edge()
        for rule in balancer.get("rules", []):
            if not rule.get("disabled") and rule.get("condition", "") == "" and "fixed_response" in rule:
                return dict(rule["fixed_response"])
        drain = balancer.get("session_affinity_attributes", {}).get("drain_duration", 0)
        if balancer["session_affinity"] == "cookie" and (kept := self._kept(cookie, balancer, pools, drain)):
            return (*kept, "")
        pool = self._pool(balancer, pools)
        on = [one for one in pool["origins"] if one.get("enabled", True) and one.get("weight", 1) > 0]
        if not on:
            return {"status_code": 530, "message_body": "no origin"}
        first = random.choices(on, [one.get("weight", 1) for one in on])[0]
        given = _cookie(pool, first) if balancer["session_affinity"] == "cookie" else ""
        return pool, [first, *(one for one in on if one is not first)], given

    def _kept(
        self, cookie: str, balancer: Object, pools: dict[str, Object], drain: float
    ) -> tuple[Object, list[Object]] | None:
        for identity in balancer["default_pools"]:
            pool = pools[identity]
            if not self._is_up(pool):
                continue
            for one in pool["origins"]:
                since = datetime.fromisoformat(one["disabled_at"]).timestamp() if one.get("disabled_at") else 0.0
                if _cookie(pool, one) == cookie and (one.get("enabled", True) or since + drain > time.time()):
                    return pool, [one, *(other for other in pool["origins"] if other is not one)]
        return None

    def _pool(self, balancer: Object, pools: dict[str, Object]) -> Object:
        up = [pools[one] for one in balancer["default_pools"] if self._is_up(pools[one])]
        steering = balancer.get("random_steering", {})
        if balancer["steering_policy"] == "random" and up:
            default = steering.get("default_weight", 1)
            weights = [steering.get("pool_weights", {}).get(pool["id"], default) for pool in up]
            return random.choices(up, weights)[0] if sum(weights) else pools[balancer["fallback_pool"]]
        return up[0] if up else pools[balancer["fallback_pool"]]

    def _is_up(self, pool: Object) -> bool:
        return pool["enabled"] and (not pool["monitor"] or self.health.get(pool["id"], True) is True)


def version_of(pool: Object) -> str:
    """The version that a pool of Pilotage's serves."""
    return unquote(str(pool["description"]).rpartition(": ")[2]) or str(pool["name"])


def _pools_in(balancer: Object) -> set[str]:
    steering = balancer.get("random_steering", {}).get("pool_weights", {})
    more = [
        one for name in ("region_pools", "country_pools") for found in balancer.get(name, {}).values() for one in found
    ]
    return {balancer["fallback_pool"], *balancer["default_pools"], *steering, *more}


def _allowed(granted: frozenset[str], wanted: str) -> None:
    if wanted not in granted and wanted.replace(":read", ":edit") not in granted:
        raise Refusal(403, 10_000, "Authentication error")


def _cookie(pool: Object, origin: Object) -> str:
    what = f"{pool['id']} {origin['address']} {origin.get('port', 0)}"
    return base64.urlsafe_b64encode(what.encode()).decode().rstrip("=")


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _serve(handler: type[BaseHTTPRequestHandler], cloudflare: Cloudflare) -> ThreadingHTTPServer:
    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), type("Handler", (handler,), {"cloudflare": cloudflare}))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    cloudflare: Cloudflare

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Api(_Handler):
    def do_GET(self) -> None:
        path, body = self.path.partition("?")[0], self.body()
        if path == "/totals":  # Not Cloudflare's: what a source of counts of the tests asks.
            self.reply(200, json.dumps(self.cloudflare.totals()).encode(), {})
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        envelope: Object = {"success": True, "errors": [], "messages": []}
        status, more = 200, {"ratelimit": '"default";r=1100;t=30', "ratelimit-policy": '"default";q=1200;w=300'}
        try:
            if not path.startswith("/client/v4/"):
                raise Refusal(404, 7000, "No route for that URI")
            result = self.cloudflare.answer(self.command, path.removeprefix("/client/v4"), headers, body)
            if isinstance(result, list):
                total = len(result)
                envelope["result_info"] = {
                    "page": 1,
                    "per_page": 1000,
                    "count": total,
                    "total_count": total,
                    "total_pages": 1,
                }
            envelope["result"] = result
        except Refusal as refused:
            errors = [{"code": refused.code, "message": refused.message}]
            status, envelope = refused.status, {"success": False, "errors": errors, "messages": [], "result": None}
            more = {**more, **refused.headers}
        with contextlib.suppress(ConnectionError):
            self.reply(status, json.dumps(envelope).encode(), {"Content-Type": "application/json", **more})
        self.cloudflare.after(f"{self.command} {path}")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815


class _Edge(_Handler):
    def do_GET(self) -> None:
        body = self.body()
        found = re.search(r"(?:^|;\s*)__cflb=([^;]*)", self.headers.get("Cookie", ""))
        chosen = self.cloudflare.choose(found[1] if found else "")
        if isinstance(chosen, dict):
            page = str(chosen.get("message_body", "")).encode()
            self.reply(chosen["status_code"], page, {"Content-Type": chosen.get("content_type", "text/plain")})
            return
        pool, origins, cookie = chosen
        status, headers, answered = self._forwarded(origins[:2], body)
        self.cloudflare.counts[version_of(pool), status >= 500] += 1
        if cookie:
            headers["Set-Cookie"] = f"__cflb={cookie}; SameSite=Lax; path=/; HttpOnly"
        with contextlib.suppress(ConnectionError):
            self.reply(status, answered, headers)

    def _forwarded(self, origins: list[Object], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """From the first that takes a connection: an origin that refuses it is 521, and retried once elsewhere."""
        kept = {name: value for name, value in self.headers.items() if name.lower() not in ("connection", "host")}
        for origin in origins:
            kept["Host"] = origin.get("header", {}).get("Host", [self.headers.get("Host", "")])[0]
            connection = http.client.HTTPConnection(origin["address"], origin["port"], timeout=30)
            try:
                connection.connect()
            except OSError:
                continue
            try:
                connection.request(self.command, self.path, body, {**kept, "Connection": "close"})
                answer = connection.getresponse()
                hop = ("connection", "content-length", "transfer-encoding", "keep-alive")
                headers = {name: value for name, value in answer.getheaders() if name.lower() not in hop}
                return answer.status, headers, answer.read()
            except (OSError, http.client.HTTPException):
                return 520, {}, b"the origin answered nothing"
            finally:
                connection.close()
        return 521, {}, b"web server is down"

    do_POST = do_PUT = do_HEAD = do_DELETE = do_GET  # noqa: N815


@contextlib.contextmanager
def cloudflare_running(kind: type[Cloudflare] = Cloudflare) -> Iterator[Cloudflare]:
    server = kind()
    try:
        yield server
    finally:
        server.end()
