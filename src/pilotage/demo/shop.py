"""A small real web service: a catalogue in SQLite, served over HTTP/1.1 with keep-alive.

`python -m pilotage.demo.shop --port 8001 --release 1.2.0 --releases DIRECTORY`. What a release does wrong is in its
own file, `DIRECTORY/1.2.0.json`, as a bug would be in its code.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_CRASH_AFTER = 30
_LEAK_BYTES = 600_000


class _Shop(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, release: str, fault: str) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.release, self.fault = release, fault
        self.served = 0
        self.leak: list[bytearray] = []
        self.lock = threading.Lock()
        self.catalogue = sqlite3.connect(":memory:", check_same_thread=False)
        self.catalogue.execute("CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT, cents INTEGER)")
        self.catalogue.executemany(
            "INSERT INTO product VALUES (?, ?, ?)",
            [(n, f"product {n}", 100 + n * 7 % 9000) for n in range(500)],
        )

    def product(self, number: int) -> dict[str, object]:
        with self.lock:
            row = self.catalogue.execute("SELECT id, name, cents FROM product WHERE id = ?", (number % 500,)).fetchone()
        return {"id": row[0], "name": row[1], "cents": row[2], "release": self.release}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, or each answer waits for a delayed acknowledgement
    server: _Shop

    def do_GET(self) -> None:
        if self.path == "/healthz":
            self._answer(200, {"release": self.server.release})
            return
        time.sleep(random.uniform(0.008, 0.020))
        with self.server.lock:
            self.server.served += 1
            served = self.server.served
        match self.server.fault:
            case "errors" if served % 5 == 0:
                self._answer(500, {"error": "the price list has no column 'discount'"})
                return
            case "slow":
                time.sleep(random.uniform(0.05, 0.15))
            case "crash" if served > _CRASH_AFTER:
                print(
                    "fatal: the price list could not be loaded: KeyError: 'discount'",
                    file=sys.stderr,
                    flush=True,
                )
                os._exit(1)
            case "memory":
                self.server.leak.append(bytearray(os.urandom(1000) * (_LEAK_BYTES // 1000)))
            case _:
                pass
        number = int(self.path.rpartition("/")[2] or 0) if self.path.startswith("/product/") else 0
        self._answer(200, self.server.product(number))

    def _answer(self, status: int, content: dict[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silent: thousands of lines a minute would only hide the one that matters."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--release", required=True)
    parser.add_argument("--releases", type=Path, required=True)
    options = parser.parse_args()
    built = json.loads((options.releases / f"{options.release}.json").read_text())
    _Shop(options.port, options.release, built["fault"]).serve_forever()


if __name__ == "__main__":
    main()
