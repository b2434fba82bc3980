"""Real Redis servers on free ports, and a small service that reads through one."""

from __future__ import annotations

import http.server
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import redis

from pilotage.adapters.free_port import free_port
from tests.databases import eventually
from tests.programs import needs

PASSWORD = "not-for-eyes"


class RedisServer:
    """port: where it listens · client: an administrator's."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.client = redis.Redis(port=port, password=PASSWORD)

    def url(self, database: int = 0, user: str = "", password: str = PASSWORD) -> str:
        return f"redis://{user}:{password}@127.0.0.1:{self.port}/{database}"


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[RedisServer]:
    """options: more of its command line."""
    port = free_port()
    command = [
        needs("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
        "--dir", str(folder), "--requirepass", PASSWORD, *options,
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
        try:
            server = RedisServer(port)
            eventually(lambda: _answers(server.client))
            yield server
        finally:
            running.kill()


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


@contextmanager
def reading_through(url: str, prefix: str = "product:", value: bytes = b"x", *, fills: bool = True) -> Iterator[str]:
    """`host:port` of a service that answers /products/KEY from its cache, and fills it on a miss. /products/gone is
    missing. fills: whether it keeps what it had to make."""
    client = redis.Redis.from_url(url)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            key = unquote(self.path.partition("?")[0].rpartition("/")[2])
            found = None if key == "gone" else client.get(f"{prefix}{key}")
            if found is None and key != "gone" and fills:
                client.set(f"{prefix}{key}", value)
            self.send_response(404 if key == "gone" else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
