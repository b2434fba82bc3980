"""Runs the server: `pilotage serve`."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from pilotage.app.project import Project
from pilotage.web.server import application
from pilotage.web.site import Site

_ATTEND_EVERY = 5.0


@dataclass(frozen=True, kw_only=True)
class Listening:
    """host, port: where · root: the path that a proxy puts before every other · url: how browsers reach it, where a
    proxy is in between · certificate, key: PEM files for TLS · worker: whether rollouts run here too."""

    host: str = "127.0.0.1"
    port: int = 8420
    root: str = ""
    url: str = ""
    certificate: Path | None = None
    key: Path | None = None
    worker: bool = True


def serve(project: Project, wanted: Listening, say: Callable[[str], None]) -> None:
    """Serve until a signal ends it."""
    secure = wanted.certificate is not None or wanted.url.startswith("https:")
    site = Site(project=project, root=wanted.root.rstrip("/"), secure=secure)
    config = uvicorn.Config(
        application(site), host=wanted.host, port=wanted.port, log_level="warning", access_log=False,
        server_header=False, root_path=site.root, ssl_certfile=wanted.certificate, ssl_keyfile=wanted.key,
        timeout_keep_alive=15, limit_concurrency=2000, proxy_headers=False, lifespan="off",
    )  # fmt: skip
    with _attended(project, wanted.worker):
        say(f"listening on http{'s' * (wanted.certificate is not None)}://{wanted.host}:{wanted.port}{site.root}/")
        uvicorn.Server(config).run()


@contextlib.contextmanager
def _attended(project: Project, worker: bool) -> Iterator[None]:
    """See that a worker is at work as long as the server is."""
    ended = threading.Event()

    def attend() -> None:
        while not ended.is_set():
            with contextlib.suppress(Exception):
                project.ensure_worker()
            ended.wait(_ATTEND_EVERY)

    if worker:
        threading.Thread(target=attend, daemon=True, name="attend").start()
    try:
        yield
    finally:
        ended.set()
