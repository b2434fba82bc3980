"""What users notice of a switch: requests lost, and time until all are answered by the new one, while a real load runs.

`python benchmarks/switch.py [--quick] [--only NAME]`. Each router, through Pilotage's adapter, makes weight changes and
blue-green switches under `wrk` with keep-alive, beside clients that POST, that wait for slow answers, and that hold a
websocket open. The same load runs through an nginx that is reloaded and a HAProxy whose weights are set over its
socket, without Pilotage. A lost request is one that got no answer, or one that no version gave. All routers, the load
and the service share this machine; its load average before each row says what else ran.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import itertools
import multiprocessing
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from http.client import HTTPConnection, HTTPException
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Generic, TypeVar

from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.free_port import free_port
from pilotage.adapters.ports import Router
from pilotage.adapters.registry import get
from pilotage.adapters.routers.haproxy import HAProxyRouter
from pilotage.adapters.routers.haproxy_lines import lines_of
from pilotage.model.capabilities import Port
from pilotage.model.traffic import WHOLE, split_between

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
"""Where the tests lie, which know how people run an HAProxy and an nginx."""
VERSIONS = ("old", "new")
_LONGEST = 300
"""Seconds that a load runs unless it is told to end."""
_RFC_6455 = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


# ── the service ────────────────────────────────────────────────────────────────────────────────────────────


async def _answer(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """HTTP/1.1 with keep-alive: `/` at once, `/slow` after 0.4 s, POST with its body back, and an echoing websocket."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head.split("\r\n")[1:])}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            if headers.get("upgrade", "").lower() == "websocket":
                accept = base64.b64encode(hashlib.sha1(headers["sec-websocket-key"].encode() + _RFC_6455).digest())
                writer.write(
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Accept: %s\r\n\r\n" % accept
                )
                while data := await reader.read(4096):
                    writer.write(data)
                    await writer.drain()
                return
            if head.split(" ", 2)[1] == "/slow":
                await asyncio.sleep(0.4)
            text = f"{name} ".encode() + body
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
            await writer.drain()
    writer.close()


def serve(name: str, port: int) -> None:
    async def main() -> None:
        server = await asyncio.start_server(lambda r, w: _answer(name, r, w), "127.0.0.1", port, backlog=1024)
        await server.serve_forever()

    asyncio.run(main())


