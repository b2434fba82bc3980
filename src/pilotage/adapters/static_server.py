"""Serves the files of one folder, and nothing else: no listing, no path out of it, no script."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "max-age=10",
}
_TYPES = {".xml": "application/atom+xml", ".json": "application/json", ".html": "text/html; charset=utf-8"}


class _Files(SimpleHTTPRequestHandler):
    server_version, sys_version = "Pilotage", ""
    extensions_map = _TYPES
    timeout = 10

    def end_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def list_directory(self, path: object) -> None:  # noqa: ARG002
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Who reads the page is nobody's business."""


def serve(folder: Path, host: str, port: int) -> ThreadingHTTPServer:
    return ThreadingHTTPServer((host, port), partial(_Files, directory=str(folder)))
