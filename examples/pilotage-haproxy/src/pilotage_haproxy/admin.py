"""HAProxy's admin socket (management guide, "Unix Socket commands"): maps, and servers that come and go."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pilotage.ports import AdapterError

_TIMEOUT = 5.0
_IN_MAINTENANCE = 0x7F
"""Bits of a server's administrative state that keep requests away."""


@dataclass(frozen=True)
class Server:
    name: str
    address: tuple[str, int]
    up: bool


class Admin:
    """Each command has a connection of its own; a command line holds 16 kB at most."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def answers(self) -> bool:
        try:
            return bool(self.pid())
        except AdapterError:
            return False

    def pid(self) -> int:
        """The process that answers; another one after each start."""
        lines = self._ask("show info").splitlines()
        return next((int(line.partition(": ")[2]) for line in lines if line.startswith("Pid: ")), 0)

    def statistics(self) -> str:
        """Every counter, as CSV."""
        return self._ask("show stat")

    def map(self, file: Path) -> dict[str, str]:
        """Key and value of every entry."""
        lines = (line.split(" ", 2) for line in self._ask(f"show map {file}").splitlines())
        return {parts[1]: parts[2] for parts in lines if len(parts) == 3}

    def replace_map(self, file: Path, entries: Mapping[str, str]) -> None:
        """All entries at once: no request meets half of them. Nothing is written where they are so already."""
        if self.map(file) == dict(entries):
            return
        said = self._ask(f"prepare map {file}").strip()
        version = said.rpartition(": ")[2]
        if not version.isdigit():
            raise AdapterError(f"HAProxy does not prepare the map {file.name}: {said}")
        lines = [f"{key} {value}" for key, value in entries.items()]
        for first in range(0, len(lines), 500):
            part = "\n".join(lines[first : first + 500])
            self._tell(f"add map @{version} {file} <<\n{part}\n")
        self._tell(f"commit map @{version} {file}")

    def set_map(self, file: Path, key: str, value: str) -> None:
        self.replace_map(file, {**self.map(file), key: value})

    def servers(self, backend: str) -> list[Server]:
        found = []
        for line in self._ask(f"show servers state {backend}").splitlines():
            fields = line.split(" ")
            if len(fields) < 19 or fields[0] == "#" or not fields[0].isdigit():
                continue
            address = (fields[4], int(fields[18]))
            found.append(Server(fields[3], address, up=not int(fields[6]) & _IN_MAINTENANCE))
        return found

    def add_server(self, backend: str, address: tuple[str, int]) -> None:
        host, port = address
        name = f"{host.replace(':', '-')}_{port}"
        # Connections without a request are closed at once, so that a server can be removed when its last request ends.
        self._tell(f"add server {backend}/{name} {host}:{port} pool-max-conn 0", expected="New server registered.")
        self.enable_server(backend, name)

    def enable_server(self, backend: str, name: str) -> None:
        self._tell(f"set server {backend}/{name} state ready")

    def remove_server(self, backend: str, name: str) -> None:
        """No new request; and gone, if none is in flight."""
        self._tell(f"set server {backend}/{name} state maint")
        self._ask(f"del server {backend}/{name}")

    def _tell(self, command: str, expected: str = "") -> None:
        said = self._ask(command).strip()
        if said != expected:
            raise AdapterError(f"HAProxy refuses {command.partition(chr(10))[0]!r}: {said}")

    def _ask(self, command: str) -> str:
        heard = bytearray()
        try:
            with socket.socket(socket.AF_UNIX) as connection, _folder(self._path.parent) as folder:
                connection.settimeout(_TIMEOUT)
                # Through the folder: the path of a socket holds 107 characters, that of a project may be longer.
                connection.connect(f"/proc/self/fd/{folder}/{self._path.name}")
                connection.sendall(f"{command}\n".encode())
                while chunk := connection.recv(65536):
                    heard += chunk
        except OSError as error:
            raise AdapterError(f"HAProxy does not answer at {self._path}: {error.strerror or error}") from None
        return heard.decode(errors="replace")


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
