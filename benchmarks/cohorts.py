"""What a cohort costs: 5,000 tenants who get a version, everybody else the other one.

`python benchmarks/cohorts.py [--members 5000] [--requests 4000] [--only NAME]`. First each router through Pilotage's
adapter: time from `apply` until the last member is answered by the new version, processor time of one `read`, latency
and the router's processor time per request, with a split by weights and then with the cohort. Then Envoy alone, with
the same members said in other ways: a route for each tenant, as a gateway's or mesh's API would have it, one regular
expression, Envoy's own tree of matchers, and Lua in a filter. Client, router and service share this machine.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from pilotage.adapters.envoy_admin import envoy_program
from pilotage.adapters.fence import Fence
from pilotage.adapters.free_port import free_port
from pilotage.adapters.ports import Router
from pilotage.adapters.routers.envoy import EnvoyRouter
from pilotage.adapters.routers.envoy_cohort import divided
from pilotage.adapters.routers.envoy_resources import TYPE, Settings, Sticky
from pilotage.model.json import JsonObject
from pilotage.model.traffic import Split, split_between
from pilotage.testing import Version
from pilotage.testing.contracts.router_cohorts import TENANT, with_cohort

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
"""Where the tests lie, which know how people run an HAProxy and an nginx."""
NEW, OLD = "new", "old"
_LONGEST = 60.0


class Client:
    """One connection that is kept open."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, tenant: str) -> str:
        self._socket.sendall(f"GET / HTTP/1.1\r\nHost: x\r\nCookie: session=u\r\n{TENANT}: {tenant}\r\n\r\n".encode())
        heard = b""
        while not (found := re.search(rb"(?i)content-length: *(\d+).*?\r\n\r\n(.*)", heard, re.S)) or (
            len(found[2]) < int(found[1])
        ):
            if not (chunk := self._socket.recv(1 << 16)):
                raise ConnectionError("closed")
            heard += chunk
        return found[2].decode()

    def close(self) -> None:
        self._socket.close()


def names(count: int) -> list[str]:
    return [f"tenant-{index * 7919 % 1000003:06}.example.org" for index in range(count)]


