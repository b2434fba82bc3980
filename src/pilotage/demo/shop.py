"""A small real web service: a catalogue in SQLite, served over HTTP/1.1 with keep-alive.

`python -m pilotage.demo.shop --port 8001 --release 1.2.0 --releases DIRECTORY`. What a release does wrong is in its
own file, `DIRECTORY/1.2.0.json`, as a bug would be in its code.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pilotage.demo.toggles import Toggle

_CRASH_AFTER = 30
_LEAK_BYTES = 600_000


class _Shop(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, release: str, fault: str, toggle: Toggle | None) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.release, self.fault, self.toggle = release, fault, toggle
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
            # A flapping release is unhealthy every other second.
            ill = self.server.fault == "flapping" and int(time.time()) % 2
            self._answer(503 if ill else 200, {"release": self.server.release})
        elif self.path == "/metrics" and self.server.toggle:
            self._send(200, self.server.toggle.counter.page().encode(), "text/plain; version=0.0.4")
        elif self.server.toggle:
            self._serve_toggled(self.server.toggle)
        else:
            self._serve(self.server.fault)

    def _serve_toggled(self, toggle: Toggle) -> None:
        """The new feature for users with the flag; both variants are counted."""
        user = re.search(r"session=([^;]+)", self.headers.get("Cookie", ""))
        variant = toggle.variant(user[1] if user else "")
        fault = self.server.fault
        if fault == "flag":
            fault = "errors" if variant == "on" else "none"
        began = time.monotonic()
        status = self._serve(fault)  # what a user who left breaks off is not counted
        toggle.counter.record(variant, time.monotonic() - began, failed=status >= 500)

    def _serve(self, fault: str) -> int:
        time.sleep(random.uniform(0.008, 0.020))
        with self.server.lock:
            self.server.served += 1
            served = self.server.served
        match fault:
            case "errors" if served % 5 == 0:
                return self._answer(500, {"error": "the price list has no column 'discount'"})
            case "flaky" if served % 66 == 0:
                return self._answer(503, {"error": "the payment provider did not respond"})
            case "gone":
                return self._answer(404, {"error": "no page has this address"})
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
        return self._answer(200, self.server.product(number))

    def _answer(self, status: int, content: dict[str, object]) -> int:
        return self._send(status, json.dumps(content).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> int:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return status

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silent: thousands of lines a minute would only hide the one that matters."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--release", required=True)
    parser.add_argument("--releases", type=Path, required=True)
    parser.add_argument("--flags", type=Path, help="Flag definitions in flagd's format.")
    parser.add_argument("--flag", default="new-checkout", help="Hides the new feature.")
    options = parser.parse_args()
    toggle = None
    if options.flags:
        from pilotage.demo.toggles import Toggle

        toggle = Toggle(options.flags, options.flag)
    built = json.loads((options.releases / f"{options.release}.json").read_text())
    _Shop(options.port, options.release, built["fault"], toggle).serve_forever()


if __name__ == "__main__":
    main()
