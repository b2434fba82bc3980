"""A real HAProxy as people run it: a configuration of their own, with Pilotage's lines and a neighbour's."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from pilotage.adapters.context import Context, Peers
from pilotage.adapters.fence import Fence
from pilotage.adapters.free_port import free_port
from pilotage.adapters.haproxy_runtime import Runtime
from pilotage.adapters.own_requests import synthetic_token
from pilotage.adapters.ports import AdapterError, Router
from pilotage.adapters.routers.haproxy import HAProxyRouter
from pilotage.adapters.routers.haproxy_adapter import ADAPTER
from pilotage.adapters.routers.haproxy_lines import lines_of
from pilotage.model.traffic import HeaderRoute, Split, split_between
from pilotage.testing import RouterUnderTest, Version, wait_until

from ..programs import needs


class Operated:
    """An HAProxy in master-worker mode, as Debian starts it. lines: of its frontend · log: what its frontend says of
    logging; the log goes to a file · bind: options of its address · defaults, backends: more of its
    configuration."""

    def __init__(
        self,
        place: Path,
        include: Path,
        lines: tuple[str, ...] = (),
        *,
        log: str = "",
        bind: str = "",
        defaults: str = "",
        backends: str = "",
    ) -> None:
        self._program = needs("haproxy")
        place.mkdir(parents=True, exist_ok=True)
        self.config, self.include = place / "haproxy.cfg", include
        self._backends = backends
        # The path of a socket holds 97 characters.
        self.socket = Path(tempfile.mkdtemp(prefix="haproxy-")) / "admin.sock"
        self.port, self.neighbour, self.tcp = free_port(), free_port(), free_port()
        self._bind, self._defaults = bind, defaults
        self._log, self.log = log, place / "haproxy.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.write(lines)

    def write(self, lines: tuple[str, ...]) -> None:
        """The configuration that its owner writes."""
        own = "\n".join(f"    {line}" for line in lines)
        self.config.write_text(f"""
global
    stats socket {self.socket} mode 600 level admin expose-fd listeners
    stats socket ipv4@127.0.0.1:{self.tcp} level admin
    hard-stop-after 5s
    server-state-file {self.socket.parent}/state
    {"log stdout format raw local0" if self._log else ""}

defaults
    mode http
    timeout connect 1s
    timeout client 10s
    timeout server 10s
    option httpchk GET /nothing
    default-server inter 1s
    {self._defaults}

resolvers none-such
    nameserver nobody 127.0.0.1:1

frontend users
    bind 127.0.0.1:{self.port} {self._bind}
    {self._log}
{own}

listen neighbour
    bind 127.0.0.1:{self.neighbour}
    http-request set-header x-neighbour yes
    http-request return status 200 content-type text/plain string "the neighbour" if {{ path / }}
    server one 127.0.0.1:9 disabled

backend shop-legacy
    server old 127.0.0.1:9

{self._backends}
""")

    def start(self) -> None:
        included = ["-f", str(self.include)] if self.include.exists() else []
        command = [self._program, "-Ws", "-f", str(self.config), *included]
        out = self.log.open("ab")
        self.process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
        out.close()
        try:
            wait_until(self._answers)
        except AssertionError:
            raise AssertionError(self.log.read_text()) from None

    def reload(self) -> None:
        """As `systemctl reload haproxy`: by somebody who knows nothing of Pilotage."""
        before = Runtime(str(self.socket)).process().pid

        def reloaded() -> bool:
            # A master that is still busy with its start loses the signal.
            assert self.process
            self.process.send_signal(signal.SIGUSR2)
            with contextlib.suppress(AssertionError):
                wait_until(lambda: self._answers() and Runtime(str(self.socket)).process().pid != before, 5.0)
                return True
            return False

        wait_until(reloaded, 20.0, what="no reload")

    def kill(self) -> None:
        if self.process:
            with contextlib.suppress(psutil.Error):
                for child in psutil.Process(self.process.pid).children(recursive=True):
                    child.kill()
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def end(self) -> None:
        self.kill()
        shutil.rmtree(self.socket.parent)

    def _answers(self) -> bool:
        try:
            return bool(Runtime(str(self.socket)).process().pid)
        except AdapterError:
            return False


class HAProxyUnderTest(RouterUnderTest):
    """The adapter before an HAProxy that somebody else runs; other settings come with `section`."""

    def __init__(
        self,
        place: Path,
        *,
        synthetic: bool = True,
        log: str = "",
        tcp: bool = False,
        bind: str = "",
        defaults: str = "",
        **section: Any,
    ) -> None:
        self.place, self.files = place, place / "files"
        self.operated = Operated(place / "haproxy", self.files / "shop.cfg", log=log, bind=bind, defaults=defaults)
        told = {
            "kind": "haproxy", "name": "shop", "files": str(self.files),
            "address": f"127.0.0.1:{self.operated.tcp}" if tcp else str(self.operated.socket),
            "sticky": {"cookie": "session"}, "headers": ["X-Release"], "tenant_header": "X-Tenant", **section,
        }  # fmt: skip
        self.section = ADAPTER.section.model_validate(told)
        self._synthetic = synthetic
        super().__init__(
            self.open,
            ADAPTER.can(self.section),
            url=f"http://127.0.0.1:{self.operated.port}",
            own=(lambda: synthetic_token(self.directory)) if synthetic else None,
        )
        assert isinstance(self.router, HAProxyRouter)
        self.router.prepare()
        self.operated.write(lines_of(self.router.settings))
        self.operated.start()

    @property
    def directory(self) -> Path:
        return self.place / "router"

    def context(self, token: int = 1) -> Context:
        return Context(
            directory=self.directory,
            fence=Fence(self.place / "fence.json", token),
            service="shop",
            environment="production",
            folder=self.place,
            peers=Peers(synthetic=self._synthetic, router=self.directory),
        )

    def open(self, token: int = 1) -> Router:
        return ADAPTER.open(self.section, self.context(token))


def halves(
    routed: HAProxyUnderTest, versions: Callable[[str], Version]
) -> tuple[Split, dict[str, list[tuple[str, int]]]]:
    split = split_between("2.0", 300, "1.0", (HeaderRoute("X-Release", "canary", "2.0"),))
    backends = {"1.0": [versions("1.0").address, versions("1.0").address], "2.0": [versions("2.0").address]}
    routed.take(split, backends)
    return split, backends


def answers(routed: HAProxyUnderTest) -> tuple[list[str], str]:
    return [routed.ask(user=f"u{n}") for n in range(60)], routed.ask(**{"X-Release": "canary"})


@contextlib.contextmanager
def haproxy_in(place: Path, **settings: Any) -> Iterator[HAProxyUnderTest]:
    under_test = HAProxyUnderTest(place, **settings)
    try:
        yield under_test
    finally:
        under_test.operated.end()