# ── the load ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Clients:
    """Clients that each keep a connection: POSTs, slow answers, a websocket. `lost` says what went wrong."""

    port: int
    asked: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("post", "slow", "websocket"), 0))
    lost: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        jobs = [self._post] * 4 + [self._slow] * 4 + [self._websocket]
        self._threads = [threading.Thread(target=job, args=(n,), daemon=True) for n, job in enumerate(jobs)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(10)

    def _requests(self, kind: str, ask: Callable[[HTTPConnection, int], bytes]) -> None:
        connection, count = HTTPConnection("127.0.0.1", self.port, timeout=10), 0
        while not self._stop.is_set():
            count += 1
            self.asked[kind] += 1
            try:
                if not ask(connection, count).startswith((b"old", b"new")):
                    self.lost.append(f"{kind}: no version answered")
            except (OSError, HTTPException) as error:
                self.lost.append(f"{kind}: {type(error).__name__}")
                connection.close()
                connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
            time.sleep(0.002)

    def _post(self, number: int) -> None:
        def ask(connection: HTTPConnection, count: int) -> bytes:
            body = f"order {number}-{count}"
            connection.request("POST", "/", body)
            answer = connection.getresponse().read()
            if body.encode() not in answer:
                raise HTTPException("another answer")
            return answer

        self._requests("post", ask)

    def _slow(self, _: int) -> None:
        def ask(connection: HTTPConnection, _: int) -> bytes:
            connection.request("GET", "/slow")
            return connection.getresponse().read()

        self._requests("slow", ask)

    def _websocket(self, _: int) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as line:
            line.sendall(
                "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            if b"101" not in line.recv(4096):
                self.lost.append("websocket: not opened")
                return
            while not self._stop.is_set():
                self.asked["websocket"] += 1
                try:
                    line.sendall(b"ping")
                    if not line.recv(64):
                        self.lost.append("websocket: cut")
                        return
                except OSError as error:
                    self.lost.append(f"websocket: {type(error).__name__}")
                    return
                time.sleep(0.01)


@dataclass
class Watcher:
    """Asks all the time, on connections of its own, and notes who answered when: what a user sees of a switch."""

    port: int
    seen: list[tuple[float, float, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(4)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(5)

    def _run(self) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                connection.request("GET", "/")
                who = connection.getresponse().read()[:3]
            except (OSError, HTTPException):
                who = b"???"
                connection.close()
                connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
            self.seen.append((began, time.monotonic(), who))


def shifted_after(seen: Sequence[tuple[float, float, bytes]], command: float, wanted: bytes, until: float) -> float:
    """Seconds from the command to the first request from which on all were answered by the version that is wanted."""
    late = [began for began, _, who in seen if command <= began <= until and who != wanted]
    last = max(late, default=command)
    return min((began for began, _, who in seen if began > last and who == wanted), default=until) - command


_Load = TypeVar("_Load", Clients, Watcher)


class Apart(Generic[_Load]):
    """A load in a process of its own: who switches must not wait for its threads, as no controller waits for users."""

    def __init__(self, load: type[_Load], port: int) -> None:
        self._load = load
        self._line, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.Process(target=_apart, args=(load, port, theirs), daemon=True)
        self._process.start()

    def end(self) -> _Load:
        """What it saw."""
        self._line.send(None)
        found = object.__new__(self._load)
        vars(found).update(self._line.recv())
        self._process.join(10)
        return found


def _apart(load: type[_Load], port: int, line: Connection) -> None:
    running = load(port)
    line.recv()
    running.end()
    line.send({part.name: getattr(running, part.name) for part in fields(running)})


def wrk(port: int, seconds: float) -> subprocess.Popen[str]:
    command = ["wrk", "-t1", "-c32", f"-d{max(1, round(seconds))}s", f"http://127.0.0.1:{port}/"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wrk_lost(output: str) -> tuple[int, int, float]:
    """Requests, lost ones, requests a second."""
    total = int(re.search(r"(\d+) requests in", output)[1])  # type: ignore[index]
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    status = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])  # type: ignore[index]
    return total, (sum(map(int, errors.groups())) if errors else 0) + (int(status[1]) if status else 0), rate


# ── routers through Pilotage's adapters ────────────────────────────────────────────────────────────────────


class Adapted:
    """A router that Pilotage opened. kind, section: of `pilotage.yaml`."""

    name, needs = "", ""

    def __init__(self, place: Path, ports: dict[str, int]) -> None:
        self.port, self._place = free_port(), place
        self._backends = {version: [("127.0.0.1", port)] for version, port in ports.items()}
        self._router = self._opened()
        self.set(0)

    def _opened(self) -> Router:
        raise NotImplementedError

    def _open(self, kind: str, **section: object) -> Router:
        adapter = get(Port.ROUTER, kind)
        context = Context(
            directory=self._place / "router",
            fence=Fence(self._place / "fence.json", 1),
            service="shop",
            environment="production",
            folder=self._place,
        )
        read = adapter.section.model_validate({"kind": kind, **section})
        router: Router = adapter.open(read, context)
        return router

    def set(self, weight: int) -> None:
        self._router.apply(split_between("new", weight, "old"), self._backends)

    def stop(self) -> None:
        self._router.stop()


class OurEnvoy(Adapted):
    name = "Pilotage: Envoy"

    def _opened(self) -> Router:
        return self._open("envoy", listen=f"127.0.0.1:{self.port}")


class OurTraefik(Adapted):
    name = "Pilotage: Traefik"

    def _opened(self) -> Router:
        return self._open("traefik", listen=f"127.0.0.1:{self.port}")


class OurHAProxy(Adapted):
    name, needs = "Pilotage: HAProxy", "haproxy"

    def _opened(self) -> Router:
        from tests.contract.haproxy import Operated

        files = self._place / "files"
        self._operated = Operated(self._place / "haproxy", files / "shop.cfg")
        self.port = self._operated.port
        router = self._open("haproxy", name="shop", files=str(files), address=str(self._operated.socket))
        assert isinstance(router, HAProxyRouter)
        router.prepare()
        self._operated.write(lines_of(router.settings))
        self._operated.start()
        return router

    def stop(self) -> None:
        self._operated.end()


class OurNginx(Adapted):
    name, needs, mode = "Pilotage: nginx, mode reload", "nginx", "reload"

    def _opened(self) -> Router:
        from tests.nginx import Nginx as Operated

        self._operated = Operated(self._place / "nginx", lua=self.mode == "lua")
        return self._open(
            "nginx",
            mode=self.mode,
            file=str(self._operated.owned / "shop.conf"),
            control=f"127.0.0.1:{free_port()}",
            listen=f"127.0.0.1:{self.port}",
            test=self._operated.test,
            reload=self._operated.reload,
        )

    def stop(self) -> None:
        self._operated.kill()


class OurNginxLua(OurNginx):
    name, needs, mode = "Pilotage: nginx, mode lua", "/usr/lib/nginx/modules/ngx_http_lua_module.so", "lua"


# ── the same without Pilotage ──────────────────────────────────────────────────────────────────────────────


class Nginx:
    name, needs = "nginx (reload)", "nginx"

    def __init__(self, place: Path, ports: dict[str, int]) -> None:
        self.port, self._ports = free_port(), ports
        self._place = place / "nginx"
        self._place.mkdir()
        self._write(0)
        self._command = ["nginx", "-p", str(self._place), "-c", str(self._place / "nginx.conf")]
        subprocess.run(self._command, check=True, stderr=subprocess.DEVNULL)
        time.sleep(0.3)

    def _write(self, weight: int) -> None:
        servers = "".join(
            f"server 127.0.0.1:{self._ports[version]} weight={share};"
            for version, share in (("new", weight), ("old", WHOLE - weight))
            if share
        )
        (self._place / "nginx.conf").write_text(
            f"pid {self._place}/pid; error_log {self._place}/error.log; worker_processes 2;"
            "events { worker_connections 4096; }"
            "http { access_log off; map $http_upgrade $c { default upgrade; '' ''; }"
            f"upstream service {{ {servers} keepalive 64; }} server {{ listen 127.0.0.1:{self.port};"
            " location / { proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;"
            " proxy_set_header Connection $c; keepalive_requests 1000000; } } }"
        )

    def set(self, weight: int) -> None:
        self._write(weight)
        subprocess.run([*self._command, "-s", "reload"], check=True, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        subprocess.run([*self._command, "-s", "stop"], check=False, stderr=subprocess.DEVNULL)


class HAProxy:
    name, needs = "HAProxy (set weight)", "haproxy"

    def __init__(self, place: Path, ports: dict[str, int]) -> None:
        self.port, self._socket = free_port(), place / "haproxy.sock"
        config = place / "haproxy.cfg"
        config.write_text(
            f"global\n stats socket {self._socket} level admin\ndefaults\n mode http\n timeout connect 2s\n"
            " timeout client 30s\n timeout server 30s\n timeout tunnel 1h\n"
            f"frontend f\n bind 127.0.0.1:{self.port}\n default_backend b\nbackend b\n balance roundrobin\n"
            + "".join(f" server {v} 127.0.0.1:{port} weight 0\n" for v, port in ports.items())
        )
        self._process = subprocess.Popen(["haproxy", "-f", str(config), "-db"], stderr=subprocess.DEVNULL)
        while not self._socket.exists():
            time.sleep(0.02)
        self.set(0)

    def set(self, weight: int) -> None:
        # The larger share first: lowering one side before the other is raised leaves an instant without capacity.
        for share, version in sorted(((weight, "new"), (WHOLE - weight, "old")), reverse=True):
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(str(self._socket))
                line.sendall(f"set weight b/{version} {round(256 * share / WHOLE)}\n".encode())
                line.recv(1024)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(5)


# ── what is measured ───────────────────────────────────────────────────────────────────────────────────────


Measured = Adapted | Nginx | HAProxy
KINDS: tuple[type[Measured], ...] = (OurEnvoy, OurHAProxy, OurNginxLua, OurTraefik, OurNginx, Nginx, HAProxy)


def measure(kind: type[Measured], ports: dict[str, int], changes: int, switches: int, within: float) -> list[str]:
    """One row. within: seconds after which a router that is slow to change is not asked for more, twice."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        router = kind(Path(folder), ports)
        try:
            weights = _weights(router, changes, within)
            switched = _switches(router, switches, within)
        finally:
            router.stop()
    return [f"| {kind.name} | {weights} | {switched} | {load:.1f} |"]


def _weights(router: Measured, changes: int, within: float) -> str:
    """Weight changes one after the other, as fast as 20 a second, under the whole load."""
    apart, pause = Apart(Clients, router.port), 0.05
    load = wrk(router.port, _LONGEST)
    time.sleep(0.5)
    until, made = time.monotonic() + within, 0
    while made < changes and time.monotonic() < until:
        router.set(50 + (made * 37) % 900)
        made += 1
        time.sleep(pause)
    load.send_signal(signal.SIGINT)
    total, lost, rate = wrk_lost(load.communicate()[0])
    clients = apart.end()
    asked = total + sum(clients.asked.values())
    kinds = ", ".join(sorted({f"{clients.lost.count(w)}× {w}" for w in clients.lost})) or "none"
    return f"{made} | {asked:,} | {lost + len(clients.lost)} ({kinds}) | {rate:,.0f}"


def _switches(router: Measured, switches: int, within: float) -> str:
    """All from one version to the other and back, under the whole load; until all requests that begin are answered by
    the one."""
    router.set(0)
    time.sleep(1)
    clients_apart, watcher_apart, commands = Apart(Clients, router.port), Apart(Watcher, router.port), []
    load = wrk(router.port, _LONGEST)
    time.sleep(0.5)
    until = time.monotonic() + within
    while len(commands) < 2 or (len(commands) < switches and time.monotonic() < until):
        wanted, weight = (b"new", WHOLE) if len(commands) % 2 == 0 else (b"old", 0)
        commands.append((time.monotonic(), wanted))
        router.set(weight)
        time.sleep(0.25)
    commands.append((time.monotonic(), b""))
    load.send_signal(signal.SIGINT)
    watcher, clients = watcher_apart.end(), clients_apart.end()
    total, lost, _ = wrk_lost(load.communicate()[0])
    times = [
        1000 * shifted_after(watcher.seen, command, wanted, following)
        for (command, wanted), (following, _) in itertools.pairwise(commands)
    ]
    lost += len(clients.lost) + sum(who == b"???" for _, _, who in watcher.seen)
    asked = total + len(watcher.seen) + sum(clients.asked.values())
    ranks = statistics.quantiles(times, n=100, method="inclusive")
    return f"{len(times)} | {asked:,} | {lost} | {ranks[49]:.1f} | {ranks[98]:.1f} | {max(times):.1f}"


def _is_here(program: str) -> bool:
    return not program or Path("/", program).is_file() or shutil.which(program) is not None


def main() -> None:
    if len(sys.argv) == 4 and sys.argv[1] == "serve":
        serve(sys.argv[2], int(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="100 weight changes and 20 switches, or as many as fit into 7 s each."
    )
    parser.add_argument("--only", default="", help="Rows whose name contains this.")
    options = parser.parse_args()
    changes, switches, within = (100, 20, 7.0) if options.quick else (1000, 200, 120.0)
    ports = {version: free_port() for version in VERSIONS}
    services = [subprocess.Popen([sys.executable, __file__, "serve", v, str(p)]) for v, p in ports.items()]
    time.sleep(0.5)
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    print(
        "| router | weight changes | requests meanwhile | lost | wrk requests/s | switches | requests meanwhile | lost "
        "| shifted after ms p50 | p99 | most | load average before |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
    )
    try:
        for kind in KINDS:
            if options.only not in kind.name or not _is_here(kind.needs):
                continue
            print("\n".join(measure(kind, ports, changes, switches, within)), flush=True)
    finally:
        for service in services:
            service.terminate()


if __name__ == "__main__":
    main()
