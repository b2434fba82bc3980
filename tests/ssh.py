"""Real sshd servers on this machine, each of which stands for a host: an address, host keys, keys that may log in and a
folder of its own. They run as root and as an ordinary user, and all that was started on one ends with it."""

from __future__ import annotations

import contextlib
import getpass
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import psutil
import pytest

from pilotage.adapters.free_port import free_port
from pilotage.adapters.hosts.connections import close_all
from pilotage.adapters.hosts.ssh import SshHost
from pilotage.config.hosts import HostSection

from .programs import needs

MARK = "PILOTAGE_TEST_HOST"
"""A variable of all that runs on a host; it holds the host's place."""


@dataclass
class Sshd:
    """One host. place: for its files · address: of this machine, in 127.0.0.0/8 · extra: more lines of sshd_config."""

    name: str
    place: Path
    address: str
    key: Path
    extra: tuple[str, ...] = ()
    path: str = ""
    """Folders before the usual ones in which the host finds programs."""
    port: int = 0
    known: list[Path] = field(default_factory=list)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        """The host's own part of this machine's files."""
        return self.place / "root"

    @property
    def folder(self) -> Path:
        """Pilotage's folder on it."""
        return self.home / "pilotage"

    @cached_property
    def host_key(self) -> Path:
        path = self.place / "host_key"
        make_key(path)
        return path

    @property
    def known_line(self) -> str:
        kind, key = Path(f"{self.host_key}.pub").read_text().split()[:2]
        return f"[{self.address}]:{self.port} {kind} {key}"

    def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        config = self.place / "sshd_config"
        usual = os.environ.get("PATH", os.defpath).split(":")
        path = ":".join(part for part in (self.path, *usual) if os.access(part, os.X_OK))
        lines = (
            *self.extra, f"Port {self.port}", f"ListenAddress {self.address}", f"HostKey {self.host_key}",
            f"AuthorizedKeysFile {self.key}.pub", "PidFile none", "StrictModes no", "UsePAM no", "UseDNS no",
            "PasswordAuthentication no", "KbdInteractiveAuthentication no", "LogLevel VERBOSE",
            f"SetEnv {MARK}={self.place} HOME={self.home} PATH={path}",
        )  # fmt: skip
        config.write_text("".join(f"{line}\n" for line in lines))
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with (self.place / "sshd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [needs("sshd"), "-D", "-e", "-f", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        for _ in range(400):
            with contextlib.suppress(OSError), socket.create_connection((self.address, self.port), 1):
                return
            assert self._process.poll() is None, self.log
            time.sleep(0.01)
        raise AssertionError(f"sshd does not listen: {self.log}")

    @property
    def log(self) -> str:
        return (self.place / "sshd.log").read_text(errors="replace")

    def logins(self) -> int:
        return self.log.count("Accepted publickey")

    def sessions(self) -> list[psutil.Process]:
        """The processes of sshd that serve connections."""
        if self._process is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self._process.pid).children(recursive=True)
        return []

    def cut(self) -> None:
        """End every connection, as a network that fails does; what runs on the host goes on."""
        for process in self.sessions():
            with contextlib.suppress(psutil.Error):
                if process.name() == "sshd":
                    process.kill()

    def stop(self) -> None:
        """The host is down: nothing listens, and all connections end."""
        if self._process is not None:
            self.cut()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def running(self) -> list[psutil.Process]:
        """All that runs on the host and is no part of sshd."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK) == str(self.place) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def names(self) -> list[str]:
        """The programs of `running`."""
        found = []
        for process in self.running():
            with contextlib.suppress(psutil.Error):
                found.append(process.name())
        return found

    def end(self) -> None:
        self.stop()
        for process in self.running():
            with contextlib.suppress(psutil.Error):
                process.kill()

    def section(self, **more: object) -> HostSection:
        """As pilotage.yaml would have it."""
        given = {
            "address": self.address, "port": self.port, "user": getpass.getuser(), "folder": str(self.folder),
            "config_file": str(self.key.parent / "ssh_config"), **more,
        }  # fmt: skip
        return HostSection.model_validate(given)

    def host(self, **more: object) -> SshHost:
        return SshHost(self.name, self.section(**more), self.place)


@dataclass
class Sshds:
    """Starts hosts. place: for the files of all; `client` in it is the key that may log in."""

    place: Path
    all: list[Sshd] = field(default_factory=list)

    @property
    def key(self) -> Path:
        return self.place / "client"

    @property
    def known_hosts(self) -> Path:
        return self.place / "known_hosts"

    @property
    def config_file(self) -> Path:
        """The user's ssh_config."""
        return self.place / "ssh_config"

    def start(self, name: str = "", *, known: bool = True, extra: tuple[str, ...] = (), path: str = "") -> Sshd:
        """A new host, whose key the client knows unless told otherwise."""
        number = len(self.all) + 2
        name = name or f"web{number - 1}"
        place = self.place / name
        place.mkdir()
        # Of all of 127.0.0.0/8, so that each has an address of its own.
        host = Sshd(name=name, place=place, address=f"127.0.0.{number}", key=self.key, extra=extra, path=path)
        self.all.append(host)
        host.start()
        if known:
            self.know(host)
        return host

    def know(self, host: Sshd) -> None:
        with self.known_hosts.open("a") as file:
            file.write(f"{host.known_line}\n")

    def set_up(self) -> None:
        make_key(self.key)
        self.known_hosts.touch()
        self.config_file.write_text(
            f"Host *\n  IdentityFile {self.key}\n  IdentitiesOnly yes\n  UserKnownHostsFile {self.known_hosts}\n"
            "  GlobalKnownHostsFile /dev/null\n"
        )

    def end(self) -> None:
        close_all()
        for host in self.all:
            host.end()


def until(what: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until it holds."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def make_key(path: Path, *options: str) -> None:
    subprocess.run(
        [needs("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", path, *options], check=True
    )


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshds]:
    """`sshd.start()` is a new host."""
    needs("sshd")
    needs("ssh")
    place = tmp_path / "ssh"
    place.mkdir(mode=0o700)
    hosts = Sshds(place)
    hosts.set_up()
    try:
        yield hosts
    finally:
        hosts.end()
