"""Runs the server: `pilotage serve`."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

from pilotage.app.identity.links import first_link
from pilotage.app.identity.policy import policy_of
from pilotage.app.project import Project
from pilotage.app.request_log import keep_request_log
from pilotage.app.unread import require_something
from pilotage.engine.execution.worker_log import keep_log
from pilotage.engine.placement.lock import worker_pid
from pilotage.model.address import EVERYWHERE
from pilotage.model.errors import Invalid, Unavailable
from pilotage.web.hosts import is_loopback
from pilotage.web.hurried import hurried
from pilotage.web.readying import ready_in_background
from pilotage.web.server import application
from pilotage.web.site import Site

_log = logging.getLogger(__name__)
_ATTEND_EVERY = 5.0
_BACKLOG = 512
_FILES = 8192
"""Open files: the usual limit of 1024 is for programs with few connections."""
_GRACE = 5
"""Seconds that requests under way get at the end."""


@dataclass(frozen=True, kw_only=True)
class Listening:
    """host, port: where; port 0 takes a free one · root: the path that a proxy puts before every other · url: how
    browsers reach it, where a proxy is in between · certificate, key: PEM files for TLS · proxies: addresses whose
    `X-Forwarded-For` is believed · worker: whether rollouts run here too."""

    host: str = "127.0.0.1"
    port: int = 8420
    root: str = ""
    url: str = ""
    certificate: Path | None = None
    key: Path | None = None
    proxies: tuple[str, ...] = ()
    worker: bool = True

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by HTTPS."""
        return self.certificate is not None or self.url.startswith("https:")

    @property
    def overheard(self) -> bool:
        """Whether others on the network read what browsers send it."""
        return not self.secure and not is_loopback(self.host)

    def address(self, port: int) -> str:
        """How browsers reach it. port: where it listens now."""
        return f"{self.url or self.local(port)}{self.root}/"

    def local(self, port: int) -> str:
        """How this machine reaches it, without a path. No browser opens the address that stands for all."""
        name = "localhost" if self.host in EVERYWHERE else self.host
        host = f"[{name}]" if ":" in name else name
        return f"http{'s' * (self.certificate is not None)}://{host}:{port}"


def serve(project: Project, wanted: Listening, say: Callable[[str], None]) -> None:
    """Serve until a signal ends it; requests under way get some seconds. The worker goes on. Raises Unavailable,
    Invalid, ConfigError at a first start."""
    why = require_something(project)
    keep_log()
    keep_request_log()
    project = replace(project, warn=_log.warning)
    if why:
        say(f"{why}. Until that is corrected, the server shows its records, and abort, pause and rollback work")
    with _opened(project, wanted, say) as (server, listener, site), _attended(project, wanted.worker), _ending(server):
        ready_in_background(site)
        server.run(sockets=[listener])
    say(_farewell(project, wanted.worker))


@contextlib.contextmanager
def _ending(server: uvicorn.Server) -> Iterator[None]:
    """uvicorn sends itself once more the signal that ended it; by then all is said and done."""

    def end(*_: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _farewell(project: Project, worker: bool) -> str:
    """What goes on without the server. The worker does: it takes care of users, and the server only shows."""
    pid = worker_pid(project.directory)
    if pid is None or not worker:
        return "the server has ended"
    if os.getpid() == 1:
        return "the server has ended, and its worker ends with this container; a new one continues"
    return (
        f"the server has ended. The worker goes on (process {pid}): it watches what rolls out and keeps running what "
        "serves. To stop it, too: `pilotage worker --stop`; users stay served"
    )


@contextlib.contextmanager
def running(project: Project, wanted: Listening, say: Callable[[str], None]) -> Iterator[None]:
    """Serve beside other work, from a thread. Raises Unavailable, Invalid."""
    with _opened(project, wanted, say) as (server, listener, _):
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True, name="server")
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join(2 * _GRACE)


@contextlib.contextmanager
def _opened(
    project: Project, wanted: Listening, say: Callable[[str], None]
) -> Iterator[tuple[uvicorn.Server, socket.socket, Site]]:
    wanted = _as_configured(project, wanted)
    site = Site(
        project=project, root=wanted.root, url=wanted.url and f"{wanted.url}{wanted.root}", secure=wanted.secure,
        origins=(wanted.url,) if wanted.url else (),
        hosts=frozenset({wanted.host.lower(), socket.gethostname().lower()}),
    )  # fmt: skip
    with contextlib.closing(_listening(wanted)) as listener:
        config = _configured(site, wanted)
        site.streams = min(site.streams, (config.limit_concurrency or site.streams) * 3 // 4)
        server = uvicorn.Server(config)
        site.ending = lambda: server.should_exit
        port = listener.getsockname()[1]
        if (secret := first_link(project.store)) is not None:
            say(f"make the owner's account within an hour: {wanted.address(port)}link/{secret}")
        if wanted.overheard:
            say(
                "nothing is encrypted: others on the network can read passwords; use --certificate and --key, "
                "or a proxy with TLS and --url"
            )
        say(f"listening on {wanted.local(port)}{_elsewhere(wanted, port)}")
        yield server, listener, site


def _elsewhere(wanted: Listening, port: int) -> str:
    if wanted.url:
        return f"; browsers reach it at {wanted.address(port)}"
    return "; the other addresses of this machine lead to it, too" if wanted.host in EVERYWHERE else ""


def _as_configured(project: Project, wanted: Listening) -> Listening:
    """With the address of pilotage.yaml, where no option says another."""
    if wanted.url:
        return wanted
    url, root = without_path(policy_of(project).url)
    return replace(wanted, url=url, root=wanted.root or root) if url else wanted


def without_path(address: str) -> tuple[str, str]:
    """`https://x.example/tools/` → `https://x.example` and `/tools`."""
    parts = urlsplit(address)
    return (f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")) if parts.netloc else ("", "")


def _configured(site: Site, wanted: Listening) -> uvicorn.Config:
    try:
        config = uvicorn.Config(
            application(site), http=hurried(wanted.proxies), log_config=None, log_level="warning", access_log=False,
            server_header=False, ssl_certfile=wanted.certificate, ssl_keyfile=wanted.key, timeout_keep_alive=15,
            limit_concurrency=_connections(),
            h11_max_incomplete_event_size=32_768, timeout_graceful_shutdown=_GRACE, lifespan="off", backlog=_BACKLOG,
            proxy_headers=bool(wanted.proxies), forwarded_allow_ips=list(wanted.proxies),
        )  # fmt: skip
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise Invalid(f"the certificate cannot be used: {error}", where=str(wanted.certificate)) from None
    return config


def _connections() -> int:
    """As many as the system lets the process have, and files for the store and its threads besides."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    return min(2000, max(100, soft - 400)) if soft != resource.RLIM_INFINITY else 2000


def _listening(wanted: Listening) -> socket.socket:
    family = socket.AF_INET6 if ":" in wanted.host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((wanted.host, wanted.port))
        # Whoever reads that it listens may ask at once.
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"cannot listen on {wanted.host}:{wanted.port}: {error.strerror}", cure="choose another one with --listen"
        ) from None
    return listener


def require_free(wanted: Listening) -> None:
    """Raises Unavailable where another program listens already."""
    _listening(wanted).close()


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
