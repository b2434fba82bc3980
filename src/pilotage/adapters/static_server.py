"""Serves the files of one folder alone: no listing, no hidden file, no path or link out of it, no script."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pilotage.adapters.bounded_server import BoundedServer

_MOST_AT_ONCE = 64
_PATIENCE = 30.0
"""Seconds of a connection."""
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "max-age=10",
}
_TYPES = {".xml": "application/atom+xml", ".json": "application/json", ".html": "text/html; charset=utf-8",
          ".ics": "text/calendar; charset=utf-8"}  # fmt: skip


class _Files(SimpleHTTPRequestHandler):
    server_version, sys_version = "Pilotage", ""
    extensions_map = _TYPES
    timeout = 10

    def end_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def translate_path(self, path: str) -> str:
        """The path of a file; an unused name for a hidden one, and if a link would lead out of the folder."""
        found, folder = Path(super().translate_path(path)), Path(self.directory).resolve()
        try:
            inside = found.resolve().is_relative_to(folder) and not _hidden(found.resolve().relative_to(folder))
        except (OSError, ValueError, RuntimeError):
            inside = False
        return str(found) if inside else str(folder / "…")

    def list_directory(self, path: object) -> None:  # noqa: ARG002
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Readers of the page are not logged."""


def _hidden(path: Path) -> bool:
    """Whether it lies in a folder such as .git or .pilotage, where keys may be."""
    return any(part.startswith(".") for part in path.parts)


class _FilesForAnyone(_Files):
    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()


def serve(folder: Path, host: str, port: int, *, anyone: bool = False) -> ThreadingHTTPServer:
    """anyone: whether scripts of pages of other addresses may read the files."""
    files = _FilesForAnyone if anyone else _Files
    return BoundedServer((host, port), partial(files, directory=str(folder)), _MOST_AT_ONCE, _PATIENCE)
