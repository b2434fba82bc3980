"""Opens connections: starts `ssh`, waits until the loop at the other end answers, or says why it does not."""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pilotage.adapters.hosts import ssh_options, ssh_trouble
from pilotage.adapters.hosts.channel import Channel, Cut
from pilotage.adapters.hosts.far_side import loop
from pilotage.adapters.hosts.host import Unreachable
from pilotage.config.hosts import HostSection

_AT_ONCE = 6
"""Logins through one jump host at a time: sshd drops some where ten are under way (MaxStartups)."""
_TO_CONNECT = 10
"""Seconds within which sshd must have answered at all."""
_PAUSES = (0.1, 0.3, 1.0, 2.0)
"""Seconds before another try where sshd hung up at once."""

_through: defaultdict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(_AT_ONCE))


@dataclass(frozen=True, kw_only=True)
class Destination:
    """A host as the configuration describes it. base: the folder from which relative paths start."""

    name: str
    section: HostSection
    base: Path

    @property
    def shown(self) -> str:
        where = self.section.address or self.name
        return self.name if where == self.name else f"{self.name} ({where})"


@dataclass(frozen=True, kw_only=True)
class Opened:
    """home: of the user who logged in · took: seconds."""

    channel: Channel
    home: str
    took: float


def log_in(destination: Destination, within: float) -> Opened:
    """Raises Unreachable."""
    if lacking := ssh_options.lacking(destination.section, destination.base):
        raise Unreachable(f"{destination.name}: {lacking}")
    until = time.monotonic() + within
    gate = _through[destination.section.jump or f"\0{destination.shown}"]
    if not gate.acquire(timeout=within):
        raise Unreachable(f"cannot reach {destination.shown}: too many logins are under way")
    try:
        for pause in (*_PAUSES, None):
            try:
                return _try(destination, until)
            except _Busy as busy:
                if pause is None or time.monotonic() + pause >= until:
                    raise Unreachable(f"cannot reach {destination.shown}: {busy}") from None
                time.sleep(pause)
        raise AssertionError("the last pause is None")
    finally:
        gate.release()


class _Busy(Exception):
    """sshd hung up before the login."""


def _try(destination: Destination, until: float) -> Opened:
    began, nonce = time.monotonic(), secrets.token_hex(16)
    channel = _start(destination, until - began)
    try:
        home = channel.wait_ready(nonce, loop(nonce), until)
    except Cut as cut:
        log, said = channel.log, bytes(channel.said.data[-2000:]).decode(errors="replace")
        channel.close()
        known_hosts = partial(
            ssh_options.known_hosts, destination.name, destination.section, destination.base, _TO_CONNECT
        )
        reason = ssh_trouble.sentence(log, said, known_hosts)
        if cut.silent:
            reason = f"the login took longer than {until - began:.0f} s"
        elif ssh_trouble.is_busy(log, said):
            raise _Busy(
                f"sshd hung up at once ({reason}); it limits logins by MaxStartups and PerSourcePenalties"
            ) from cut
        where = ssh_trouble.destination(log)
        raise Unreachable(f"cannot reach {destination.name}{f' ({where})' if where else ''}: {reason}") from cut
    except BaseException:
        channel.close()
        raise
    return Opened(channel=channel, home=home, took=time.monotonic() - began)


def _start(destination: Destination, within: float) -> Channel:
    number, name = tempfile.mkstemp(dir=ssh_options.private_folder(), prefix="log-")
    log = os.fdopen(number, "rb")
    command = ssh_options.command(
        destination.name,
        destination.section,
        destination.base,
        seconds=max(1, min(_TO_CONNECT, round(within))),
        log=Path(name),
    )
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A session of its own: no terminal that a password could be asked on, and no Ctrl-C meant for us.
            start_new_session=True,
            env=_environment(),
        )
    except OSError as error:
        log.close()
        raise Unreachable(f"cannot start ssh ({error.strerror}); install OpenSSH's client") from error
    return Channel(process, log, Path(name))


def _environment() -> dict[str, str]:
    """Without the language of this machine, which `ssh` would hand on to what runs on the host (SendEnv)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    return {**kept, "SSH_ASKPASS_REQUIRE": "never"}
