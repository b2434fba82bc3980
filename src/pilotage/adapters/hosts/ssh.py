"""A machine that SSH reaches, as a host: OpenSSH's client with the user's own configuration, and POSIX sh there."""

from __future__ import annotations

import hashlib
import io
import subprocess
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO

from pilotage.adapters.fence import Fence
from pilotage.adapters.hosts import far_files, ssh_options, ssh_trouble
from pilotage.adapters.hosts.channel import Channel, Cut, Late, Taken
from pilotage.adapters.hosts.connections import line_to
from pilotage.adapters.hosts.far_side import request
from pilotage.adapters.hosts.host import Done, Sink, Unreachable
from pilotage.adapters.hosts.login import Destination
from pilotage.adapters.ports import AdapterError, Fenced
from pilotage.config.hosts import HostSection

_LOGIN = 20.0
"""Seconds that a login may take; many at once take longer than one."""
_USUAL = 1_000_000


class SshHost:
    """The Host port over SSH. name: in the configuration · base: the folder from which relative paths of its section
    start. All hosts of a process share their connections; making one connects to nothing."""

    def __init__(self, name: str, section: HostSection, base: Path) -> None:
        self._destination = Destination(name=name, section=section, base=base)
        self._line = line_to(self._destination)

    @property
    def name(self) -> str:
        return self._destination.name

    @cached_property
    def address(self) -> str:
        section = self._destination.section
        return section.reach or self._host_name()

    @property
    def folder(self) -> str:
        """Raises Unreachable where it is in the user's home and nobody has logged in yet."""
        folder = self._destination.section.folder
        if folder.startswith("/"):
            return folder.rstrip("/") or "/"
        if not self._line.home:
            self.run(["true"])
        return f"{self._line.home.rstrip('/')}/{folder.rstrip('/')}"

    @property
    def login_time(self) -> float:
        """Seconds that the last login took; 0 before the first."""
        return self._line.took

    def run(
        self,
        command: Sequence[str],
        *,
        input: bytes = b"",  # noqa: A002
        environment: Mapping[str, str] | None = None,
        cwd: str = "",
        within: float = 10.0,
        fence: Fence | None = None,
    ) -> Done:
        return self._ask(command, io.BytesIO(input), len(input), environment, cwd, within, fence)

    def follow(
        self,
        command: Sequence[str],
        *,
        out: Sink,
        err: Sink,
        environment: Mapping[str, str] | None = None,
        cwd: str = "",
        within: float = 10.0,
        fence: Fence | None = None,
    ) -> int:
        return self._ask(command, io.BytesIO(), 0, environment, cwd, within, fence, follow=(out, err)).status

    def read(self, path: str, most: int = _USUAL) -> bytes | None:
        done = self._ask(far_files.reading(path, most + 1), io.BytesIO(), 0, None, "", 30.0, None, most=most + 1)
        if done.status == far_files.NOTHING:
            return None
        if done.status:
            raise AdapterError(f"cannot read {path} on {self.name}: {done.said}")
        if len(done.out) > most:
            raise AdapterError(f"{path} on {self.name} is larger than {most} bytes")
        return done.out

    def write(self, path: str, content: bytes, *, mode: int = 0o600, fence: Fence | None = None) -> None:
        self._place(path, io.BytesIO(content), len(content), "", mode, 30.0, fence)

    def send(self, source: Path, path: str, *, within: float, fence: Fence | None = None) -> None:
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
            file.seek(0)
            self._place(path, file, size, digest, 0o600, within, fence)

    def _place(
        self, path: str, source: IO[bytes], size: int, digest: str, mode: int, within: float, fence: Fence | None
    ) -> None:
        done = self._ask(far_files.placing(path, size, digest, mode), source, size, None, "", within, fence)
        if done.status:
            raise AdapterError(f"cannot write {path} on {self.name}: {done.said}")

    def _ask(
        self,
        command: Sequence[str],
        source: IO[bytes],
        size: int,
        environment: Mapping[str, str] | None,
        cwd: str,
        within: float,
        fence: Fence | None,
        *,
        most: int = _USUAL,
        follow: tuple[Sink, Sink] | None = None,
    ) -> Done:
        def asking(nonce: str) -> bytes:
            return request(
                command,
                nonce=nonce,
                size=size,
                within=within,
                environment=environment or {},
                cwd=cwd,
                fence=fence,
                folder=self.folder if fence else "",
                held=follow is not None,
            )

        def ask(channel: Channel) -> Done:
            return channel.ask(asking, source, within=within, most=most, follow=follow)

        try:
            with self._line.channel(_LOGIN) as (channel, used):
                try:
                    return ask(channel)
                except Cut as cut:
                    if cut.begun or cut.silent or not used:
                        raise Unreachable(self._cut(cut, channel, command, within)) from cut
            # The host closed an idle connection, and had not begun.
            source.seek(0)
            with self._line.channel(_LOGIN, fresh=True) as (channel, _):
                try:
                    return ask(channel)
                except Cut as cut:
                    raise Unreachable(self._cut(cut, channel, command, within)) from cut
        except Late:
            raise AdapterError(f"{command[0]} did not end within {within:g} s on {self.name}") from None
        except Taken as taken:
            raise Fenced(
                f"another controller ({taken.by or '?'}, token {taken.token}) has taken over {self.name} from this one "
                f"(token {fence.token if fence else 0})"
            ) from None
        except ValueError as error:
            raise AdapterError(f"cannot run {command[0]!r} on {self.name}: {error}") from error

    def _cut(self, cut: Cut, channel: Channel, command: Sequence[str], within: float) -> str:
        if cut.silent:
            return f"{self._destination.shown} does not answer: {command[0]} was given {within:g} s and a grace"
        reason = ssh_trouble.sentence(channel.log, "")
        return f"the connection to {self._destination.shown} was cut while {command[0]} ran: {reason}"

    def _host_name(self) -> str:
        """What ssh_config makes of the address."""
        destination = self._destination
        where = destination.section.address or destination.name
        try:
            found = subprocess.run(
                ssh_options.asking(destination.name, destination.section, destination.base),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_LOGIN,
                check=False,
            ).stdout.decode(errors="replace")
        except (OSError, subprocess.TimeoutExpired):
            return where
        names = [row.partition(" ")[2] for row in found.splitlines() if row.startswith("hostname ")]
        return names[0] if names else where