def measured(client: Client, members: Sequence[str], requests: int, cpu: Callable[[], float]) -> tuple[float, ...]:
    """Median and 99th percentile of the latency, and processor time per request, in µs: members and others in turn."""
    took, before = [], cpu()
    for turn in range(requests):
        tenant = members[turn * 31 % len(members)] if turn % 2 else f"stranger-{turn}"
        start = time.perf_counter()
        client.ask(tenant)
        took.append(time.perf_counter() - start)
    used = cpu() - before
    return (
        *(1e6 * one for one in (statistics.median(took), sorted(took)[requests * 99 // 100])),
        1e6 * used / requests,
    )


def until_answered(port: int, tenant: str, wanted: str) -> None:
    """A connection of its own for each try: an old one may stay with an old worker."""
    until = time.monotonic() + _LONGEST
    while time.monotonic() < until:
        try:
            with closing(Client(port)) as client:
                if client.ask(tenant) == wanted:
                    return
        except OSError:
            pass
        time.sleep(0.005)
    raise TimeoutError


# ── routers through their adapters ─────────────────────────────────────────────────────────────────────────


def _serve(name: str, told: Connection) -> None:
    version = Version(name)
    told.send(version.address)
    told.recv()


@contextmanager
def services() -> Iterator[tuple[dict[str, list[tuple[str, int]]], set[int]]]:
    """Both versions in processes of their own, and which these are."""
    started, backends = [], {}
    for name in (OLD, NEW):
        here, there = multiprocessing.Pipe()
        process = multiprocessing.Process(target=_serve, args=(name, there), daemon=True)
        process.start()
        started.append(process)
        backends[name] = [here.recv()]
    try:
        yield backends, {process.pid or 0 for process in started}
    finally:
        for process in started:
            process.terminate()


@contextmanager
def envoy(place: Path) -> Iterator[tuple[Router, int]]:
    settings = Settings(("127.0.0.1", free_port()), Sticky(cookie="session"))
    router = EnvoyRouter(place / "router", Fence(place / "fence.json", 1), settings)
    yield router, settings.listen[1]
    router.stop()


@contextmanager
def haproxy(place: Path) -> Iterator[tuple[Router, int]]:
    from tests.contract.haproxy import haproxy_in

    with haproxy_in(place, synthetic=False) as under_test:
        yield under_test.router, under_test.operated.port


@contextmanager
def nginx(place: Path) -> Iterator[tuple[Router, int]]:
    from tests.contract.test_nginx_router import NginxUnderTest

    under_test = NginxUnderTest(place, "lua")
    try:
        yield under_test.router, int(under_test.url.rpartition(":")[2])
    finally:
        under_test.nginx.kill()


ROUTERS = {"envoy": envoy, "haproxy": haproxy, "nginx": nginx}


def of_router(name: str, members: Sequence[str], requests: int) -> None:
    with tempfile.TemporaryDirectory() as place, services() as (backends, others), ROUTERS[name](Path(place)) as at:
        router, port = at
        router.apply(split_between(NEW, 500, OLD), backends)
        router.apply(split_between(NEW, 0, OLD), backends)
        until_answered(port, members[-1], OLD)
        us = psutil.Process()

        def cpu() -> float:
            processes = [one for one in us.children(recursive=True) if one.pid not in others]
            return sum(sum(one.cpu_times()[:2]) for one in processes)

        with closing(Client(port)) as client:
            plain = measured(client, members, requests, cpu)
        wanted: Split = with_cohort(split_between(NEW, 120, OLD), members)
        start = time.monotonic()
        router.apply(wanted, backends)
        applied = time.monotonic()
        until_answered(port, members[-1], NEW)
        effect = time.monotonic()
        while router.read() != wanted:
            time.sleep(0.005)
        before, reading = cpu(), time.process_time()
        for _ in range(20):
            router.read()
        read, read_cpu = (time.process_time() - reading) / 20, (cpu() - before) / 20
        with closing(Client(port)) as client:
            inside = measured(client, members, requests, cpu)
        _row(
            name,
            f"{1000 * (effect - start):.0f} ms ({1000 * (applied - start):.0f} in apply)",
            f"{1000 * read:.1f} ms, of the router {1000 * read_cpu:.1f} ms",
            *(f"{one:.0f} → {two:.0f}" for one, two in zip(plain, inside, strict=True)),
        )


# ── Envoy alone ────────────────────────────────────────────────────────────────────────────────────────────


def _direct(text: str, *headers: JsonObject) -> JsonObject:
    body: JsonObject = {"status": 200, "body": {"inline_string": text}}
    return {"match": {"prefix": "/", **({"headers": headers} if headers else {})}, "direct_response": body}


def _table(members: Sequence[str]) -> JsonObject:
    return divided(TENANT, tuple(members), [_direct(NEW)], [_direct(OLD)])


def _routes(members: Sequence[str]) -> JsonObject:
    return {
        "routes": [*(_direct(NEW, {"name": TENANT, "string_match": {"exact": one}}) for one in members), _direct(OLD)]
    }


def _regex(members: Sequence[str]) -> JsonObject:
    one_of: JsonObject = {"safe_regex": {"regex": "|".join(map(re.escape, members))}}
    return {"routes": [_direct(NEW, {"name": TENANT, "string_match": one_of}), _direct(OLD)]}


def _tree(members: Sequence[str]) -> JsonObject:
    kind = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput"

    def to(text: str) -> JsonObject:
        route: JsonObject = {"@type": f"{TYPE}.config.route.v3.Route", **_direct(text)}
        return {"action": {"name": text, "typed_config": route}}

    asked: JsonObject = {"name": "header", "typed_config": {"@type": kind, "header_name": TENANT}}
    found: JsonObject = {"input": asked, "exact_match_map": {"map": {one: to(NEW) for one in members}}}
    return {"matcher": {"matcher_tree": found, "on_no_match": to(OLD)}}


def _filter(members: Sequence[str]) -> JsonObject:
    listed = ",".join(f'["{one}"]=true' for one in members)
    code = (
        f"local members = {{{listed}}}\nfunction envoy_on_request(handle)\n"
        f'if members[handle:headers():get("{TENANT}") or ""] then handle:headers():replace("x-cohort", "1") end end\n'
    )
    kind = f"{TYPE}.extensions.filters.http.lua.v3.LuaPerRoute"
    table: JsonObject = {"@type": kind, "source_code": {"inline_string": code}}
    routes = [_direct(NEW, {"name": "x-cohort", "string_match": {"exact": "1"}}), _direct(OLD)]
    return {"routes": routes, "typed_per_filter_config": {"envoy.filters.http.lua": table}}


WAYS: dict[str, Callable[[Sequence[str]], JsonObject]] = {
    "Lua table in a matcher": _table,
    "Lua table in a filter": _filter,
    "one regex": _regex,
    "tree of matchers": _tree,
    "a route a tenant": _routes,
}


def _started_with(place: Path, port: int) -> JsonObject:
    lua = {"name": "envoy.filters.http.lua", "typed_config": {"@type": f"{TYPE}.extensions.filters.http.lua.v3.Lua"}}
    to = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{TYPE}.extensions.filters.http.router.v3.Router"},
    }
    watched = {"path_config_source": {"path": f"{place}/rds.json", "watched_directory": {"path": str(place)}}}
    manager: JsonObject = {
        "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "users",
        "http_filters": [lua, to],
        "rds": {"route_config_name": "routes", "config_source": {**watched, "resource_api_version": "V3"}},
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    listener = {"name": "users", "address": address, "filter_chains": [{"filters": filters}]}
    limit = {"name": "limit", "static_layer": {"re2.max_program_size.error_level": 1 << 31}}
    return {
        "node": {"id": "users", "cluster": "users"},
        "static_resources": {"listeners": [listener]},
        "layered_runtime": {"layers": [limit]},
    }


def _put(place: Path, host: JsonObject) -> int:
    """Bytes of the resource."""
    config = {
        "@type": f"{TYPE}.config.route.v3.RouteConfiguration",
        "name": "routes",
        "virtual_hosts": [{"name": "service", "domains": ["*"], **host}],
    }
    text = json.dumps({"resources": [config]})
    (place / "next").write_text(text)
    (place / "next").rename(place / "rds.json")
    return len(text)


def of_way(name: str, members: Sequence[str], requests: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place, port = Path(folder), free_port()
        (place / "envoy.json").write_text(json.dumps(_started_with(place, port)))
        _put(place, {"routes": [_direct(OLD)]})
        command = [
            envoy_program(),
            "-c",
            f"{place}/envoy.json",
            "-l",
            "off",
            "--concurrency",
            "1",
            "--disable-hot-restart",
        ]
        process = subprocess.Popen(command)
        us = psutil.Process(process.pid)
        try:
            until_answered(port, "nobody", OLD)
            start, memory = time.monotonic(), us.memory_info().rss
            size = _put(place, WAYS[name](members))
            try:
                until_answered(port, members[-1], NEW)
            except TimeoutError:
                return _row(name, f"{size / 1e3:,.0f} kB", "refused", *["-"] * 4)
            took, grown = time.monotonic() - start, us.memory_info().rss - memory
            few = requests // 10 if name == "a route a tenant" else requests
            with closing(Client(port)) as client:
                figures = measured(client, members, few, lambda: sum(us.cpu_times()[:2]))
            told = (f"{size / 1e3:,.0f} kB", f"{1000 * took:,.0f} ms", f"{grown / 1e6:.0f} MB")
            _row(name, *told, *(f"{one:,.0f}" for one in figures))
        finally:
            process.kill()
            process.wait()


def _row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--members", type=int, default=5000)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    members = names(asked.members)
    print(f"{asked.members:,} members; load average {os.getloadavg()[0]:.1f}; µs where nothing else is said\n")
    _row("router", "apply to effect", "CPU of a read", "p50 without → with", "p99", "CPU a request")
    _row(*["---"] * 6)
    for name in ROUTERS:
        if asked.only in name:
            of_router(name, members, asked.requests)
    print()
    _row("Envoy alone", "resource", "until in effect", "memory", "p50", "p99", "CPU a request")
    _row(*["---"] * 7)
    for name in WAYS:
        if asked.only in name:
            of_way(name, members, asked.requests)


if __name__ == "__main__":
    main()
